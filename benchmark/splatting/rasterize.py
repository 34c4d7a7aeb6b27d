"""`rasterize`: Gaussians to pictures, with gradients, on the CPU (Numba) or on CUDA (gsplat).

Argument names, shapes and conventions are those of gsplat's ``rasterization``.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from jaxtyping import Float
from torch.nn import functional

from benchmark.splatting.checks import check_arguments

RenderMode = Literal["RGB", "D", "ED", "RGB+D", "RGB+ED"]


def rasterize(
    means: Float[torch.Tensor, "gaussian 3"],
    quats: Float[torch.Tensor, "gaussian 4"],
    scales: Float[torch.Tensor, "gaussian 3"],
    opacities: Float[torch.Tensor, "gaussian"],
    colors: torch.Tensor,
    viewmats: Float[torch.Tensor, "camera 4 4"],
    Ks: Float[torch.Tensor, "camera 3 3"],
    width: int,
    height: int,
    near_plane: float = 0.01,
    far_plane: float = 1e10,
    radius_clip: float = 0.0,
    eps2d: float = 0.3,
    sh_degree: int | None = None,
    backgrounds: Float[torch.Tensor, "camera channel"] | None = None,
    render_mode: RenderMode = "RGB",
    rasterize_mode: Literal["classic", "antialiased"] = "classic",
) -> tuple[torch.Tensor, torch.Tensor, dict[str, Any]]:
    """Render Gaussians into one or more cameras; differentiable in every tensor but ``Ks``.

    All tensors are float32 on one device.

    Parameters
    ----------
    means
        Centres in world coordinates.
    quats
        Rotations ``(w, x, y, z)`` of any length but zero.
    scales
        Standard deviations along the rotated axes, at least 0.
    opacities
        In [0, 1].
    colors
        ``[gaussian channel]`` or ``[camera gaussian channel]``, any number of channels; with ``sh_degree``,
        coefficients ``[gaussian (sh_degree + 1)^2 or more, channel]``, shown as ``max(value + 0.5, 0)``.
    viewmats
        World-to-camera, OpenCV axes, rigid.
    Ks
        Intrinsics in pixels; the centre of the first pixel is (0.5, 0.5).
    near_plane, far_plane
        Depths outside of which a Gaussian is not seen.
    radius_clip
        Gaussians of at most this radius in pixels are not drawn.
    eps2d
        Added to the diagonal of the projected covariance, in square pixels.
    backgrounds
        Behind everything; None is black.
    render_mode
        What the channels are: colours, accumulated depth (D), depth over coverage (ED), or colours and one of them.
    rasterize_mode
        ``antialiased`` scales opacities so that the blur of ``eps2d`` keeps their integral (Mip-Splatting).

    Returns
    -------
    render
        ``[camera height width channel]``, not clamped.
    alphas
        ``[camera height width 1]``.
    meta
        ``means2d [camera gaussian 2]`` (part of the graph: call ``retain_grad`` on it for densification),
        ``depths [camera gaussian]``, ``radii [camera gaussian 2]`` (0 where not seen), ``width``, ``height``,
        ``n_cameras``.

    Raises
    ------
    ValueError
        Naming the argument, what is wrong in it first, and what was expected; before anything is computed.
    """
    arguments = dict(locals())
    check_arguments(arguments)
    if means.is_cuda:
        from benchmark.splatting.cuda import rasterize_cuda

        return rasterize_cuda(arguments)
    return _rasterize_cpu(**arguments)


def _rasterize_cpu(
    means: torch.Tensor,
    quats: torch.Tensor,
    scales: torch.Tensor,
    opacities: torch.Tensor,
    colors: torch.Tensor,
    viewmats: torch.Tensor,
    sh_degree: int | None,
    backgrounds: torch.Tensor | None,
    **rest: Any,
) -> tuple[torch.Tensor, torch.Tensor, dict[str, Any]]:
    # Only a process that renders on the CPU pays for loading Numba's kernels.
    from benchmark.splatting.cpu.engine import Blend, Project, Shade

    size, render_mode = (rest["width"], rest["height"]), rest["render_mode"]
    limits = tuple(float(rest[name]) for name in ("near_plane", "far_plane", "radius_clip", "eps2d"))
    antialiased = rest["rasterize_mode"] == "antialiased"
    means2d, depths, shapes, projected, radii, log_opacities, boxes = Project.apply(
        means, quats, scales, opacities, viewmats, rest["Ks"], size, limits, antialiased
    )
    layers = []
    if "RGB" in render_mode:
        if sh_degree is None:
            layers.append(colors if colors.ndim == 3 else colors[None])
        else:
            positions = -(viewmats[:, :3, :3].mT @ viewmats[:, :3, 3:]).squeeze(-1)
            functions = (sh_degree + 1) ** 2
            layers.append(Shade.apply(sh_degree, means, positions, colors[None, :, :functions], radii))
    if render_mode != "RGB":
        layers.append(depths[..., None])
    if len(layers) > 1:
        layers[0] = layers[0].expand(len(viewmats), -1, -1)
    values = torch.cat(layers, dim=-1) if len(layers) > 1 else layers[0]
    behind = torch.zeros(len(viewmats), values.shape[-1])
    if backgrounds is not None and "RGB" in render_mode:
        # Nothing lies behind the depth channel.
        behind = functional.pad(backgrounds, (0, values.shape[-1] - backgrounds.shape[-1]))
    image, alphas = Blend.apply(means2d, shapes, projected, values, behind, depths.detach(), log_opacities, boxes, size)
    if render_mode.endswith("ED"):
        mean_depth = image[..., -1:] / alphas.clamp_min(1e-10)
        image = torch.cat([image[..., :-1], mean_depth], dim=-1)
    meta = {
        "means2d": means2d,
        "depths": depths,
        "radii": radii,
        "width": size[0],
        "height": size[1],
        "n_cameras": len(viewmats),
    }
    return image, alphas, meta
