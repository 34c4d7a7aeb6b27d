"""What `rasterize` asks of its arguments, checked before anything is computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

RENDER_MODES = ("RGB", "D", "ED", "RGB+D", "RGB+ED")
RASTERIZE_MODES = ("classic", "antialiased")
# Pixels are counted in 16 bits.
MOST_PIXELS = 32767
RIGID_TOLERANCE = 1e-3
GAUSSIANS, CAMERAS = ("means", "quats", "scales", "opacities", "colors"), ("viewmats", "Ks", "backgrounds")


def check_arguments(arguments: dict[str, Any]) -> None:
    """Raise ValueError for the arguments of ``rasterize``, by name: what is wrong first, and what was expected."""
    _check_choices(arguments)
    tensors = _check_shapes(arguments)
    means = arguments["means"]
    for name, value in tensors.items():
        if value.device != means.device:
            raise ValueError(f"{name}: expected the device of means, {means.device}, got {value.device}")
        if value.dtype != torch.float32:
            raise ValueError(f"{name}: expected float32, got {str(value.dtype).removeprefix('torch.')}")
    _check_cameras(tensors)
    if means.is_cuda or not _acceptable(tensors):
        with torch.no_grad():
            for name in GAUSSIANS:
                _check_finite(name, tensors[name])
            _check_gaussians(tensors)


def _check_choices(arguments: dict[str, Any]) -> None:
    width, height, degree = arguments["width"], arguments["height"], arguments["sh_degree"]
    if width < 1 or height < 1:
        raise ValueError(f"width, height: expected at least 1 x 1, got {width} x {height}")
    if max(width, height) > MOST_PIXELS:
        raise ValueError(f"width, height: expected at most {MOST_PIXELS} pixels a side, got {width} x {height}")
    if degree not in (None, 0, 1, 2, 3):
        raise ValueError(f"sh_degree: expected 0 to 3 or None, got {degree}")
    for name, choices in (("render_mode", RENDER_MODES), ("rasterize_mode", RASTERIZE_MODES)):
        if arguments[name] not in choices:
            raise ValueError(f"{name}: expected one of {', '.join(choices)}, got {arguments[name]!r}")


def _check_shapes(arguments: dict[str, Any]) -> dict[str, torch.Tensor]:
    """All tensors by name, with the shapes that the means and the cameras call for."""
    means, viewmats, colors = arguments["means"], arguments["viewmats"], arguments["colors"]
    degree, backgrounds = arguments["sh_degree"], arguments["backgrounds"]
    if means.ndim != 2 or means.shape[1] != 3:
        raise ValueError(f"means: expected [gaussian 3], got {list(means.shape)}")
    if viewmats.ndim != 3 or viewmats.shape[1:] != (4, 4) or len(viewmats) == 0:
        raise ValueError(f"viewmats: expected [camera 4 4], got {list(viewmats.shape)}")
    count, cameras = len(means), len(viewmats)
    channels = colors.shape[-1] if colors.ndim else 0
    color_shapes = [[count, channels], [cameras, count, channels]]
    if degree is not None:
        functions = colors.shape[1] if colors.ndim == 3 else 0
        color_shapes = [[count, functions, channels]]
        if functions < (degree + 1) ** 2:
            raise ValueError(
                f"colors: expected [{count}, at least {(degree + 1) ** 2}, channel] for sh_degree {degree}, "
                f"got {list(colors.shape)}"
            )
    if channels == 0:
        raise ValueError(f"colors: expected at least one channel, got {list(colors.shape)}")
    wanted = {
        "means": [[count, 3]],
        "quats": [[count, 4]],
        "scales": [[count, 3]],
        "opacities": [[count]],
        "colors": color_shapes,
        "viewmats": [[cameras, 4, 4]],
        "Ks": [[cameras, 3, 3]],
    }
    if backgrounds is not None:
        wanted["backgrounds"] = [[cameras, channels]]
    for name, shapes in wanted.items():
        shape = list(arguments[name].shape)
        if shape not in shapes:
            raise ValueError(f"{name}: expected shape {' or '.join(map(str, shapes))}, got {shape}")
    return {name: arguments[name] for name in wanted}


def _acceptable(tensors: dict[str, torch.Tensor]) -> bool:
    """Whether nothing is wrong with the Gaussians: on the CPU one pass says so, many times faster than PyTorch's ten."""
    from benchmark.splatting.cpu.screening import acceptable

    tables = (np.ascontiguousarray(tensors[name].detach().numpy()).reshape(-1) for name in GAUSSIANS)
    return acceptable(*tables)


def _check_finite(name: str, value: torch.Tensor) -> None:
    if not torch.isfinite(value).all():
        place = (~torch.isfinite(value)).nonzero()[0].tolist()
        raise ValueError(f"{name}: the value at {place} is not finite; expected finite numbers")


def _check_gaussians(tensors: dict[str, torch.Tensor]) -> None:
    scales, opacities, quats = (tensors[name] for name in ("scales", "opacities", "quats"))
    _check_rows("quats", quats, quats.square().sum(-1) > 0, "a quaternion other than zero")
    _check_rows("scales", scales, (scales >= 0).all(-1), "standard deviations of at least 0")
    _check_rows("opacities", opacities, (opacities >= 0) & (opacities <= 1), "an opacity in [0, 1]")


def _check_cameras(tensors: dict[str, torch.Tensor]) -> None:
    # A handful of numbers: on CUDA they are fetched, and NumPy is the faster one at so few.
    few = {name: tensors[name].detach().cpu() for name in CAMERAS if name in tensors}
    for name, value in few.items():
        if not np.isfinite(value.numpy()).all():
            _check_finite(name, value)
    lenses, views = few["Ks"], few["viewmats"].numpy().astype(np.float64)
    _check_rows("Ks", lenses, (lenses[:, 0, 0] > 0) & (lenses[:, 1, 1] > 0), "focal lengths above 0")
    rotations = views[:, :3, :3]
    rigid = np.abs(rotations @ rotations.mT - np.eye(3)).max((1, 2)) < RIGID_TOLERANCE
    rigid &= (np.linalg.det(rotations) > 0) & (views[:, 3] == (0, 0, 0, 1)).all(-1)
    wanted = "a rotation and a translation over the row 0, 0, 0, 1"
    _check_rows("viewmats", few["viewmats"], torch.from_numpy(rigid), wanted)


def _check_rows(name: str, value: torch.Tensor, good: torch.Tensor, wanted: str) -> None:
    if not good.all():
        first = int((~good).nonzero()[0, 0])
        raise ValueError(f"{name}: row {first} is {value[first].flatten().tolist()[:16]}; expected {wanted}")
