"""`rasterize` on the CPU against a dense double-precision reference: pictures, coverage and every gradient."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from benchmark.splatting.rasterize import rasterize

DIFFERENTIABLE = ("means", "quats", "scales", "opacities", "colors", "viewmats", "backgrounds")


def compare(scene: dict[str, Any], dense: Any, most_undecided: float = 0.02, **options: Any) -> None:
    """Images within 1e-4 and gradients of a random weighting of them within 1e-3, where rounding decides nothing."""
    scene = {**scene, **options}
    names = [name for name in DIFFERENTIABLE if scene.get(name) is not None]
    single = {name: scene[name].detach().float().requires_grad_() for name in names}
    double = {name: scene[name].detach().double().requires_grad_() for name in names}
    image, alpha, _ = rasterize(**{**scene, **single})
    wanted, wanted_alpha, undecided = dense({**scene, **double, "Ks": scene["Ks"].double()})
    assert image.shape == wanted.shape and alpha.shape == wanted_alpha.shape
    assert undecided.float().mean() <= most_undecided
    decided = ~undecided
    assert (image - wanted)[decided].abs().max() < 1e-4 * max(1.0, float(wanted.detach().abs().max()))
    assert (alpha - wanted_alpha)[decided].abs().max() < 1e-4

    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(image.shape, generator=generator) * decided[..., None]
    alpha_weights = torch.randn(alpha.shape, generator=generator) * decided[..., None]
    ((image * weights).sum() + (alpha * alpha_weights).sum()).backward()
    ((wanted * weights).sum() + (wanted_alpha * alpha_weights).sum()).backward()
    for name in names:
        actual, expected = single[name].grad, double[name].grad
        if expected is None:  # colours where only depth is shown
            assert actual is None or actual.abs().sum() == 0, name
            continue
        assert actual is not None, name
        if name == "viewmats":
            actual, expected = actual[:, :3], expected[:, :3]
        assert torch.isfinite(actual).all(), name
        size = float(expected.norm())
        assert float((actual - expected).norm()) <= 1e-3 * size + 1e-6, (name, float((actual - expected).norm()), size)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rasterize_mode", ["classic", "antialiased"])
def test_random_scene(scene_of, dense, seed, rasterize_mode):
    compare(scene_of(seed=seed), dense, rasterize_mode=rasterize_mode)


@pytest.mark.parametrize("render_mode", ["D", "ED", "RGB+D", "RGB+ED"])
def test_depth_modes(scene_of, dense, render_mode):
    scene = scene_of(count=80, seed=4)
    if "RGB" not in render_mode:
        scene["backgrounds"] = None
    compare(scene, dense, render_mode=render_mode)


@pytest.mark.parametrize("channels", [1, 4, 5, 16, 64])
def test_any_number_of_channels(scene_of, dense, channels):
    compare(scene_of(count=40, cameras=1, channels=channels), dense)


@pytest.mark.parametrize("sh_degree", [0, 1, 2, 3])
@pytest.mark.parametrize("channels", [3, 8])
def test_spherical_harmonics(scene_of, dense, sh_degree, channels):
    compare(scene_of(count=40, channels=channels, sh_degree=sh_degree), dense)


def test_coefficients_beyond_the_degree_are_left_alone(scene_of):
    scene = scene_of(count=20, sh_degree=3)
    coefficients = scene["colors"].requires_grad_()
    image = rasterize(**{**scene, "sh_degree": 1})[0]
    image.sum().backward()
    assert torch.equal(image, rasterize(**{**scene, "colors": coefficients.detach()[:, :4], "sh_degree": 1})[0])
    assert coefficients.grad[:, :4].abs().sum() > 0 and coefficients.grad[:, 4:].abs().sum() == 0


def test_colors_of_each_camera(scene_of, dense):
    scene = scene_of(cameras=3)
    scene["colors"] = torch.rand(3, 60, 3, generator=torch.Generator().manual_seed(2))
    compare(scene, dense)


def test_bins_at_the_border(scene_of, dense):
    """Sizes that no bin divides, and one that a single pixel makes."""
    compare(scene_of(width=67, height=35, cameras=1), dense)
    compare(scene_of(width=1, height=1, cameras=1), dense)


def test_every_limit(scene_of, dense):
    scene = scene_of(count=100, cameras=1, seed=3)
    compare(scene, dense, near_plane=2.8, far_plane=3.4, eps2d=0.1)
    compare(scene, dense, radius_clip=9.0)


def one_gaussian(**changes: Any) -> dict[str, Any]:
    scene = {
        "means": torch.tensor([[0.02, -0.03, 2.0]]),
        "quats": torch.tensor([[0.9, 0.1, -0.3, 0.2]]),
        "scales": torch.tensor([[0.2, 0.1, 0.15]]),
        "opacities": torch.tensor([0.8]),
        "colors": torch.tensor([[0.2, 0.5, 0.9]]),
        "viewmats": torch.eye(4)[None],
        "Ks": torch.tensor([[[30.0, 0, 16], [0, 30, 12], [0, 0, 1]]]),
        "width": 32,
        "height": 24,
        "backgrounds": torch.tensor([[0.3, 0.1, 0.7]]),
    }
    return {**scene, **changes}


DEGENERATE = {
    "one": {},
    "opacity 1": {"opacities": torch.tensor([1.0])},
    "larger than the image": {"scales": torch.tensor([[9.0, 11.0, 2.0]])},
    "a needle": {"scales": torch.tensor([[0.6, 1e-5, 1e-5]])},
    "a flat disc seen from its edge": {
        "scales": torch.tensor([[0.5, 0.5, 1e-6]]),
        "quats": torch.tensor([[math.sqrt(0.5), 0.0, math.sqrt(0.5), 1e-3]]),
    },
    "half outside": {"means": torch.tensor([[1.05, 0.2, 2.0]])},
    "beyond the bound of the Jacobian": {"means": torch.tensor([[1.9, -0.2, 2.0]]), "scales": torch.ones(1, 3)},
    "tiny": {"scales": torch.full((1, 3), 1e-7)},
    "close to the near plane": {"means": torch.tensor([[0.0, 0.0, 0.02]]), "scales": torch.full((1, 3), 1e-3)},
}


@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.parametrize("rasterize_mode", ["classic", "antialiased"])
def test_one_degenerate_gaussian(dense, name, rasterize_mode):
    if name == "tiny" and rasterize_mode == "antialiased":
        pytest.skip("its compensated opacity is far below 1/255: nothing is drawn")
    compare(one_gaussian(**DEGENERATE[name]), dense, 0.05, rasterize_mode=rasterize_mode)


def test_many_needles(scene_of, dense):
    scene = scene_of(count=60, cameras=1, seed=5)
    scene["scales"] = torch.stack([torch.full((60,), 0.4), torch.full((60,), 2e-4), torch.full((60,), 2e-4)], dim=1)
    compare(scene, dense)


def test_thousands_on_one_pixel(dense):
    count, generator = 4000, torch.Generator().manual_seed(0)
    scene = one_gaussian(width=8, height=8, Ks=torch.tensor([[[30.0, 0, 4], [0, 30, 4], [0, 0, 1]]]))
    scene |= {
        "means": torch.tensor([0.0, 0.0, 2.0]) + 0.01 * torch.randn(count, 3, generator=generator),
        "quats": torch.randn(count, 4, generator=generator),
        "scales": torch.full((count, 3), 0.02),
        "opacities": 0.004 + 0.002 * torch.rand(count, generator=generator),
        "colors": torch.rand(count, 3, generator=generator),
    }
    compare(scene, dense, most_undecided=0.9)


@pytest.mark.parametrize(
    "changes",
    [
        {"means": torch.tensor([[0.02, -0.03, -2.0]])},
        {"opacities": torch.tensor([0.0])},
        {"opacities": torch.tensor([0.003])},
        {"means": torch.tensor([[50.0, 0.0, 2.0]])},
        {name: torch.zeros(0, *size) for name, size in (("means", (3,)), ("quats", (4,)), ("scales", (3,)))}
        | {"opacities": torch.zeros(0), "colors": torch.zeros(0, 3)},
    ],
    ids=["behind the camera", "opacity 0", "opacity below 1/255", "outside of the frustum", "no Gaussian"],
)
def test_nothing_seen_is_background_without_gradient(changes):
    scene = one_gaussian(**changes)
    for name in DIFFERENTIABLE:
        scene[name] = scene[name].clone().requires_grad_()
    image, alpha, meta = rasterize(**scene)
    assert torch.equal(image, scene["backgrounds"].detach().expand(1, 24, 32, 3)) and alpha.abs().max() == 0
    assert meta["radii"].sum() == 0
    (image.sum() + alpha.sum()).backward()
    for name in DIFFERENTIABLE[:-1]:
        assert scene[name].grad.abs().sum() == 0, name
    assert torch.equal(scene["backgrounds"].grad, torch.full((1, 3), 24.0 * 32.0))


def test_meta_and_its_gradients(scene_of, dense, project_densely):
    """Radii, centres and depths, and the gradients to the centres that densification reads."""
    scene = scene_of(cameras=2, seed=6)
    scene["means"].requires_grad_()
    image, _, meta = rasterize(**scene)
    meta["means2d"].retain_grad()
    image.square().sum().backward()
    assert (meta["width"], meta["height"], meta["n_cameras"]) == (40, 28, 2)
    double = {k: v.detach().double() if isinstance(v, torch.Tensor) else v for k, v in scene.items()}
    for camera in range(2):
        wanted = project_densely(double, camera)
        visible = wanted["radii"][:, 0] > 0
        assert torch.equal(meta["radii"][camera].double(), wanted["radii"])
        assert torch.allclose(meta["means2d"][camera].double()[visible], wanted["means2d"][visible], atol=1e-4)
        assert torch.allclose(meta["depths"][camera].double()[visible], wanted["depths"][visible], atol=1e-5)
    shift = torch.zeros(2, 60, 2, dtype=torch.float64, requires_grad=True)
    dense({**double, "shift2d": shift})[0].square().sum().backward()
    assert meta["means2d"].grad.shape == (2, 60, 2)
    assert (meta["means2d"].grad - shift.grad).norm() < 1e-3 * shift.grad.norm()
