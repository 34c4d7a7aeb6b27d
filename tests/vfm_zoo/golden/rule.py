"""Weights and images that anyone can draw again, so that only outputs need be kept."""

from __future__ import annotations

import hashlib
import math
import re

import numpy as np
import torch
from torch import Tensor

# Sizes that the public code can be asked for too: its DPT head wants more than nine blocks in the decoder.
ENCODER_WIDTH, ENCODER_DEPTH = 128, 2
DECODER_WIDTH, DECODER_DEPTH = 128, 10

# Height and width of the two views of a pair. Five and three tokens are odd: the DPT head halves and doubles them.
PAIRS = {
    "square": ((32, 32), (32, 32)),
    "wide": ((48, 80), (48, 80)),
    "tall": ((80, 48), (80, 48)),
    "mixed": ((32, 64), (48, 32)),
}

# The tiny encoder's own grid is 5 x 5 patches of 14 pixels: one size needs no new positions, the others do.
VGGT_SIZES = {"square": (70, 70), "wide": (42, 98), "tall": (84, 56)}

# Rows and columns of tokens; the guide has 16 pixels a token, or 14 as for a patch of DINOv2.
FEATUP_CHANNELS = 12
FEATUP_SIZES = {"square": (4, 4, 16), "wide": (3, 6, 16), "patches_of_14": (4, 5, 14)}

# Of the pixels of an output, every thirteenth row and column is kept; of tokens and descriptors, some channels.
STEP = 13
TOKEN_STEP = 16
DESCRIPTOR_STEP = 5


def drawn(name: str, shape: tuple[int, ...]) -> Tensor:
    """The tensor of this name: normal, seeded by the name; weights of variance 1 over the fan-in."""
    values = _generator(name).standard_normal(shape, dtype=np.float32)
    if name.endswith("bias"):
        values *= 0.1
    elif len(shape) == 1:
        values = 1 + 0.1 * values
    else:
        values /= math.sqrt(math.prod(shape[1:]))
    # Exponentials follow the last layer: errors of rounding must not grow with the size of the outputs.
    return torch.from_numpy(values * (0.1 if re.search(r"\.dpt\.head\.4\.|_head\d\.proj\.", name) else 1))


def drawn_any(name: str, shape: tuple[int, ...]) -> Tensor:
    """As `drawn`, for single numbers too: about 1."""
    return drawn(name, shape) if shape else drawn(name, (1,)).reshape(())


def featup_inputs(name: str, size: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    """Tokens ``[1 channel row column]`` and a guide ``[1 3 height width]``, seeded by the name."""
    rows, columns, pixels = size
    values = _generator(name).standard_normal((1, FEATUP_CHANNELS, rows, columns), dtype=np.float32)
    return torch.from_numpy(values), images(name, (rows * pixels, columns * pixels), count=1)


def images(name: str, size: tuple[int, int], count: int = 2) -> Tensor:
    """Uniform noise in [-1, 1], ``[count 3 height width]``, seeded by the name."""
    return torch.from_numpy(_generator(name).random((count, 3, *size), dtype=np.float32) * 2 - 1)


def kept(outputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The part of tokens ``[batch token channel]`` and maps ``[batch height width ...]`` that is stored."""
    parts = {}
    for name, value in outputs.items():
        part = value[..., ::TOKEN_STEP] if name == "tokens" else value[:, ::STEP, ::STEP]
        parts[name] = (part[..., ::DESCRIPTOR_STEP] if name == "descriptors" else part).contiguous()
    return parts


def signature(shapes: dict[str, tuple[int, ...]]) -> dict[str, int | str]:
    """How many tensors and parameters these are, and the digest of their names and shapes."""
    lines = "\n".join(f"{name} {list(shape)}" for name, shape in sorted(shapes.items()))
    return {
        "tensors": len(shapes),
        "parameters": sum(math.prod(shape) for shape in shapes.values()),
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
    }


def _generator(name: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")))
