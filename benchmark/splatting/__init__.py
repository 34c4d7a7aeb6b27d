"""Gaussians, and the way from them to pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.splatting.rasterize import rasterize as rasterize

__all__ = ["rasterize"]


def __getattr__(name: str) -> Any:
    # The kernels' compiler is loaded with the first use, not with the Gaussians.
    if name == "rasterize":
        from benchmark.splatting.rasterize import rasterize

        return rasterize
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
