"""Stage II piece by piece: frames, latents, Gaussians with latent colours, and what they are compared with."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark.cameras import Cameras, project, unproject
from benchmark.errors import CellError, InputError
from benchmark.lrf.artifacts import LatentScene
from benchmark.lrf.baselines import enlarged, image_field, reduced
from benchmark.lrf.evaluate import Judgement, judge_latents, judge_pictures
from benchmark.lrf.field import fit_field, start_gaussians
from benchmark.lrf.latent_nerf import fit_rays, rays_of
from benchmark.lrf.latents import Range, sample
from benchmark.lrf.modes import IMAGE_BASELINES
from benchmark.lrf.photographs import Frame, Points, at_scale, frame_of
from benchmark.metrics.image import psnr
from benchmark.protocols.lrf import LATENT_PROTOCOLS, LITE, PAPER, Densify
from benchmark.scenes.scene import View
from benchmark.splatting.render import TorchCameras

SILENT = lambda *told: None  # noqa: E731


def view(width: int, height: int, name: str = "a.png") -> View:
    return View(name, None, width, height)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("size", "crop"), [((504, 378), (0, 1, 504, 376)), ((50, 37), (1, 2, 48, 32)), ((8, 15), (0, 3, 8, 8))]
)
def test_sides_that_do_not_divide_are_cropped_about_the_middle(size, crop):
    frame = frame_of([view(*size)], "here", 512, 8)
    assert (frame.left, frame.top, frame.width, frame.height) == crop
    assert frame.values() == {"size": list(size), "crop": list(crop)}


def test_photographs_too_small_or_of_two_shapes_are_named():
    with pytest.raises(InputError, match="here: 20x7 pixels are fewer than one latent of 8"):
        frame_of([view(20, 7)], "here", 512, 8)
    with pytest.raises(InputError, match=r"here: views differ in shape \(a.png is 64x64, b.png is 64x48"):
        frame_of([view(64, 64), view(64, 48, "b.png")], "here", 512, 8)


def test_a_point_falls_on_the_same_spot_of_photograph_crop_and_latents(row_cameras):
    (camera,) = row_cameras(1, 0.0, (100, 60))
    frame = Frame((50, 37), 1, 2, 48, 32)
    point = np.array([[0.2, -0.1, 2.0]])
    whole, _ = project(point, camera)
    cropped, _ = project(point, frame.camera(camera))
    assert cropped[0] == pytest.approx([whole[0, 0] * 50 / 100 - 1, whole[0, 1] * 37 / 60 - 2])
    small = at_scale(Cameras.stack([frame.camera(camera)]), 8, "cpu")
    latent, _ = project(point, small.to_numpy()[0])
    assert latent[0] == pytest.approx(cropped[0] / 8, abs=1e-5)
    assert (small.width, small.height) == (6, 4)


def test_channels_are_scaled_one_by_one_and_a_constant_one_comes_back():
    latents = (
        torch.randn(3, 4, 5, 6, generator=torch.Generator().manual_seed(0))
        * torch.tensor([1, 10, 0.1, 1])[:, None, None]
    )
    latents[:, 3] = 2.5
    scale = Range.of(latents)
    values = scale.normalise(latents)
    assert scale.constant == (3,)
    assert values[..., :3].amin(dim=(0, 1, 2)).tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    assert values[..., :3].amax(dim=(0, 1, 2)).tolist() == pytest.approx([1, 1, 1])
    assert (values[..., 3] == 0).all()
    assert torch.allclose(scale.restore(values), latents, atol=1e-5)


def test_samples_are_bilinear_with_pixel_centres_at_halves():
    rows, columns = torch.meshgrid(torch.arange(4.0) + 0.5, torch.arange(6.0) + 0.5, indexing="ij")
    ramp = torch.stack([columns, rows * 2])
    places = torch.tensor([[0.5, 0.5], [3.25, 2.75], [5.5, 3.5], [1.0, 3.0]])
    assert torch.allclose(sample(ramp, places), places * torch.tensor([1, 2]), atol=1e-5)


def flat_scene(channels: int = 16, sh_degree: int = 0):
    """Two cameras before a wall at depth 2; targets are smooth waves painted on the wall."""
    width, height = 24, 16
    intrinsics = np.array([[24.0, 0, 12], [0, 24, 8], [0, 0, 1]])
    poses = np.stack([np.eye(4), np.eye(4)])
    poses[1, 0, 3] = -0.2
    cameras = Cameras(poses, np.stack([intrinsics] * 2), width, height)
    points = np.stack([unproject(np.full((height, width), 2.0), cameras[index]) for index in range(2)])
    phase = np.arange(channels)
    targets = 0.5 + 0.4 * np.sin(points[..., :1] * 4 + phase) * np.cos(points[..., 1:2] * 3 + phase)
    rows, columns = np.meshgrid((np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width, indexing="ij")
    place = np.tile(np.stack([columns, rows], -1).reshape(-1, 2), (2, 1)).astype(np.float32)
    which = np.repeat([0, 1], width * height)
    depths = np.full(101, 2.0, np.float32)
    start = Points(points.reshape(-1, 3).astype(np.float32), which, place, depths)
    return start, TorchCameras.of(cameras), torch.from_numpy(targets.astype(np.float32))


def fitted(settings, channels=16, density=1.0, filtered=False):
    points, cameras, targets = flat_scene(channels)
    generator = torch.Generator().manual_seed(0)
    start = start_gaussians(points, targets, replace(LITE.start, density=density), settings.sh_degree, generator)
    field = fit_field(start, cameras, targets, settings, generator, SILENT, filtered)
    return field, psnr(field.render(cameras).flatten(0, 1), targets.flatten(0, 1))


def test_gaussians_start_with_the_values_of_their_own_pixels():
    points, _, targets = flat_scene()
    start = start_gaussians(points, targets, replace(LITE.start, density=1.0), 0, torch.Generator().manual_seed(0))
    shown = start["sh_dc"][:, 0] * 0.28209479177387814 + 0.5
    assert torch.allclose(shown, targets.reshape(-1, 16), atol=1e-5)
    fewer = start_gaussians(points, targets, replace(LITE.start, density=0.25), 1, torch.Generator().manual_seed(0))
    assert len(fewer["means"]) == targets[..., 0].numel() // 4
    assert fewer["sh_rest"].shape == (len(fewer["means"]), 3, 16)
    with pytest.raises(CellError, match="2 points lie in the cropped photographs"):
        two = replace(points, xyz=points.xyz[:2], view=points.view[:2], place=points.place[:2])
        start_gaussians(two, targets, LITE.start, 0, torch.Generator())


@pytest.mark.parametrize("channels", [1, 16, 64])
def test_a_field_of_any_number_of_channels_learns_its_targets(channels):
    _, before = fitted(replace(LITE.fit, steps=0), channels)
    field, after = fitted(replace(LITE.fit, steps=120), channels)
    assert field.gaussians.sh.shape[2] == channels
    assert after > 25
    assert after > before + 3


def test_harmonics_join_one_band_at_a_time():
    field, _ = fitted(replace(LITE.fit, steps=30, sh_degree=2, sh_every=20))
    assert field.gaussians.sh.shape[1] == 9
    assert field.gaussians.sh[:, 1:4].abs().sum() > 0
    assert field.gaussians.sh[:, 4:].abs().sum() == 0


def test_gaussians_are_added_where_the_protocol_says_so():
    densify = Densify(start=10, stop=60, every=10, gradient_threshold=1e-6, reset_every=1000)
    few, _ = fitted(replace(LITE.fit, steps=60), density=0.2)
    more, _ = fitted(replace(LITE.fit, steps=60, densify=densify), density=0.2)
    assert len(more.gaussians.means) > len(few.gaussians.means)


def test_the_background_is_a_value_of_the_protocol():
    _, _, targets = flat_scene()
    black, _ = fitted(replace(LITE.fit, steps=1, background="black"))
    mean, _ = fitted(replace(LITE.fit, steps=1, background="mean"))
    assert black.background.tolist() == [0.0] * 16
    assert torch.allclose(mean.background, targets.mean(dim=(0, 1, 2)))


def test_rays_go_through_the_pixels_that_they_colour():
    _, cameras, _ = flat_scene()
    for index in range(2):
        origins, directions = rays_of(cameras, index)
        seen = (origins + 2 * directions).view(16, 24, 3).numpy()
        assert seen == pytest.approx(unproject(np.full((16, 24), 2.0), cameras.to_numpy()[index]), abs=1e-5)


def test_the_field_of_grids_learns_its_targets():
    points, cameras, targets = flat_scene()
    settings = replace(LITE.latent_nerf, rays=256, samples=24, resolutions=(8, 16))

    def after(steps: int) -> float:
        generator = torch.Generator().manual_seed(0)
        field = fit_rays(points, cameras, targets, replace(settings, steps=steps), generator, SILENT)
        return float(psnr(field.render(cameras).flatten(0, 1), targets.flatten(0, 1)))

    assert after(150) > max(after(1) + 3, 18)


def test_photographs_are_reduced_and_enlarged_without_a_shift():
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 32, 64)
    assert torch.allclose(reduced(ramp, 8)[0, 0, :, 0], ramp[0, 0, 0].view(8, 8).mean(1), atol=1e-6)
    error = (enlarged(ramp, 8) - ramp)[..., 16:-16]
    # Half a pixel would be 0.008 everywhere.
    assert error.abs().max() < 0.0075
    assert error.mean().abs() < 1e-4


def test_the_filters_of_mip_splatting_help_at_the_full_size(walls, shared_store, tiny):
    scene = LatentScene(walls, "a", tiny, "known", 8, shared_store)
    cameras = at_scale(scene.photographs.test_cameras, 1, "cpu")
    scores = {}
    for name in ("3dgs_8", "mip_splatting_8"):
        field = image_field(IMAGE_BASELINES[name], scene, 0, "cpu", SILENT)
        assert field.antialiased == (name == "mip_splatting_8")
        shown = field.render(cameras).clamp(0, 1)
        assert shown.shape[1:3] == (64, 80)
        scores[name] = psnr(shown[0], scene.photographs.test[0].movedim(0, -1))
    assert scores["mip_splatting_8"] > scores["3dgs_8"]


def test_a_tint_is_told_apart_from_other_errors():
    truth = torch.full((1, 3, 16, 16), 0.5)
    truth[..., ::2] = 0.4
    shown = truth + torch.tensor([0.1, -0.1, 0.1])[:, None, None]
    judgement = Judgement()
    judge_pictures(judgement, shown, truth, ("v",))
    assert judgement.metrics["psnr"].value == pytest.approx(20, abs=1e-3)
    # Nothing but the tint was wrong: the best plausible number stands for equal pictures.
    assert judgement.metrics["psnr_tint_free"].value == 100
    with pytest.raises(CellError, match="not finite"):
        judge_pictures(Judgement(), shown * math.nan, truth, ("v",))


def test_latent_errors_are_in_variances_of_each_channel():
    encoded = (
        torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * torch.tensor([1, 5, 0.2])[:, None, None]
    )
    scale = Range.of(encoded)
    judgement = Judgement()
    judge_latents(judgement, encoded + 0.5 * scale.deviation[:, None, None], encoded, scale, ("v", "w"))
    assert judgement.metrics["latent_error"].value == pytest.approx(0.25, rel=1e-4)
    constant = torch.ones(2, 3, 8, 8)
    judge_latents(nothing := Judgement(), constant, constant, Range.of(constant), ("v", "w"))
    assert nothing.absent["latent_error"] == "every channel of the latents is constant"


def test_the_papers_values_are_in_its_protocol():
    assert (PAPER.fit.steps, PAPER.fit.sh_degree, PAPER.fit.sh_every, PAPER.fit.ssim_weight) == (30_000, 3, 1000, 0.2)
    assert (PAPER.fit.background, PAPER.fit.rates.means, PAPER.fit.rates.means_final) == ("black", 1.6e-4, 1.6e-6)
    assert (PAPER.fit.densify.every, PAPER.fit.densify.stop, PAPER.fit.densify.reset_every) == (100, 15_000, 3000)
    assert LATENT_PROTOCOLS["paper_3_views"].images.train_views == 3
