"""A plain, dense, double-precision rasteriser in PyTorch, and scenes to compare with it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

from benchmark.splatting.poses import quaternion_to_matrix

Arguments = dict[str, Any]
SH = (0.28209479177387814, 0.4886025119029199, 1.0925484305920792, 0.31539156525252005, 0.5462742152960396)


def look_at(eye: tuple[float, float, float], roll: float = 0.0) -> torch.Tensor:
    """World-to-camera of a camera at ``eye`` that looks at the origin (OpenCV axes)."""
    position = torch.tensor(eye, dtype=torch.float64)
    forward = functional.normalize(-position, dim=0)
    up = torch.tensor([math.sin(roll), math.cos(roll), 0.1], dtype=torch.float64)
    right = functional.normalize(torch.linalg.cross(up, forward), dim=0)
    rotation = torch.stack([right, torch.linalg.cross(forward, right), forward])
    matrix = torch.eye(4, dtype=torch.float64)
    matrix[:3, :3], matrix[:3, 3] = rotation, -rotation @ position
    return matrix


def random_scene(
    count: int = 60,
    width: int = 40,
    height: int = 28,
    cameras: int = 2,
    channels: int = 3,
    sh_degree: int | None = None,
    seed: int = 0,
) -> Arguments:
    """Arguments of ``rasterize`` in float32: a ball of Gaussians of unit size, seen from about three units away."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    eyes = [(0.3 + 0.9 * k, -0.4 * k, -3.0 + 0.5 * k) for k in range(cameras)]
    lens = torch.tensor([[width * 1.1, 0, width * 0.48], [0, width * 1.2, height * 0.53], [0, 0, 1.0]])
    shape = (count, channels) if sh_degree is None else (count, (sh_degree + 1) ** 2, channels)
    return {
        "means": 0.5 * normal(count, 3),
        "quats": normal(count, 4),
        "scales": torch.exp(-2.2 + 0.5 * normal(count, 3)),
        "opacities": torch.rand(count, generator=generator) * 0.9 + 0.05,
        "colors": torch.rand(*shape, generator=generator) if sh_degree is None else 0.4 * normal(*shape),
        "viewmats": torch.stack([look_at(eye, 0.2 * k) for k, eye in enumerate(eyes)]).float(),
        "Ks": lens.expand(cameras, 3, 3).clone(),
        "width": width,
        "height": height,
        "sh_degree": sh_degree,
        "backgrounds": torch.rand(cameras, channels, generator=generator),
    }


def harmonics(directions: torch.Tensor, degree: int) -> torch.Tensor:
    """Real spherical harmonics ``[... (degree + 1)^2]`` of unit vectors, in the signs and order of 3DGS."""
    x, y, z = directions.unbind(-1)
    values = [torch.full_like(x, SH[0])]
    if degree > 0:
        values += [-SH[1] * y, SH[1] * z, -SH[1] * x]
    if degree > 1:
        a, b, c = SH[2], SH[3], SH[4]
        values += [a * x * y, -a * y * z, b * (2 * z * z - x * x - y * y), -a * x * z, c * (x * x - y * y)]
    if degree > 2:
        s = math.sqrt(math.pi)
        k3, k2 = math.sqrt(70) / 8 / s, math.sqrt(105) / 2 / s
        k1, k0 = math.sqrt(42) / 8 / s, math.sqrt(7) / 4 / s
        values += [
            -k3 * y * (3 * x * x - y * y),
            k2 * x * y * z,
            -k1 * y * (4 * z * z - x * x - y * y),
            k0 * z * (2 * z * z - 3 * x * x - 3 * y * y),
            -k1 * x * (4 * z * z - x * x - y * y),
            k2 / 2 * z * (x * x - y * y),
            -k3 * x * (x * x - 3 * y * y),
        ]
    return torch.stack(values, dim=-1)


def project(scene: Arguments, camera: int) -> dict[str, torch.Tensor]:
    """Where each Gaussian lies in one camera's image, with full covariances, and gsplat's rules of culling."""
    view, lens = scene["viewmats"][camera], scene["Ks"][camera]
    width, height = scene["width"], scene["height"]
    center = scene["means"] @ view[:3, :3].mT + view[:3, 3]
    x, y, z = center.unbind(-1)
    fx, fy, cx, cy = lens[0, 0], lens[1, 1], lens[0, 2], lens[1, 2]
    means2d = torch.stack([fx * x / z + cx, fy * y / z + cy], dim=-1)
    if "shift2d" in scene:  # asks for the gradient to the projected centres
        means2d = means2d + scene["shift2d"][camera]
    across = (x / z).clamp(-cx / fx - 0.15 * width / fx, (width - cx) / fx + 0.15 * width / fx)
    down = (y / z).clamp(-cy / fy - 0.15 * height / fy, (height - cy) / fy + 0.15 * height / fy)
    zero = torch.zeros_like(z)
    jacobian = torch.stack([fx / z, zero, -fx * across / z, zero, fy / z, -fy * down / z], dim=-1).view(-1, 2, 3)
    rotation = quaternion_to_matrix(functional.normalize(scene["quats"], dim=-1))
    root = jacobian @ view[:3, :3] @ rotation * scene["scales"][:, None, :]
    sharp = root @ root.mT
    # det(root root^T) by Cauchy-Binet: the difference of products would cancel for needles even in float64.
    normal = torch.linalg.cross(root[:, 0], root[:, 1])
    eps = scene.get("eps2d", 0.3)
    blurred = sharp + eps * torch.eye(2, dtype=sharp.dtype)
    det = normal.square().sum(-1) + eps * (sharp[:, 0, 0] + sharp[:, 1, 1]) + eps * eps
    opacities = scene["opacities"]
    if scene.get("rasterize_mode", "classic") == "antialiased":
        opacities = opacities * (normal.square().sum(-1) / det + 1e-300).sqrt()
    extent = (2 * torch.log(255 * opacities.detach().clamp_min(1e-6))).clamp_min(0).sqrt().clamp_max(3.33)
    radii = (extent[:, None] * blurred.detach().diagonal(dim1=1, dim2=2).sqrt()).ceil()
    seen = (z >= scene.get("near_plane", 0.01)) & (z <= scene.get("far_plane", 1e10)) & (opacities >= 1 / 255)
    seen &= (means2d + radii > 0).all(-1) & (means2d - radii < torch.tensor([width, height])).all(-1)
    seen &= radii.amax(-1) > scene.get("radius_clip", 0.0)
    adjugate = torch.stack([blurred[:, 1, 1], -blurred[:, 0, 1], -blurred[:, 1, 0], blurred[:, 0, 0]], dim=-1)
    return {
        "means2d": means2d,
        "depths": z,
        "precisions": adjugate.view(-1, 2, 2) / det[:, None, None],
        "opacities": opacities,
        "radii": torch.where(seen[:, None], radii, 0.0),
    }


