"""Clone, split, prune and reset: against gsplat's strategy where it is installed, and rule by rule."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from benchmark.splatting.densification import (
    Densification,
    DensificationSettings,
    GradientStatistics,
    Refinement,
    apply_refinement,
    plan_refinement,
    reset_opacities,
)

WIDTH, HEIGHT = 64, 48


def random_parameters(count: int, seed: int = 0) -> dict[str, torch.nn.Parameter]:
    """Scales and opacities on both sides of every threshold."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    values = {
        "means": normal(count, 3),
        "log_scales": -4.6 + 1.2 * normal(count, 3),
        "quaternions": 3 * normal(count, 4),
        "opacity_logits": -4 + 3 * normal(count),
        "sh_dc": normal(count, 1, 3),
        "sh_rest": normal(count, 15, 3),
    }
    return {name: torch.nn.Parameter(value) for name, value in values.items()}


def adam_after_two_steps(parameters: dict[str, torch.nn.Parameter]) -> torch.optim.Adam:
    optimizer = torch.optim.Adam([{"params": [value], "name": name} for name, value in parameters.items()], lr=1e-3)
    for step in range(2):
        for value in parameters.values():
            value.grad = torch.randn(value.shape, generator=torch.Generator().manual_seed(step))
        optimizer.step()
    optimizer.zero_grad()
    return optimizer


def meta_of(count: int, cameras: int, seed: int) -> dict[str, Any]:
    """What the rasteriser and a backward pass would leave."""
    generator = torch.Generator().manual_seed(seed)
    means2d = torch.zeros(cameras, count, 2, requires_grad=True)
    means2d.grad = torch.randn(cameras, count, 2, generator=generator) * 4e-6
    radii = torch.randint(0, 3, (cameras, count, 2), generator=generator)
    return {"means2d": means2d, "radii": radii, "width": WIDTH, "height": HEIGHT}


@pytest.mark.parametrize("cameras", [1, 3])
def test_every_decision_is_that_of_gsplats_default_strategy(cameras: int) -> None:
    gsplat = pytest.importorskip("gsplat", reason="compares with the package gsplat, the extra [gpu]")
    theirs_of = {"log_scales": "scales", "quaternions": "quats", "opacity_logits": "opacities"}
    ours = random_parameters(100)
    optimizer = adam_after_two_steps(ours)
    theirs = {theirs_of.get(name, name): value for name, value in random_parameters(100).items()}
    their_optimizers: dict[str, torch.optim.Adam] = {}
    for step in range(2):
        for name, value in theirs.items():
            their_optimizers.setdefault(name, torch.optim.Adam([value], lr=1e-3))
            value.grad = torch.randn(value.shape, generator=torch.Generator().manual_seed(step))
            their_optimizers[name].step()

    schedule = {"refine_start_iter": 2, "refine_stop_iter": 32, "refine_every": 5, "reset_every": 10}
    strategy = gsplat.DefaultStrategy(**schedule)
    state = strategy.initialize_state(scene_scale=1.3)
    densification = Densification(DensificationSettings(start=2, stop=32, every=5, reset_every=10), extent=1.3)
    happened = torch.zeros(3, dtype=torch.long)
    for step in range(35):
        meta = meta_of(len(ours["means"]), cameras, step)
        torch.manual_seed(step)
        ours = densification.after_step(step, ours, optimizer, meta)
        torch.manual_seed(step)
        their_meta = {**meta, "n_cameras": cameras, "gaussian_ids": None}
        strategy.step_post_backward(theirs, their_optimizers, state, step, their_meta)
        if step in (10, 20, 30):  # what release 1.5.3 omits and later ones do
            gsplat.strategy.default.reset_opa(params=theirs, optimizers=their_optimizers, state=state, value=0.01)
        if densification.settings.refines_at(step) and (last := densification.last) is not None:
            happened += torch.tensor([last.cloned, last.split, last.pruned])
        for name, value in ours.items():
            other = theirs[theirs_of.get(name, name)]
            torch.testing.assert_close(value, other, rtol=1e-5, atol=1e-6, msg=lambda text, n=name: f"{n}: {text}")
            for key in ("exp_avg", "exp_avg_sq"):
                moment = their_optimizers[theirs_of.get(name, name)].state[other][key]
                assert torch.equal(optimizer.state[value][key], moment), (step, name, key)
    assert (happened > 10).all()


def test_the_opacity_reset_that_gsplat_1_5_3_omits_takes_place() -> None:
    settings = DensificationSettings(start=0, stop=100, every=1000, reset_every=7)
    parameters = random_parameters(50)
    parameters["opacity_logits"].data.fill_(3.0)
    densification, optimizer = Densification(settings, extent=1.0), adam_after_two_steps(parameters)
    for step in range(8):
        parameters = densification.after_step(step, parameters, optimizer, meta_of(50, 1, step))
        expected = 0.01 if step == 7 else torch.sigmoid(parameters["opacity_logits"][0]).item()
        assert parameters["opacity_logits"].sigmoid().max().item() == pytest.approx(expected)
        assert (parameters["opacity_logits"].max() > 2) == (step < 7)


