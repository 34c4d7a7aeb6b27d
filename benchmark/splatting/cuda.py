"""The CUDA backend: gsplat under our signature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from benchmark.errors import MissingError

# From the degree, directions [... 3] and coefficients [... coefficient 3] to colours [... 3], without the 0.5.
Harmonics = Callable[[int, Tensor, Tensor], Tensor]


def rasterize_cuda(arguments: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor, dict[str, Any]]:
    """Call ``gsplat.rasterization``, whose argument names are ours; `MissingError` with the remedy where it is not installed."""
    try:
        from gsplat import rasterization, spherical_harmonics
    except ImportError:
        raise MissingError("rendering on CUDA needs gsplat: pip install 'splatbench[gpu]'") from None
    degree, colors = arguments["sh_degree"], arguments["colors"]
    if degree is not None and colors.shape[-1] != 3:
        # gsplat's own harmonics know three channels; its rasteriser takes any number.
        shown = shade(degree, arguments["means"], arguments["viewmats"], colors, spherical_harmonics)
        arguments = {**arguments, "sh_degree": None, "colors": shown}
    # Not packed: the entries of meta then are [camera gaussian ...], as those of the CPU backend.
    return rasterization(**arguments, packed=False)


def shade(
    degree: int,
    means: Float[Tensor, "gaussian 3"],
    viewmats: Float[Tensor, "camera 4 4"],
    coefficients: Float[Tensor, "gaussian coefficient channel"],
    harmonics: Harmonics,
) -> Float[Tensor, "camera gaussian channel"]:
    """Colours of any number of channels as each camera sees them, three channels at a time: ``max(value + 0.5, 0)``."""
    count, _, channels = coefficients.shape
    groups = -(-channels // 3)
    padded = functional.pad(coefficients[:, : (degree + 1) ** 2], (0, groups * 3 - channels))
    # [gaussian, group, coefficient, 3]
    grouped = padded.unflatten(2, (groups, 3)).movedim(2, 1)
    positions = -(viewmats[:, :3, :3].mT @ viewmats[:, :3, 3:]).squeeze(-1)
    directions = (means - positions[:, None])[:, :, None].expand(-1, -1, groups, -1)
    cameras = len(viewmats)
    values = harmonics(degree, directions.contiguous(), grouped.expand(cameras, -1, -1, -1, -1).contiguous())
    return (values.reshape(cameras, count, groups * 3)[..., :channels] + 0.5).clamp_min(0)
