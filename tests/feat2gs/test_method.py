"""The method's numbers, formula by formula, on a scene of a few pixels."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.cameras import Cameras, unproject
from benchmark.errors import CellError, InputError
from benchmark.feat2gs.fit import joint_fit, warm_start
from benchmark.feat2gs.memory import check_memory
from benchmark.feat2gs.model import ProbedScene
from benchmark.feat2gs.modes import MODES, attribute_sizes
from benchmark.feat2gs.photographs import _through_jpeg
from benchmark.feat2gs.pose_fit import AbsolutePoses, fit_test_poses
from benchmark.feat2gs.readout import Readout
from benchmark.feat2gs.start import start_values, true_means
from benchmark.features.feature_maps import FeatureMaps
from benchmark.protocols import LITE, PAPER, PROTOCOLS, STRICT, JointFit, Start, WarmStart
from benchmark.protocols import Readout as ReadoutSettings
from benchmark.reconstruction.reconstruction import Reconstruction
from benchmark.scenes.scene import View
from benchmark.splatting.fitting import camera_extent, log_linear
from benchmark.splatting.render import TorchCameras, render

SILENT = lambda *state: None  # noqa: E731


def parameters(channels: int, mode: str) -> int:
    sizes = {name: size for name, size in attribute_sizes(3).items() if name in MODES[mode].read}
    return sum(value.numel() for value in Readout(channels, sizes, channels, torch.Generator()).parameters())


@pytest.mark.parametrize(
    ("channels", "mode", "published"),
    [
        (256, "geometry", 265_995),
        (256, "texture", 143_920),
        (256, "all", 409_915),
        (6, "geometry", 245),
        (6, "texture", 420),
        (6, "all", 665),
    ],
)
def test_published_numbers_of_parameters(channels: int, mode: str, published: int):
    assert PAPER.readout.width is None  # the width is that of the features
    assert parameters(channels, mode) == published


def test_learning_rates_of_the_paper():
    """Section 5: 1e-2 to 1e-4 in the warm start; xyz falls to 0.341 of its rate at step 7000 of 30,000."""
    warm = PAPER.warm_start
    assert log_linear(warm.rate, warm.final_rate, 0) == pytest.approx(1e-2)
    assert log_linear(warm.rate, warm.final_rate, 0.5) == pytest.approx(1e-3)
    assert log_linear(warm.rate, warm.final_rate, 1) == pytest.approx(1e-4)
    assert pytest.approx((1.6e-7 / 1.6e-5) ** (7000 / 30000), abs=5e-4) == PAPER.joint.means_decay
    assert LITE.joint.rates.means == pytest.approx(10 * PAPER.joint.rates.means)


def test_extent_is_that_of_3dgs():
    world_to_camera = torch.eye(4).repeat(3, 1, 1)
    world_to_camera[:, 0, 3] = torch.tensor([0.0, 1.0, 2.0])
    cameras = TorchCameras(world_to_camera, torch.eye(3).expand(3, 3, 3), 4, 4)
    assert camera_extent(cameras) == pytest.approx(1.1)


@pytest.fixture
def reconstruction() -> Reconstruction:
    """Two cameras a little apart before a slanted, coloured wall."""
    height, width = 12, 16
    lens = np.array([[14.0, 0, 8], [0, 14, 6], [0, 0, 1]])
    poses = np.stack([np.eye(4), np.eye(4)])
    poses[1, 0, 3] = -0.1
    cameras = Cameras(poses, np.stack([lens, lens]), width, height)
    depth = np.tile(np.linspace(1.5, 2.5, width), (height, 1))
    dice = np.random.default_rng(0)
    return Reconstruction(
        method="known",
        cameras=cameras,
        test_cameras=cameras,
        points=np.stack([unproject(depth, cameras[view]) for view in range(2)]).astype(np.float32),
        colors=dice.random((2, height, width, 3), dtype=np.float32),
        confidence=np.ones((2, height, width), np.float32),
        valid=np.ones((2, height, width), bool),
        test_masks=np.ones((2, height, width), bool),
        scale=1.0,
        center=np.zeros(3, np.float32),
        train_views=("0.png", "1.png"),
        test_views=("0.png", "1.png"),
    )


def scene_of(reconstruction: Reconstruction, mode: str, sh_degree: int = 1) -> ProbedScene:
    grid = torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(1))
    return ProbedScene(
        start_values(reconstruction, Start(), sh_degree, seed=0),
        FeatureMaps(grid),
        mode,
        ReadoutSettings(8),
        torch.from_numpy(reconstruction.valid),
        torch.Generator().manual_seed(0),
    )


def test_start_values(reconstruction: Reconstruction):
    start = start_values(reconstruction, Start(opacity=0.1), 3, seed=0)
    points = torch.from_numpy(reconstruction.points).flatten(0, 2).double()
    # The brute-force reading of the formula: three nearest others, mean of the squares.
    squares = torch.cdist(points, points).square().sort(dim=1).values[:, 1:4].mean(dim=1)
    expected = squares.clamp_min(1e-7).sqrt().log()
    assert torch.allclose(start["log_scales"][:, 0].double(), expected, atol=1e-4)
    assert torch.sigmoid(start["opacity_logits"]).allclose(torch.tensor(0.1))
    shown = 0.5 + 0.28209479177387814 * start["sh_dc"]
    assert shown.allclose(torch.from_numpy(reconstruction.colors).flatten(0, 2), atol=1e-6)
    assert start["sh_rest"].shape[1] == 45
    assert not start["sh_rest"].any()


def test_noise_moves_the_points_alone_and_is_the_seeds(reconstruction: Reconstruction):
    clean = start_values(reconstruction, Start(), 0, seed=3)
    noised, again, other = (start_values(reconstruction, Start(noise=0.01), 0, seed) for seed in (3, 3, 4))
    moved = noised["means"] - clean["means"]
    assert float(moved.std()) == pytest.approx(0.01, rel=0.1)
    assert torch.equal(noised["log_scales"], clean["log_scales"])
    assert torch.equal(noised["means"], again["means"])
    assert not torch.equal(noised["means"], other["means"])


def test_own_features_move_in_the_warm_start_and_stay_in_the_joint_fit(reconstruction: Reconstruction):
    scene = scene_of(reconstruction, "all_ft")
    assert scene.own_features is not None
    assert scene.own_features.shape == (2 * 12 * 16, 5)
    optimizer = scene.optimizer(LITE.joint.rates)
    first = scene.own_features.detach().clone()
    warm_start(scene, optimizer, WarmStart(5, True, 1e-2, 1e-4), SILENT)
    warmed = scene.own_features.detach().clone()
    assert not torch.equal(first, warmed)
    weights = scene.readout.first["means"].weight.detach().clone()  # type: ignore[union-attr]
    cameras = TorchCameras.of(reconstruction.cameras)
    images = torch.from_numpy(reconstruction.colors)
    joint_fit(scene, optimizer, cameras, images, replace(LITE.joint, steps=3), torch.Generator(), SILENT)
    assert torch.equal(scene.own_features.detach(), warmed)
    assert not torch.equal(scene.readout.first["means"].weight.detach(), weights)  # type: ignore[union-attr]


def test_the_head_of_higher_bands_sends_own_features_no_gradient(reconstruction: Reconstruction):
    scene = scene_of(reconstruction, "texture_ft")
    scene.read_out()["sh_rest"].square().sum().backward()
    assert scene.own_features is not None
    assert scene.own_features.grad is None
    scene.read_out()["sh_dc"].square().sum().backward()
    assert scene.own_features.grad is not None


def test_a_mode_reads_out_what_it_says_and_frees_the_rest(reconstruction: Reconstruction):
    for mode in ("geometry", "texture", "all"):
        scene = scene_of(reconstruction, mode)
        read = set(scene.read_out())
        assert read == set(MODES[mode].read)
        assert set(scene.free) == set(attribute_sizes(1)) - read


def test_the_last_step_of_the_paper_changes_nothing(reconstruction: Reconstruction):
    cameras = TorchCameras.of(reconstruction.cameras)
    images = torch.from_numpy(reconstruction.colors)

    def fitted(settings: JointFit) -> torch.Tensor:
        scene = scene_of(reconstruction, "texture")
        generator = torch.Generator().manual_seed(0)
        joint_fit(scene, scene.optimizer(LITE.joint.rates), cameras, images, settings, generator, SILENT)
        return scene.free["means"].detach()

    constant = replace(LITE.joint, means_decay=1.0)
    two = fitted(replace(constant, steps=2))
    three, paper = fitted(replace(constant, steps=3)), fitted(replace(constant, steps=3, update_last=False))
    assert torch.equal(two, paper)
    assert not torch.equal(three, paper)


def test_scale_penalty_holds_scales(reconstruction: Reconstruction):
    cameras = TorchCameras.of(reconstruction.cameras)
    images = torch.from_numpy(reconstruction.colors)
    moved = []
    for penalty in (0.0, 100.0):
        scene = scene_of(reconstruction, "texture")
        settings = replace(LITE.joint, steps=20)
        optimizer = scene.optimizer(settings.rates)
        joint_fit(scene, optimizer, cameras, images, settings, torch.Generator(), SILENT, penalty)
        moved.append(float((scene.free["log_scales"].detach() - scene.start["log_scales"]).abs().mean()))
    assert moved[1] < moved[0] / 2


@pytest.mark.parametrize("anchored", [True, False])
def test_only_the_published_poses_drift(reconstruction: Reconstruction, anchored: bool):
    """Q17: with one dense Adam also the first camera moves, and one that no step sees is carried on."""
    cameras = TorchCameras.of(reconstruction.cameras)
    images = torch.from_numpy(reconstruction.colors)
    scene = scene_of(reconstruction, "texture")
    settings = replace(LITE.joint, steps=4, refine_poses=True, anchored=anchored)
    optimizer = scene.optimizer(settings.rates)
    moved = joint_fit(scene, optimizer, cameras, images, settings, torch.Generator().manual_seed(0), SILENT)
    assert torch.equal(moved.world_to_camera[0], cameras.world_to_camera[0]) == anchored
    assert not torch.equal(moved.world_to_camera[1], cameras.world_to_camera[1])


def test_absolute_poses_begin_where_they_are_told(reconstruction: Reconstruction):
    given = torch.from_numpy(reconstruction.cameras.world_to_camera).float()
    assert AbsolutePoses(given)().allclose(given, atol=1e-6)
    assert AbsolutePoses(given)([1]).allclose(given[1:], atol=1e-6)


@pytest.mark.parametrize("absolute", [True, False])
def test_a_moved_test_camera_finds_back(reconstruction: Reconstruction, absolute: bool):
    scene = scene_of(reconstruction, "texture", sh_degree=0)
    with torch.no_grad():
        start = dict(scene.start)
        gaussians = replace(scene.gaussians(), sh=start["sh_dc"][:, None])
        cameras = TorchCameras.of(reconstruction.test_cameras)
        truth = render(gaussians, cameras).image
    off = cameras.world_to_camera.clone()
    off[:, 0, 3] += 0.01
    settings = replace(STRICT.test_poses, steps=120, absolute=absolute, late_record=absolute, rate_translation=1e-3)
    masks = torch.ones(truth.shape[:3], dtype=torch.bool)
    found = fit_test_poses(gaussians, replace(cameras, world_to_camera=off), truth, masks, settings, SILENT)
    before = (off - cameras.world_to_camera).abs().max()
    after = (found.world_to_camera - cameras.world_to_camera).abs().max()
    assert after < before / 2


def test_deeper_readouts_have_more_weights_and_run(reconstruction: Reconstruction):
    sizes = {"means": 3, "sh_dc": 3}
    counts = []
    for layers in (1, 2, 3):
        readout = Readout(5, sizes, 8, torch.Generator(), layers)
        counts.append(sum(value.numel() for value in readout.parameters()))
        outputs = readout(torch.ones(2, 5, 3, 4), (0, 0, 1, 1), torch.from_numpy(reconstruction.valid))
        assert outputs["means"].shape == (2 * 12 * 16, 3)
    assert counts[1] - counts[0] == counts[2] - counts[1] == 2 * (8 * 8 + 8)


def test_masks_lose_their_borders_in_a_jpeg(tmp_path: Path):
    """Q3: what the published code takes for a mask of a .jpg photograph; a .png keeps its mask."""
    mask = np.zeros((40, 40), bool)
    mask[10:30, 13:27] = True
    jpeg, png = (View(name, tmp_path / name, 40, 40, None) for name in ("a.JPG", "a.png"))
    assert np.array_equal(_through_jpeg(mask, png), mask)
    kept = _through_jpeg(mask, jpeg)
    file = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(file, format="JPEG")
    assert kept.sum() == (np.asarray(Image.open(file)) >= 255).sum()
    assert 0 < kept.sum() < mask.sum()


def test_protocols_differ_only_in_values():
    assert len({repr(sorted(p.values().items(), key=str)) for p in PROTOCOLS.values()}) == len(PROTOCOLS)
    assert {"paper", "strict", "lite", "lite_geometry", "lite_w1024_h3"} <= set(PROTOCOLS)


def test_what_a_baseline_holds_stays_at_its_start(reconstruction: Reconstruction):
    start = start_values(reconstruction, Start(), 0, seed=0)
    scene = ProbedScene(
        start,
        None,
        "free",
        ReadoutSettings(None),
        torch.from_numpy(reconstruction.valid),
        torch.Generator().manual_seed(0),
        held=("means",),
    )
    cameras = TorchCameras.of(reconstruction.cameras)
    photographs = torch.from_numpy(reconstruction.colors)
    settings = replace(LITE.joint, steps=3)
    joint_fit(scene, scene.optimizer(settings.rates), cameras, photographs, settings, torch.Generator(), SILENT)
    assert torch.equal(scene.gaussians().means, start["means"])
    assert not torch.equal(scene.gaussians().sh[:, 0], start["sh_dc"])


def test_true_points_are_the_start_of_the_baseline_that_holds_them(reconstruction: Reconstruction):
    with pytest.raises(InputError, match="no true depth"):
        true_means(reconstruction)
    valid = np.ones(reconstruction.valid.shape, bool)
    valid[0, 0, 0] = False
    known = replace(reconstruction, true_points=reconstruction.points + 1, true_valid=valid)
    means = true_means(known).numpy()
    assert np.array_equal(means[0], reconstruction.points[0, 0, 0])
    assert np.array_equal(means[1:], (reconstruction.points + 1).reshape(-1, 3)[1:])


def test_a_scene_that_no_view_sees_any_more_ends_by_name(reconstruction: Reconstruction):
    scene = scene_of(reconstruction, "texture")
    with torch.no_grad():
        scene.free["means"] += 1e4
    settings = replace(LITE.joint, steps=10)
    cameras, photographs = TorchCameras.of(reconstruction.cameras), torch.from_numpy(reconstruction.colors)
    with pytest.raises(CellError, match="no train view sees a Gaussian any more at step 2"):
        joint_fit(scene, scene.optimizer(settings.rates), cameras, photographs, settings, torch.Generator(), SILENT)


def test_a_fit_that_no_memory_holds_is_refused_before_it_begins(monkeypatch):
    start = {"means": torch.zeros(1000, 3)}
    check_memory(start, None, "cpu")
    monkeypatch.setattr("benchmark.feat2gs.memory.free_memory", lambda device: 50_000)
    with pytest.raises(CellError, match=r"1000 Gaussians take at least .* smaller images or fewer train views"):
        check_memory(start, None, "cpu")
