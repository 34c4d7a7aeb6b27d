"""What an entry sees in the train views, reduced to the protocol's channels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

from benchmark.errors import CellError, InputError, MissingError
from benchmark.features.feature_maps import FeatureMaps
from benchmark.features.reduce import reduce_channels
from benchmark.protocols import Images, Reduce
from benchmark.scenes.images import resize
from benchmark.scenes.scene import View
from benchmark.scenes.sizes import working_size
from vfm_zoo.registry import Entry, ZooError, load

# Rises when the code of this package changes a number that neither the entry nor the protocol shows.
FEATURES_VERSION = 1

# Views that pass through a network at once: enough to keep a GPU busy, few enough for a laptop's memory.
BATCH = 4


def feature_maps(
    entry: Entry, views: Sequence[View], images: Images, reduce: Reduce, device: str = "cpu"
) -> FeatureMaps:
    """Features of the given views, extracted and reduced; what a track reads out of.

    Raises
    ------
    InputError
        If an image is smaller than a token, or the views do not share one grid; names the image.
    MissingError
        If the entry's package or weights are not there; names the remedy.
    CellError
        If the network gives something that its card does not say, or that is not finite.
    """
    return reduce_channels(extract(entry, views, images, device), reduce, project=entry.kind != "raw")


def extract(entry: Entry, views: Sequence[View], images: Images, device: str = "cpu") -> FeatureMaps:
    """Features of the given views with all their channels, on the CPU.

    The image is stretched to the size that `input_size` gives, never padded or cropped (Q7, Q8), so the grid covers it
    exactly.
    """
    if not views:
        raise ValueError("views: expected at least one")
    width, height = _common_size(entry, views, images)
    try:
        extractor = load(entry, device)
    except ZooError as error:
        raise MissingError(str(error)) from error
    positions = torch.arange(len(views)) / max(1, len(views) - 1)
    grids = []
    step = len(views) if entry.whole_scene else BATCH
    for start in range(0, len(views), step):
        batch = slice(start, start + step)
        photographs = np.stack([resize(view.image(), width, height) for view in views[batch]])
        try:
            grids.append(extractor(_channels_first(photographs), positions[batch]).cpu())
        except ZooError as error:
            raise CellError(str(error)) from error
    return FeatureMaps(torch.cat(grids), reduction={"input_size": [width, height]})


def input_size(entry: Entry, width: int, height: int, images: Images) -> tuple[int, int]:
    """``(width, height)`` at which an entry sees an image of this size.

    Networks see the protocol's ``feature_long_side``, each side rounded to the nearest multiple that they take, by
    itself (Q12), unless the entry fixes the size itself. Raw entries see the size that is fitted: one token is then one
    Gaussian, and nothing is interpolated.

    Raises
    ------
    InputError
        If a side is shorter than one token.
    """
    if entry.kind == "raw":
        return working_size(width, height, images.long_side)
    if entry.input.side is not None:
        return entry.input.side, entry.input.side
    multiple = entry.input.multiple_of
    scaled = working_size(width, height, images.feature_long_side)
    if min(scaled) < multiple:
        raise InputError(
            f"{scaled[0]} x {scaled[1]} pixels are less than a token of '{entry.name}' ({multiple} x {multiple});"
            " use larger images or an entry with smaller tokens"
        )
    across, down = ((side + multiple // 2) // multiple * multiple for side in scaled)
    return across, down


def _common_size(entry: Entry, views: Sequence[View], images: Images) -> tuple[int, int]:
    first_size = None
    for view in views:
        try:
            size = input_size(entry, view.width, view.height, images)
        except InputError as error:
            raise InputError(f"image {view.name}: {error}") from None
        first_size = first_size or size
        if size != first_size:
            first = views[0]
            raise InputError(
                f"image {view.name} is {view.width} x {view.height} and {first.name} is {first.width} x {first.height}:"
                " the train views of a scene must share one size; crop or resize them"
            )
    assert first_size is not None
    return first_size


def _channels_first(photographs: np.ndarray) -> Float[torch.Tensor, "batch 3 height width"]:
    return torch.from_numpy(photographs).permute(0, 3, 1, 2).contiguous()
