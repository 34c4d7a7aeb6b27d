"""Pictures of a cell's test views, for either track: what was rendered, the photograph, and their difference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image

# An error of a quarter of the range is white.
ERROR_GAIN = 4

Images = Float[torch.Tensor, "view height width channel"]


def write_views(folder: Path, names: Sequence[str], renders: Images, truth: Images) -> None:
    """``renders/``, ``truth/`` and ``error/`` with a PNG a view, named after the photograph; values in [0, 1]."""
    errors = (renders - truth).abs().mean(dim=-1, keepdim=True).mul(ERROR_GAIN).clamp(0, 1)
    for kind, images in {"renders": renders, "truth": truth, "error": errors}.items():
        write_pictures(folder / kind, names, images)


def write_pictures(folder: Path, names: Sequence[str], images: Images) -> None:
    """A PNG a view into a new folder; one channel is grey."""
    folder.mkdir()
    for name, picture in zip(names, images, strict=True):
        pixels = (picture.numpy() * 255).round().astype(np.uint8)
        Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels).save(
            folder / f"{Path(name).stem}.png", optimize=True
        )
