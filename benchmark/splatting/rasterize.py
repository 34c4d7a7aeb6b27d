"""`rasterize`: Gaussians to pictures, with gradients, on the CPU (Numba) or on CUDA (gsplat).

Argument names, shapes and conventions are those of gsplat's ``rasterization``.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from jaxtyping import Float
from torch.nn import functional

RenderMode = Literal["RGB", "D", "ED", "RGB+D", "RGB+ED"]
RENDER_MODES = ("RGB", "D", "ED", "RGB+D", "RGB+ED")
RASTERIZE_MODES = ("classic", "antialiased")


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
    _check(means, quats, scales, opacities, colors, viewmats, Ks, width, height, sh_degree, backgrounds)
    if render_mode not in RENDER_MODES:
        raise ValueError(f"render_mode: expected one of {', '.join(RENDER_MODES)}, got {render_mode!r}")
    if rasterize_mode not in RASTERIZE_MODES:
        raise ValueError(f"rasterize_mode: expected one of {', '.join(RASTERIZE_MODES)}, got {rasterize_mode!r}")
    if means.is_cuda:
        from benchmark.splatting.cuda import rasterize_cuda

        return rasterize_cuda(
            means, quats, scales, opacities, colors, viewmats, Ks, width, height, near_plane, far_plane, radius_clip,
            eps2d, sh_degree, backgrounds, render_mode, rasterize_mode,
        )  # fmt: skip
    return _rasterize_cpu(
        means, quats, scales, opacities, colors, viewmats, Ks, width, height,
        (near_plane, far_plane, radius_clip, eps2d), sh_degree, backgrounds, render_mode,
        rasterize_mode == "antialiased",
    )  # fmt: skip


def _rasterize_cpu(
    means: torch.Tensor,
    quats: torch.Tensor,
    scales: torch.Tensor,
    opacities: torch.Tensor,
    colors: torch.Tensor,
    viewmats: torch.Tensor,
    Ks: torch.Tensor,
    width: int,
    height: int,
    limits: tuple[float, float, float, float],
    sh_degree: int | None,
    backgrounds: torch.Tensor | None,
    render_mode: RenderMode,
    antialiased: bool,
) -> tuple[torch.Tensor, torch.Tensor, dict[str, Any]]:
    # Only a process that renders on the CPU pays for loading Numba's kernels.
    from benchmark.splatting.cpu.engine import Blend, Project, Shade

    size = (width, height)
    limits = tuple(float(value) for value in limits)  # type: ignore[assignment]
    means2d, depths, shapes, projected, radii, log_opacities, boxes = Project.apply(
        means, quats, scales, opacities, viewmats, Ks, size, limits, antialiased
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
        "width": width,
        "height": height,
        "n_cameras": len(viewmats),
    }
    return image, alphas, meta


def _check(
    means: torch.Tensor,
    quats: torch.Tensor,
    scales: torch.Tensor,
    opacities: torch.Tensor,
    colors: torch.Tensor,
    viewmats: torch.Tensor,
    Ks: torch.Tensor,
    width: int,
    height: int,
    sh_degree: int | None,
    backgrounds: torch.Tensor | None,
) -> None:
    if width < 1 or height < 1:
        raise ValueError(f"width, height: expected at least 1 x 1, got {width} x {height}")
    if means.ndim != 2 or means.shape[1] != 3:
        raise ValueError(f"means: expected [gaussian 3], got {list(means.shape)}")
    if viewmats.ndim != 3 or viewmats.shape[1:] != (4, 4) or len(viewmats) == 0:
        raise ValueError(f"viewmats: expected [camera 4 4], got {list(viewmats.shape)}")
    count, cameras = len(means), len(viewmats)
    expected: dict[str, tuple[torch.Tensor, list[list[int]]]] = {
        "quats": (quats, [[count, 4]]),
        "scales": (scales, [[count, 3]]),
        "opacities": (opacities, [[count]]),
        "Ks": (Ks, [[cameras, 3, 3]]),
    }
    channels = colors.shape[-1] if colors.ndim else 0
    if sh_degree is None:
        expected["colors"] = (colors, [[count, channels], [cameras, count, channels]])
    else:
        if sh_degree not in (0, 1, 2, 3):
            raise ValueError(f"sh_degree: expected 0 to 3 or None, got {sh_degree}")
        functions = colors.shape[1] if colors.ndim == 3 else 0
        if functions < (sh_degree + 1) ** 2:
            raise ValueError(
                f"colors: expected [{count}, at least {(sh_degree + 1) ** 2}, channel] for sh_degree {sh_degree}, "
                f"got {list(colors.shape)}"
            )
        expected["colors"] = (colors, [[count, functions, channels]])
    if backgrounds is not None:
        expected["backgrounds"] = (backgrounds, [[cameras, channels]])
    for name, (value, shapes) in expected.items():
        if list(value.shape) not in shapes:
            raise ValueError(f"{name}: expected shape {' or '.join(map(str, shapes))}, got {list(value.shape)}")
    for name, value in (("means", means), ("viewmats", viewmats), *((k, v) for k, (v, _) in expected.items())):
        if value.device != means.device:
            raise ValueError(f"{name}: expected the device of means, {means.device}, got {value.device}")
        _check_finite(name, value)
    _check_rows("quats", quats, quats.detach().square().sum(-1) > 0, "a quaternion other than zero")
    _check_rows("scales", scales, (scales.detach() >= 0).all(-1), "standard deviations of at least 0")
    rotations = viewmats.detach()[:, :3, :3].double()
    identity = torch.eye(3, dtype=torch.float64, device=rotations.device)
    rigid = ((rotations @ rotations.mT - identity).abs().amax((1, 2)) < 1e-3) & (torch.linalg.det(rotations) > 0)
    _check_rows("viewmats", viewmats, rigid, "a rotation and a translation")


def _check_finite(name: str, value: torch.Tensor) -> None:
    # A sum is one pass and finite only if all is; only when it is not, the place is looked for.
    if not torch.isfinite(value.detach().sum()) and not torch.isfinite(value.detach()).all():
        place = (~torch.isfinite(value.detach())).nonzero()[0].tolist()
        raise ValueError(f"{name}: the value at {place} is not finite; expected finite numbers")


def _check_rows(name: str, value: torch.Tensor, good: torch.Tensor, wanted: str) -> None:
    if not good.all():
        first = int((~good).nonzero()[0, 0])
        raise ValueError(f"{name}: row {first} is {value.detach()[first].flatten().tolist()[:12]}; expected {wanted}")
