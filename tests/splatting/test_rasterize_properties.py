"""What must hold for any scene: order, rigid motion, absence, threads; and gsplat's own functions."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.splatting.poses import quaternion_to_matrix
from benchmark.splatting.rasterize import rasterize

PER_GAUSSIAN = ("means", "quats", "scales", "opacities", "colors")
few = settings(max_examples=10, deadline=None)


def gradients(scene: dict[str, Any]) -> list[torch.Tensor]:
    """Image, alpha and the gradients of a weighting of them."""
    leaves = {name: scene[name].clone().requires_grad_() for name in (*PER_GAUSSIAN, "viewmats", "backgrounds")}
    image, alpha, _ = rasterize(**{**scene, **leaves})
    weights = torch.linspace(-1, 1, image.numel()).view_as(image)
    ((image * weights).sum() + alpha.square().sum()).backward()
    return [image.detach(), alpha.detach(), *(leaf.grad for leaf in leaves.values())]


@few
@given(seed=st.integers(0, 1000), count=st.integers(1, 200))
def test_order_of_gaussians_changes_nothing(scene_of, seed, count):
    scene = scene_of(count=count, seed=seed, sh_degree=1)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    shuffled = {**scene, **{name: scene[name][order] for name in PER_GAUSSIAN}}
    first, second = gradients(scene), gradients(shuffled)
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
    for a, b in zip(first[2:7], second[2:7], strict=True):
        assert torch.allclose(a[order], b, rtol=1e-4, atol=1e-5)


@few
@given(seed=st.integers(0, 1000), quat=st.tuples(*[st.floats(-1, 1)] * 4), shift=st.tuples(*[st.floats(-2, 2)] * 3))
def test_rigid_motion_changes_nothing(scene_of, seed, quat, shift):
    q = torch.tensor(quat, dtype=torch.float64) + torch.tensor([1.5, 0, 0, 0], dtype=torch.float64)
    q = q / q.norm()
    motion = torch.eye(4, dtype=torch.float64)
    motion[:3, :3], motion[:3, 3] = quaternion_to_matrix(q), torch.tensor(shift)
    scene = scene_of(seed=seed)
    w, x, y, z = scene["quats"].double().unbind(-1)
    a, b, c, d = q
    turned = torch.stack(
        [
            a * w - b * x - c * y - d * z,
            a * x + b * w + c * z - d * y,
            a * y - b * z + c * w + d * x,
            a * z + b * y - c * x + d * w,
        ],
        dim=-1,
    )
    moved = {
        **scene,
        "means": (scene["means"].double() @ motion[:3, :3].mT + motion[:3, 3]).float(),
        "quats": turned.float(),
        "viewmats": (scene["viewmats"].double() @ torch.linalg.inv(motion)).float(),
    }
    difference = (rasterize(**scene)[0] - rasterize(**moved)[0]).abs()
    # A float32 scene can't be moved exactly: where an alpha is near 1/255 the cut may fall on the other side.
    assert difference.max() < 8e-3 and difference.mean() < 2e-5


@few
@given(seed=st.integers(0, 1000))
def test_opacity_zero_is_absence(scene_of, seed):
    scene = scene_of(seed=seed)
    absent = torch.rand(60, generator=torch.Generator().manual_seed(seed)) < 0.5
    scene["opacities"] = torch.where(absent, 0.0, scene["opacities"])
    without = {**scene, **{name: scene[name][~absent] for name in PER_GAUSSIAN}}
    whole, part = gradients(scene), gradients(without)
    assert torch.equal(whole[0], part[0]) and torch.equal(whole[1], part[1])
    for a, b in zip(whole[2:7], part[2:7], strict=True):
        assert a[absent].abs().sum() == 0 and torch.equal(a[~absent], b)


def test_a_camera_does_not_see_the_others(scene_of):
    scene = scene_of(cameras=3)
    together = rasterize(**scene)[0]
    for k in range(3):
        alone = {**scene, **{name: scene[name][k : k + 1] for name in ("viewmats", "Ks", "backgrounds")}}
        assert torch.equal(together[k : k + 1], rasterize(**alone)[0])


def test_same_bits_on_any_number_of_threads(scene_of):
    import numba

    scene = scene_of(count=3000, width=100, height=70, cameras=2, sh_degree=2)
    most = numba.get_num_threads()
    results = []
    try:
        for threads in (1, 1, *([2, 2] if numba.config.NUMBA_NUM_THREADS > 1 else [])):
            numba.set_num_threads(threads)
            results.append(gradients(scene))
    finally:
        numba.set_num_threads(most)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


GSPLAT = {"modname": "gsplat.cuda._torch_impl", "reason": "gsplat is not installed: pip install 'splatbench[dev]'"}


def test_projection_is_that_of_gsplat(scene_of):
    """Centres, depths and inverse covariances of projected Gaussians."""
    reference = pytest.importorskip(**GSPLAT)
    scene = scene_of(count=500, cameras=3, seed=8)
    covariances, _ = reference._quat_scale_to_covar_preci(
        torch.nn.functional.normalize(scene["quats"].double(), dim=-1), scene["scales"].double(), True, False
    )
    _, means2d, depths, conics, _ = reference._fully_fused_projection(
        scene["means"].double(), covariances, scene["viewmats"].double(), scene["Ks"].double(), 40, 28
    )
    from benchmark.splatting.cpu.engine import Project

    ours = Project.apply(
        *(scene[name] for name in PER_GAUSSIAN[:4]),
        scene["viewmats"], scene["Ks"], (40, 28), (0.01, 1e10, 0.0, 0.3), False,
    )  # fmt: skip
    precision, slope, inverse_yy = ours[2].double().unbind(-1)
    conic = torch.stack([precision, precision * slope, precision * slope.square() + inverse_yy], dim=-1)
    for actual, expected in ((ours[0], means2d), (ours[1], depths), (conic, conics)):
        assert ((actual - expected).abs() <= 1e-5 * (1 + expected.abs())).all()


@pytest.mark.parametrize("sh_degree", [0, 1, 2, 3])
def test_harmonics_are_those_of_gsplat(scene_of, sh_degree):
    reference = pytest.importorskip(**GSPLAT)
    scene = scene_of(count=500, cameras=1, sh_degree=sh_degree, seed=8)
    from benchmark.splatting.cpu.engine import Shade

    position = -(scene["viewmats"][0, :3, :3].mT @ scene["viewmats"][0, :3, 3])
    directions = (scene["means"] - position).double()
    expected = reference._spherical_harmonics(sh_degree, directions, scene["colors"].double()) + 0.5
    seen = torch.ones(1, 500, 2, dtype=torch.int32)
    colors = Shade.apply(sh_degree, scene["means"], position[None], scene["colors"][None], seen)
    assert (colors[0] - expected.clamp_min(0)).abs().max() < 1e-5


def test_rotations_are_those_of_gsplat(scene_of):
    reference = pytest.importorskip(**GSPLAT)
    quats = torch.nn.functional.normalize(scene_of(count=500)["quats"].double(), dim=-1)
    assert (quaternion_to_matrix(quats) - reference._quat_to_rotmat(quats)).abs().max() < 1e-12


BAD = {
    "NaN": ({"means": lambda t: t.index_fill(0, torch.tensor([7]), torch.nan)}, r"means.*\[7, 0\].*not finite"),
    "infinite": ({"opacities": lambda t: t.index_fill(0, torch.tensor([3]), torch.inf)}, r"opacities.*\[3\]"),
    "zero quaternion": ({"quats": lambda t: t.index_fill(0, torch.tensor([5]), 0.0)}, r"quats: row 5.*quaternion"),
    "negative scale": ({"scales": lambda t: t.index_fill(0, torch.tensor([9]), -1.0)}, r"scales: row 9.*at least 0"),
    "opacity above 1": (
        {"opacities": lambda t: t.index_fill(0, torch.tensor([2]), 1.5)},
        r"opacities: row 2.*\[0, 1\]",
    ),
    "wrong shape": ({"scales": lambda t: t[:, :2]}, r"scales: expected shape \[60, 3\], got \[60, 2\]"),
    "wrong count": ({"quats": lambda t: t[:-1]}, r"quats: expected shape \[60, 4\], got \[59, 4\]"),
    "means of points in the plane": ({"means": lambda t: t[:, :2]}, r"means: expected \[gaussian 3\], got \[60, 2\]"),
    "wrong number of cameras": ({"Ks": lambda t: t[:1]}, r"Ks: expected shape \[2, 3, 3\], got \[1, 3, 3\]"),
    "background of other channels": ({"backgrounds": lambda t: t[:, :2]}, r"backgrounds: expected shape \[2, 3\]"),
    "colors of other Gaussians": ({"colors": lambda t: t[:-1]}, r"colors: expected shape \[60, 3\] or \[2, 60, 3\]"),
    "too few harmonics": ({"sh_degree": lambda d: 1}, r"colors: expected \[60, at least 4, channel\] for sh_degree 1"),
    "no channel": ({"colors": lambda t: t[:, :0]}, r"colors: expected at least one channel"),
    "opacities in a column": ({"opacities": lambda t: t[:, None]}, r"opacities: expected shape \[60\], got \[60, 1\]"),
    "a pose alone": ({"viewmats": lambda t: t[0]}, r"viewmats: expected \[camera 4 4\], got \[4, 4\]"),
    "no camera": ({"viewmats": lambda t: t[:0]}, r"viewmats: expected \[camera 4 4\], got \[0, 4, 4\]"),
    "negative opacity": (
        {"opacities": lambda t: t.index_fill(0, torch.tensor([4]), -0.1)},
        r"opacities: row 4.*\[0, 1\]",
    ),
    "NaN in a pose": ({"viewmats": lambda t: t * torch.nan}, r"viewmats: the value at \[0, 0, 0\] is not finite"),
    "infinite focal length": ({"Ks": lambda t: t + torch.inf}, r"Ks: the value at \[0, 0, 0\] is not finite"),
    "NaN in a background": (
        {"backgrounds": lambda t: t + torch.nan},
        r"backgrounds: the value at \[0, 0\] is not finite",
    ),
    "double precision": ({"means": lambda t: t.double()}, r"means: expected float32, got float64"),
    "integers": ({"colors": lambda t: t.int()}, r"colors: expected float32, got int32"),
    "another device": ({"scales": lambda t: t.to("meta")}, r"scales: expected the device of means, cpu, got meta"),
    "no rotation": ({"viewmats": lambda t: t * torch.tensor([1.0, 1.1, 1, 1])[:, None]}, r"viewmats: row 0.*rotation"),
    "a reflection": ({"viewmats": lambda t: t * torch.tensor([1.0, 1, -1, 1])[:, None]}, r"viewmats: row 0.*rotation"),
    "a last row": ({"viewmats": lambda t: t + torch.tensor([0.0, 0, 0, 1])[:, None]}, r"viewmats: row 0"),
    "no focal length": ({"Ks": lambda t: t * torch.tensor([0.0, 1, 1])}, r"Ks: row 0.*focal"),
    "zero width": ({"width": lambda w: 0}, r"width, height.*at least 1 x 1, got 0 x 28"),
    "huge": ({"height": lambda h: 40_000}, r"width, height.*at most 32767"),
    "degree": ({"sh_degree": lambda d: 4}, r"sh_degree: expected 0 to 3"),
    "render mode": ({"render_mode": lambda m: "XYZ"}, r"render_mode: expected one of RGB"),
    "rasterize mode": ({"rasterize_mode": lambda m: "sharp"}, r"rasterize_mode: expected one of classic"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named_before_anything_runs(scene_of, monkeypatch, name):
    import benchmark.splatting.cpu.engine as engine

    def run(*_: Any) -> None:
        raise AssertionError("a kernel ran")

    monkeypatch.setattr(engine, "project", run)
    scene = {**scene_of(), "render_mode": "RGB", "rasterize_mode": "classic"}
    changes, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        rasterize(**{**scene, **{argument: change(scene[argument]) for argument, change in changes.items()}})


@few
@given(
    name=st.sampled_from(PER_GAUSSIAN),
    row=st.integers(0, 2099),
    column=st.integers(0, 3),
    value=st.sampled_from([math.nan, math.inf, -math.inf]),
)
def test_one_bad_value_among_thousands_is_found(scene_of, name, row, column, value):
    scene = scene_of(count=2100, channels=4, cameras=1)
    table = scene[name].view(2100, -1)
    column %= table.shape[1]
    table[row, column] = value
    place = str([row, column] if scene[name].ndim == 2 else [row])
    with pytest.raises(ValueError, match=f"^{name}: the value at {re.escape(place)} is not finite"):
        rasterize(**scene)