def plan(parameters: dict[str, torch.nn.Parameter], pull: torch.Tensor, step: int = 600) -> Refinement:
    statistics = GradientStatistics(pull, torch.ones_like(pull))
    generator = torch.Generator().manual_seed(0)
    return plan_refinement(parameters, statistics, DensificationSettings(), step, 1.0, generator)


def uniform_parameters(count: int, scale: float, opacity: float = 0.5) -> dict[str, torch.nn.Parameter]:
    parameters = random_parameters(count)
    parameters["log_scales"].data.fill_(math.log(scale))
    parameters["opacity_logits"].data.fill_(math.log(opacity / (1 - opacity)))
    return parameters


def test_a_small_gaussian_that_is_pulled_is_copied() -> None:
    parameters = uniform_parameters(4, scale=0.005)
    refinement = plan(parameters, torch.tensor([0.0, 1.0, 0.0, 1.0]))
    assert refinement.source.tolist() == [0, 1, 2, 3, 1, 3]
    assert refinement.fresh.tolist() == [False] * 4 + [True] * 2
    assert torch.equal(refinement.means, parameters["means"][refinement.source])
    assert (refinement.cloned, refinement.split, refinement.pruned) == (2, 0, 0)


def test_a_large_gaussian_that_is_pulled_gives_way_to_two_smaller_ones() -> None:
    parameters = uniform_parameters(4, scale=0.05)
    refinement = plan(parameters, torch.tensor([0.0, 1.0, 0.0, 1.0]))
    assert refinement.source.tolist() == [0, 2, 1, 3, 1, 3]
    assert refinement.fresh.tolist() == [False] * 2 + [True] * 4
    torch.testing.assert_close(refinement.log_scales[2:].exp(), torch.full((4, 3), 0.05 / 1.6))
    torch.testing.assert_close(refinement.log_scales[:2].exp(), torch.full((2, 3), 0.05))


def test_halves_are_drawn_from_the_gaussian_that_they_replace() -> None:
    count = 20_000
    parameters = uniform_parameters(count, scale=0.05)
    rotation = Rotation.from_euler("xyz", [0.5, -0.7, 1.1])
    parameters["quaternions"].data[:] = 2 * torch.from_numpy(np.roll(rotation.as_quat(), 1)).float()
    parameters["log_scales"].data[:] = torch.tensor([0.02, 0.05, 0.09]).log()
    parameters["means"].data.zero_()
    halves = plan(parameters, torch.ones(count)).means.double()
    assert len(halves) == 2 * count
    expected = rotation.as_matrix() @ np.diag([0.02, 0.05, 0.09]) ** 2 @ rotation.as_matrix().T
    np.testing.assert_allclose(np.cov(halves.numpy().T), expected, atol=2e-4)
    np.testing.assert_allclose(halves.mean(0), np.zeros(3), atol=2e-3)


def test_the_transparent_go_and_the_huge_only_after_the_first_reset() -> None:
    parameters = uniform_parameters(4, scale=0.05)
    parameters["opacity_logits"].data[1] = math.log(0.004 / 0.996)
    parameters["log_scales"].data[2, 0] = math.log(0.11)
    nobody = torch.zeros(4)
    assert plan(parameters, nobody, step=3000).source.tolist() == [0, 2, 3]
    assert plan(parameters, nobody, step=3100).source.tolist() == [0, 3]


def test_the_optimisers_memory_follows_the_gaussians() -> None:
    parameters = uniform_parameters(5, scale=0.005)
    parameters["opacity_logits"].data[0] = -9.0
    optimizer = adam_after_two_steps(parameters)
    before = {name: optimizer.state[value]["exp_avg"].clone() for name, value in parameters.items()}
    refinement = plan(parameters, torch.tensor([0.0, 0, 0, 1, 0]))
    after = apply_refinement(refinement, parameters, optimizer)
    assert refinement.source.tolist() == [1, 2, 3, 4, 3]
    for name, value in after.items():
        moment = optimizer.state[value]["exp_avg"]
        assert torch.equal(moment[:4], before[name][1:])
        assert torch.equal(moment[4], torch.zeros_like(moment[4]))
        assert optimizer.state[value]["step"] == 2
        torch.testing.assert_close(value.data[4], parameters[name].data[3])
    held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    assert [id(parameter) for parameter in held] == [id(value) for value in after.values()]
    assert len(optimizer.state) == len(after)
    for value in after.values():
        value.grad = torch.ones_like(value)
    optimizer.step()  # the state fits the parameters


def test_a_reset_cuts_high_opacities_and_leaves_low_ones() -> None:
    parameters = random_parameters(100)
    optimizer = adam_after_two_steps(parameters)
    after = reset_opacities(parameters, optimizer, 0.01)
    before = parameters["opacity_logits"].sigmoid()
    torch.testing.assert_close(after["opacity_logits"].sigmoid(), before.clamp_max(0.01))
    assert not optimizer.state[after["opacity_logits"]]["exp_avg"].any()
    assert after["means"] is parameters["means"]
    assert optimizer.state[after["means"]]["exp_avg"].any()


