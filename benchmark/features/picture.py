"""What a model sees, as a picture: the first three principal components of its tokens as red, green and blue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from PIL import Image
from torch.nn import functional

from benchmark.errors import InputError
from benchmark.features.extract import extract
from benchmark.features.feature_maps import FeatureMaps
from benchmark.features.reduce import reduce_channels
from benchmark.protocols import Images, Reduce
from benchmark.scenes.images import resize
from benchmark.scenes.scene import View
from vfm_zoo.registry import Entry

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
# Colours between these shares of all tokens fill the range; a few outliers would leave the rest grey.
DARKEST, BRIGHTEST = 0.01, 0.99
# Of a photograph in the picture, and of the gap beside it, in pixels.
WIDTH, GAP = 320, 4
# Photographs in a row, each with its features to its right.
ACROSS = 3


def views_of(folder: Path) -> list[View]:
    """The photographs of a folder, by name.

    Raises
    ------
    InputError
        If there is no such folder, no photograph in it, or one that cannot be opened.
    """
    if not folder.is_dir():
        raise InputError(f"images {folder}: is no folder; give one with photographs ({', '.join(SUFFIXES)})")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise InputError(f"images {folder}: holds no photograph ({', '.join(SUFFIXES)})")
    views = []
    for path in paths:
        try:
            with Image.open(path) as image:
                views.append(View(path.name, path, *image.size))
        except OSError as error:
            raise InputError(f"image {path.name}: cannot be opened ({error}); remove or replace it") from None
    return views


def feature_picture(
    entry: Entry, views: Sequence[View], images: Images, device: str = "cpu"
) -> UInt8[np.ndarray, "height width 3"]:
    """Every photograph with its features to its right, in the order of the views.

    One decomposition for all views, so that a colour means the same in each.
    """
    first = views[0]
    height = max(1, round(WIDTH * first.height / first.width))
    photographs = np.stack([resize(view.image(), WIDTH, height) for view in views])
    return sheet_of(extract(entry, views, images, device), photographs)


def sheet_of(
    maps: FeatureMaps, photographs: Float32[np.ndarray, "view height width 3"]
) -> UInt8[np.ndarray, "rows columns 3"]:
    """Photographs, in [0, 1], each with its features to its right; features may be reduced already."""
    height, width = photographs.shape[1:3]
    coloured = colours(reduce_channels(maps, Reduce(components=3, scaling="none")))
    grids = functional.interpolate(coloured, size=(height, width), mode="nearest")
    pairs = np.concatenate((photographs, grids.permute(0, 2, 3, 1).numpy()), axis=2)
    return _sheet((pairs * 255).round().clip(0, 255).astype(np.uint8))


def colours(maps: FeatureMaps) -> torch.Tensor:
    """``[view 3 row column]`` in [0, 1], each channel stretched over all views; a constant or absent one is half."""
    channels = []
    for channel in maps.grid[:, :3].unbind(1):
        low, high = np.quantile(channel.numpy(), (DARKEST, BRIGHTEST))
        flat = not high > low
        channels.append(torch.full_like(channel, 0.5) if flat else ((channel - low) / (high - low)).clamp(0, 1))
    while len(channels) < 3:
        channels.append(torch.full_like(channels[0], 0.5))
    return torch.stack(channels, dim=1)


def _sheet(pairs: UInt8[np.ndarray, "view height width 3"]) -> UInt8[np.ndarray, "height width 3"]:
    count, height, width, _ = pairs.shape
    columns = min(ACROSS, count)
    rows = math.ceil(count / columns)
    sheet = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), 255, np.uint8)
    for index, pair in enumerate(pairs):
        row, column = divmod(index, columns)
        top, left = row * (height + GAP), column * (width + GAP)
        sheet[top : top + height, left : left + width] = pair
    return sheet