def blend(seen: dict[str, torch.Tensor], values: torch.Tensor, width: int, height: int) -> tuple[torch.Tensor, ...]:
    """Every Gaussian over every pixel, nearest first: image, coverage, and the pixels where rounding decides.

    A pixel is undecided if an alpha lies so close to 1/255 or .999, or a transmittance to 1e-4, that float32 may cut
    on the other side of it.
    """
    kept = (seen["radii"][:, 0] > 0).nonzero()[:, 0]
    kept = kept[torch.argsort(seen["depths"].detach()[kept], stable=True)]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixels = torch.stack([columns, rows], dim=-1).view(-1, 1, 2) + 0.5
    offset = pixels - seen["means2d"][kept]
    squared = torch.einsum("pgi,gij,pgj->pg", offset, seen["precisions"][kept], offset)
    free = seen["opacities"][kept] * torch.exp(-0.5 * squared)
    alpha = torch.where(free >= 1 / 255, free.clamp_max(0.999), 0.0)
    through = torch.cumprod(1 - alpha, dim=1)
    # The Gaussian that would make a pixel opaque is not drawn, nor is what lies behind it.
    drawn = (through > 1e-4).detach() | (torch.cumsum(alpha.detach(), dim=1) == 0)
    alpha = torch.where(drawn, alpha, 0.0)
    after = torch.cumprod(1 - alpha, dim=1)
    before = torch.cat([torch.ones(len(after), 1, dtype=after.dtype), after[:, :-1]], dim=1)
    image = torch.einsum("pg,gc->pc", alpha * before, values[kept])
    remains = after[:, -1] if len(kept) else torch.ones(len(pixels), dtype=values.dtype)
    tight = ((free * 255 - 1).abs() < 1e-3) | ((free - 0.999).abs() < 1e-5)
    tight = (tight & drawn) | ((through / 1e-4 - 1).abs() < 1e-2)
    return image, remains, tight.any(1).detach()


def dense_rasterize(scene: Arguments) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Image, alpha and the mask of undecided pixels for arguments of ``rasterize``, in float64."""
    width, height, degree = scene["width"], scene["height"], scene.get("sh_degree")
    mode = scene.get("render_mode", "RGB")
    images, alphas, doubts = [], [], []
    for camera in range(len(scene["viewmats"])):
        seen = project(scene, camera)
        colors = scene["colors"]
        if degree is not None:
            view = scene["viewmats"][camera]
            directions = functional.normalize(scene["means"] + view[:3, :3].mT @ view[:3, 3], dim=-1)
            basis = harmonics(directions, degree)
            colors = (torch.einsum("gf,gfc->gc", basis, colors[:, : basis.shape[1]]) + 0.5).clamp_min(0)
        elif colors.ndim == 3:
            colors = colors[camera]
        layers = [colors] if "RGB" in mode else []
        layers += [seen["depths"][:, None]] if mode != "RGB" else []
        image, remains, doubt = blend(seen, torch.cat(layers, dim=-1), width, height)
        if "ED" in mode:
            expected = image[:, -1:] / (1 - remains[:, None]).clamp_min(1e-10)
            image = torch.cat([image[:, :-1], expected], dim=-1)
        if scene.get("backgrounds") is not None and "RGB" in mode:
            behind = scene["backgrounds"][camera]
            behind = functional.pad(behind, (0, image.shape[-1] - len(behind)))
            image = image + remains[:, None] * behind
        images.append(image.view(height, width, -1))
        alphas.append(1 - remains.view(height, width, 1))
        doubts.append(doubt.view(height, width))
    return torch.stack(images), torch.stack(alphas), torch.stack(doubts)


@pytest.fixture(scope="session")
def scene_of() -> Callable[..., Arguments]:
    """`random_scene`."""
    return random_scene


@pytest.fixture(scope="session")
def dense() -> Callable[[Arguments], tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """`dense_rasterize`."""
    return dense_rasterize


@pytest.fixture(scope="session")
def blend_densely() -> Callable[..., tuple[torch.Tensor, ...]]:
    """`blend`."""
    return blend


@pytest.fixture(scope="session")
def project_densely() -> Callable[[Arguments, int], dict[str, torch.Tensor]]:
    """`project`."""
    return project