def test_statistics_count_only_views_that_saw_the_gaussian() -> None:
    means2d = torch.zeros(2, 3, 2, requires_grad=True)
    means2d.grad = torch.tensor([[[3.0, 0], [0, 1], [5, 5]], [[0.0, 4], [7, 7], [5, 5]]])
    radii = torch.tensor([[[1, 1], [2, 2], [0, 0]], [[1, 1], [0, 0], [0, 0]]])
    meta = {"means2d": means2d, "radii": radii, "width": 20, "height": 10}
    statistics = GradientStatistics.none(3).with_views(meta)
    # Pixels to a frame of 2 by 2, times two cameras: x by 20, y by 10.
    torch.testing.assert_close(statistics.total, torch.tensor([60.0 + 40, 10, 0]))
    torch.testing.assert_close(statistics.views, torch.tensor([2.0, 1, 0]))
    torch.testing.assert_close(statistics.mean, torch.tensor([50.0, 10, 0]))
    scalar = {**meta, "radii": radii[..., 0]}
    assert torch.equal(GradientStatistics.none(3).with_views(scalar).total, statistics.total)


def test_a_missing_gradient_says_what_to_do() -> None:
    meta = {"means2d": torch.zeros(1, 3, 2), "radii": torch.ones(1, 3, 2), "width": 4, "height": 4}
    with pytest.raises(ValueError, match="retain_grad"):
        GradientStatistics.none(3).with_views(meta)


def test_missing_parameters_are_named() -> None:
    parameters = random_parameters(3)
    optimizer = adam_after_two_steps(parameters)
    del parameters["log_scales"]
    with pytest.raises(ValueError, match="log_scales"):
        Densification(DensificationSettings(), 1.0).after_step(0, parameters, optimizer, meta_of(3, 1, 0))


def test_the_schedule_is_the_published_one() -> None:
    settings = DensificationSettings()
    refined = [step for step in range(20_000) if settings.refines_at(step)]
    assert (refined[0], refined[-1], len(refined)) == (600, 14_900, 144)
    assert [step for step in range(20_000) if settings.resets_at(step)] == [3000, 6000, 9000, 12_000]
    paused = DensificationSettings(pause_after_reset=250)
    assert [step for step in range(3000, 3400) if paused.refines_at(step)] == [3300]


def test_equal_seeds_give_equal_halves_whatever_the_global_state() -> None:
    parameters = uniform_parameters(10, scale=0.05)
    torch.manual_seed(0)
    first = plan(parameters, torch.ones(10))
    torch.manual_seed(1)
    assert torch.equal(plan(parameters, torch.ones(10)).means, first.means)


def test_all_gaussians_may_go() -> None:
    parameters = uniform_parameters(3, scale=0.05, opacity=0.001)
    optimizer = adam_after_two_steps(parameters)
    after = apply_refinement(plan(parameters, torch.zeros(3)), parameters, optimizer)
    assert all(len(value) == 0 for value in after.values())


def test_a_fit_with_the_rasteriser_grows_where_detail_is_missing() -> None:
    rasterizer = pytest.importorskip("benchmark.splatting.rasterize", reason="needs the rasteriser")
    generator = torch.Generator().manual_seed(0)
    target = torch.rand(1, HEIGHT // 8, WIDTH // 8, 3, generator=generator)
    target = target.repeat_interleave(8, dim=1).repeat_interleave(8, dim=2)
    values = {
        "means": torch.rand(30, 3, generator=generator) * 2 - 1,
        "log_scales": torch.full((30, 3), math.log(0.2)),
        "quaternions": torch.tensor([[1.0, 0, 0, 0]]).repeat(30, 1),
        "opacity_logits": torch.zeros(30),
        "sh": torch.zeros(30, 1, 3),
    }
    parameters = {name: torch.nn.Parameter(value) for name, value in values.items()}
    optimizer = torch.optim.Adam([{"params": [value]} for value in parameters.values()], lr=2e-2)
    viewmats = torch.eye(4)[None].clone()
    viewmats[0, 2, 3] = 3.0
    intrinsics = torch.tensor([[[60.0, 0, WIDTH / 2], [0, 60, HEIGHT / 2], [0, 0, 1]]])
    settings = DensificationSettings(start=5, stop=40, every=10, reset_every=1000)
    densification = Densification(settings, extent=1.0, generator=generator)
    losses = []
    for step in range(40):
        image, _, meta = rasterizer.rasterize(
            means=parameters["means"],
            quats=parameters["quaternions"],
            scales=parameters["log_scales"].exp(),
            opacities=parameters["opacity_logits"].sigmoid(),
            colors=parameters["sh"],
            viewmats=viewmats,
            Ks=intrinsics,
            width=WIDTH,
            height=HEIGHT,
            sh_degree=0,
        )
        densification.before_backward(meta)
        loss = (image - target).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        parameters = densification.after_step(step, parameters, optimizer, meta)
        losses.append(loss.item())
    assert len(parameters["means"]) > 100
    assert losses[-1] < 0.6 * losses[0]
