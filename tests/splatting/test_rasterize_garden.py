"""The trained garden scene that gsplat's own tests use, at its full size, against the double-precision reference.

All 138,766 Gaussians are drawn at 648x420 from each of its three cameras. The dense reference holds every Gaussian over
every pixel, so it is made for windows: corners of the picture, whose bins are cut, and places where bins meet. Whatever can
touch a window takes part. The file has centres, colours and cameras; the rest is drawn at random, as in gsplat's tests.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from benchmark.splatting.rasterize import rasterize

pytestmark = pytest.mark.real
PER_GAUSSIAN = ("means", "quats", "scales", "opacities", "colors")
# Left, top, width, height: the upper left corner, the lower right one, and two places where four bins meet.
WINDOWS = ((0, 0, 24, 16), (628, 404, 20, 16), (312, 184, 20, 16), (474, 280, 12, 16))


@pytest.fixture(scope="module")
def garden(shared_data) -> dict[str, Any]:
    with np.load(shared_data / "gsplat_test_garden.npz") as values:
        means, colors = torch.from_numpy(values["means3d"]), torch.from_numpy(values["colors"]).float() / 255
        views, lenses = torch.from_numpy(values["viewmats"]), torch.from_numpy(values["Ks"])
        width, height = int(values["width"]), int(values["height"])
    count, generator = len(means), torch.Generator().manual_seed(0)
    assert (count, len(views), width, height) == (138_766, 3, 648, 420)
    return {
        "means": means,
        "quats": torch.randn(count, 4, generator=generator),
        "scales": 0.02 * torch.rand(count, 3, generator=generator),
        "opacities": torch.rand(count, generator=generator),
        "colors": colors,
        "viewmats": views,
        "Ks": lenses,
        "width": width,
        "height": height,
        "backgrounds": torch.full((3, 3), 0.5),
    }


def one_camera(scene: dict[str, Any], camera: int) -> dict[str, Any]:
    return {**scene, **{name: scene[name][camera : camera + 1] for name in ("viewmats", "Ks", "backgrounds")}}


def touching(seen: dict[str, torch.Tensor], window: tuple[int, int, int, int]) -> torch.Tensor:
    left, top, width, height = window
    low, high = seen["means2d"] - seen["radii"] - 1, seen["means2d"] + seen["radii"] + 1
    inside = (high[:, 0] >= left) & (low[:, 0] <= left + width) & (high[:, 1] >= top) & (low[:, 1] <= top + height)
    return inside & (seen["radii"][:, 0] > 0)


@pytest.mark.parametrize("camera", range(3))
@pytest.mark.parametrize("rasterize_mode", ["classic", "antialiased"])
def test_windows_and_gradients(garden, project_densely, blend_densely, camera, rasterize_mode):
    """Pictures within 1e-4, gradients of the windows within 1e-3, and none to what cannot touch them."""
    scene = {**one_camera(garden, camera), "rasterize_mode": rasterize_mode}
    names = (*PER_GAUSSIAN, "viewmats", "backgrounds")
    single = {name: scene[name].clone().requires_grad_() for name in names}
    image, alpha, _ = rasterize(**{**scene, **single})

    double = {k: v.double() if isinstance(v, torch.Tensor) else v for k, v in scene.items()}
    boxes = project_densely(double, 0)
    near = torch.stack([touching(boxes, window) for window in WINDOWS]).any(0)
    leaves = {
        k: (v[near] if k in PER_GAUSSIAN else v).clone().requires_grad_() for k, v in double.items() if k in names
    }
    seen = project_densely({**double, **leaves}, 0)
    loss, wanted_loss = torch.zeros(()), torch.zeros((), dtype=torch.float64)
    generator = torch.Generator().manual_seed(1)
    for window in WINDOWS:
        left, top, width, height = window
        here = touching(seen, window)
        part = {name: value[here] for name, value in seen.items()}
        part["means2d"] = part["means2d"] - torch.tensor([left, top])
        wanted, remains, undecided = blend_densely(part, leaves["colors"][here], width, height)
        wanted = (wanted + remains[:, None] * leaves["backgrounds"]).view(height, width, 3)
        decided = ~undecided.view(height, width)
        assert decided.float().mean() > 0.5
        shown, coverage = (value[0, top : top + height, left : left + width] for value in (image, alpha))
        wanted_coverage = 1 - remains.view(height, width, 1)
        assert (shown - wanted)[decided].abs().max() < 1e-4
        assert (coverage - wanted_coverage)[decided].abs().max() < 1e-4
        weights = torch.randn(height, width, 4, generator=generator) * decided[..., None]
        loss = loss + (torch.cat([shown, coverage], dim=-1) * weights).sum()
        wanted_loss = wanted_loss + (torch.cat([wanted, wanted_coverage], dim=-1) * weights).sum()
    loss.backward()
    wanted_loss.backward()
    assert 300 < int(near.sum()) < 60_000
    for name in names:
        actual, expected = single[name].grad, leaves[name].grad
        if name in PER_GAUSSIAN:
            assert not actual[~near].any(), name
            actual = actual[near]
        if name == "viewmats":
            actual, expected = actual[:, :3], expected[:, :3]
        assert (actual - expected).norm() <= 1e-3 * expected.norm(), name


def test_three_cameras_at_once_are_each_alone(garden):
    together = rasterize(**garden)[0]
    for camera in range(3):
        assert torch.equal(together[camera : camera + 1], rasterize(**one_camera(garden, camera))[0])
