"""`Scene`: what the photographs of one place are, before anything is computed from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from benchmark.cameras import Camera
from benchmark.scenes.lens import Lens


@dataclass(frozen=True)
class View:
    """One photograph; pixels are read when asked for.

    Attributes
    ----------
    name
        File name without folder, unique in the scene; the id that splits and records use.
    width, height
        Size in pixels after EXIF rotation.
    camera
        True camera at this size, or None where it is not known.
    depth_path
        ``.npy`` of float32 z-depth ``[height width]`` in the scene's unit; 0 marks unknown.
    mask_path
        Image whose non-zero pixels may be used.
    lens
        What the photograph's lens does beyond a pinhole. `load_scene` straightens it, so in a `Scene` it is None.
    """

    name: str
    image_path: Path
    width: int
    height: int
    camera: Camera | None = None
    depth_path: Path | None = None
    mask_path: Path | None = None
    lens: Lens | None = None

    def image(self) -> UInt8[np.ndarray, "height width 3"]:
        """sRGB pixels, EXIF-rotated; raises `InputError` naming the file when it cannot be decoded."""
        from benchmark.scenes.images import read_image

        return read_image(self.image_path)

    def depth(self) -> Float32[np.ndarray, "height width"] | None:
        """True z-depth, 0 where unknown; None where the scene has none."""
        return None if self.depth_path is None else np.load(self.depth_path, allow_pickle=False)

    def mask(self) -> Bool[np.ndarray, "height width"] | None:
        """Pixels that may be used; None means all."""
        if self.mask_path is None:
            return None
        from benchmark.scenes.images import read_mask

        return read_mask(self.mask_path)


@dataclass(frozen=True)
class Scene:
    """Photographs of one place and how they are split.

    Attributes
    ----------
    train, test
        Indices into ``views``; disjoint.
    digest
        SHA-256 over everything that can change a number: image, depth and mask bytes, cameras, split.
    """

    dataset: str
    name: str
    views: tuple[View, ...]
    train: tuple[int, ...]
    test: tuple[int, ...]
    digest: str

    @cached_property
    def train_views(self) -> tuple[View, ...]:
        return tuple(self.views[index] for index in self.train)

    @cached_property
    def test_views(self) -> tuple[View, ...]:
        return tuple(self.views[index] for index in self.test)
