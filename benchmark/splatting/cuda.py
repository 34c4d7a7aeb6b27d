"""The CUDA backend: gsplat under our signature."""

from __future__ import annotations

from typing import Any

import torch

from benchmark.errors import MissingError


def rasterize_cuda(arguments: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor, dict[str, Any]]:
    """Call ``gsplat.rasterization``, whose argument names are ours; `MissingError` with the remedy where it is not installed."""
    try:
        from gsplat import rasterization
    except ImportError:
        raise MissingError("rendering on CUDA needs gsplat: pip install 'splatbench[gpu]'") from None
    # Not packed: the entries of meta then are [camera gaussian ...], as those of the CPU backend.
    return rasterization(**arguments, packed=False)
