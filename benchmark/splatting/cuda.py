"""The CUDA backend: gsplat under our signature."""

from __future__ import annotations

from typing import Any

import torch

from benchmark.errors import MissingError


def rasterize_cuda(
    means: torch.Tensor,
    quats: torch.Tensor,
    scales: torch.Tensor,
    opacities: torch.Tensor,
    colors: torch.Tensor,
    viewmats: torch.Tensor,
    Ks: torch.Tensor,
    width: int,
    height: int,
    near_plane: float,
    far_plane: float,
    radius_clip: float,
    eps2d: float,
    sh_degree: int | None,
    backgrounds: torch.Tensor | None,
    render_mode: str,
    rasterize_mode: str,
) -> tuple[torch.Tensor, torch.Tensor, dict[str, Any]]:
    """Call ``gsplat.rasterization``; `MissingError` with the remedy where it is not installed."""
    try:
        from gsplat import rasterization
    except ImportError:
        raise MissingError("rendering on CUDA needs gsplat: pip install 'splatbench[gpu]'") from None
    return rasterization(
        means=means,
        quats=quats,
        scales=scales,
        opacities=opacities,
        colors=colors,
        viewmats=viewmats,
        Ks=Ks,
        width=width,
        height=height,
        near_plane=near_plane,
        far_plane=far_plane,
        radius_clip=radius_clip,
        eps2d=eps2d,
        sh_degree=sh_degree,
        backgrounds=backgrounds,
        render_mode=render_mode,
        rasterize_mode=rasterize_mode,
        packed=False,
    )
