"""Square textures cut from the photographs that ship inside scikit-image (public domain or CC0).

Only its PNG files are used: decoders of JPEG differ in the last bit, and a studio must have the same pixels everywhere.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from PIL import Image

from benchmark.errors import MissingError

SIDE = 256
LEVELS = 9  # 256, 128, ... 1

# File and the square (left, top, side) of it that becomes a texture.
PHOTOS: tuple[tuple[str, int, int, int], ...] = (
    ("astronaut.png", 0, 0, 512),
    ("astronaut.png", 120, 0, 256),
    ("astronaut.png", 0, 256, 256),
    ("astronaut.png", 256, 200, 256),
    ("chelsea.png", 80, 0, 300),
    ("chelsea.png", 100, 40, 160),
    ("chelsea.png", 260, 110, 180),
    ("coffee.png", 100, 0, 400),
    ("coffee.png", 0, 150, 250),
    ("coffee.png", 330, 20, 260),
    ("ihc.png", 0, 0, 256),
    ("ihc.png", 200, 200, 300),
)
GREYS: tuple[tuple[str, int, int, int], ...] = (
    ("brick.png", 0, 0, 512),
    ("brick.png", 100, 100, 256),
    ("grass.png", 0, 0, 512),
    ("grass.png", 128, 128, 256),
    ("gravel.png", 0, 0, 512),
    ("gravel.png", 200, 64, 256),
    ("camera.png", 0, 0, 512),
    ("camera.png", 110, 50, 256),
    ("coins.png", 20, 0, 300),
    ("moon.png", 100, 100, 320),
    ("cell.png", 0, 60, 550),
    ("page.png", 100, 0, 190),
    ("text.png", 140, 0, 172),
    ("clock_motion.png", 50, 0, 300),
)


def level_offsets() -> list[int]:
    """Where each level of the pyramid starts among a texture's texels."""
    sides = [SIDE >> level for level in range(LEVELS)]
    return [sum(side * side for side in sides[:level]) for level in range(LEVELS)]


@cache
def texture_pyramids() -> Float32[np.ndarray, "texture texel 3"]:
    """All textures, photographs first, each with its pyramid of halved copies, in linear light.

    Light is taken as the square of the stored value: near enough to sRGB, and exact on every machine.
    """
    return np.stack([_pyramid(_cut(*square)) for square in (*PHOTOS, *GREYS)])


def _cut(name: str, left: int, top: int, side: int) -> Float32[np.ndarray, "side side 3"]:
    import skimage

    path = Path(skimage.__file__).parent / "data" / name
    if not path.is_file():
        raise MissingError(
            f"dataset 'studio': scikit-image came without its photograph {name}; "
            "install its wheel: pip install --force-reinstall scikit-image"
        )
    with Image.open(path) as image:
        square = image.convert("RGB").crop((left, top, left + side, top + side))
        # Pillow resizes 8-bit images in whole numbers, so the result does not depend on the machine.
        pixels = np.asarray(square.resize((SIDE, SIDE), Image.Resampling.LANCZOS), dtype=np.float32)
    return (pixels / np.float32(255.0)) ** 2


def _pyramid(texture: Float32[np.ndarray, "side side 3"]) -> Float32[np.ndarray, "texel 3"]:
    levels = [texture]
    while len(levels[-1]) > 1:
        finer = levels[-1]
        coarser = (finer[::2, ::2] + finer[1::2, ::2] + finer[::2, 1::2] + finer[1::2, 1::2]) * np.float32(0.25)
        levels.append(coarser)
    return np.concatenate([level.reshape(-1, 3) for level in levels])
