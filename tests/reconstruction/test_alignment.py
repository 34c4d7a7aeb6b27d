"""Global alignment against point maps whose truth is known: exact ones of the studio, and spoilt ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark.cameras import Camera, unproject
from benchmark.errors import CellError, InputError
from benchmark.protocols import PAPER, STRICT
from benchmark.reconstruction.against_truth import compare
from benchmark.reconstruction.alignment import align, clean
from benchmark.reconstruction.alignment_energy import Energy
from benchmark.reconstruction.depth import true_depth
from benchmark.reconstruction.point_maps import PairMaps, complete_edges, network_image, within_memory
from benchmark.reconstruction.spanning_tree import estimate_focal, robust_similarity, spanning_order, start_values

SIZE = (96, 72)
SETTINGS = STRICT.reconstruct.pairs.align


@pytest.fixture
def errors(centred):
    """Beside the truth: degrees, focal length and points in percent, these of the median distance to a camera."""

    def measure(aligned, views) -> dict[str, float]:
        true = [centred(view, SIZE) for view in views]
        found = compare(aligned.cameras, true)
        points = np.stack(
            [unproject(true_depth(view, *SIZE), camera) for view, camera in zip(views, true, strict=True)]
        )
        off = np.linalg.norm(found.scale * aligned.points @ found.rotation.T + found.translation - points, axis=-1)
        size = np.median(np.linalg.norm(points - np.stack([camera.center for camera in true])[:, None, None], axis=-1))
        return {
            "degrees": float(found.rotation_errors.max()),
            "focal": 100 * float(np.abs(found.focal_errors).max()),
            "points": 100 * float(np.median(off)) / size,
            "points, mean": 100 * float(off.mean()) / size,
        }

    return measure


@pytest.mark.parametrize("protocol", [PAPER, STRICT], ids=lambda protocol: protocol.name)
def test_exact_point_maps_give_the_true_world(studio_scene, true_maps, errors, record_property, protocol):
    views = [*studio_scene.train_views, *studio_scene.test_views][:4]
    aligned = align(true_maps(views, SIZE), protocol.reconstruct.pairs.align, [view.name for view in views])
    off = errors(aligned, views)
    record_property("errors", str(off))
    assert off["degrees"] < 0.1 and off["focal"] < 0.2 and off["points, mean"] < 0.1
    assert aligned.valid.mean() > 0.99


@pytest.mark.parametrize("focal", ["shared", "averaged", "free"])
def test_noise_and_outliers_are_borne(studio_scene, true_maps, errors, record_property, focal):
    views = [*studio_scene.train_views, *studio_scene.test_views][:4]
    maps = true_maps(views, SIZE, noise=0.02, outliers=0.2)
    off = errors(align(maps, replace(SETTINGS, focal=focal), [view.name for view in views]), views)
    record_property("errors", str(off))
    assert off["degrees"] < 1 and off["points"] < 1


def test_the_fused_energy_is_the_batched_one(studio_scene, true_maps):
    views = studio_scene.train_views[:3]
    maps = true_maps(views, (33, 21), noise=0.05, outliers=0.1)
    energy = Energy(maps, "cpu")
    dice = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=dice).mul(0.3).requires_grad_()

    arguments = [drawn(3, 33 * 21), (drawn(3).detach() + 4).requires_grad_(), drawn(3, 3, 4), drawn(6, 3, 4)]
    values, gradients = [], []
    for function in (energy.batched, energy):
        value = function(*arguments)
        values.append(value.detach())
        gradients.append(torch.autograd.grad(2 * value, arguments))
    assert values[0].item() == pytest.approx(values[1].item(), rel=1e-5)
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-5 * float(one.abs().max()))


def test_known_focal_lengths_are_kept(studio_scene, true_maps):
    views = studio_scene.train_views[:3]
    focal = np.array([view.camera.resized(*SIZE).intrinsics[0, 0] * 1.05 for view in views])
    aligned = align(true_maps(views, SIZE), replace(SETTINGS, steps=5), ["a", "b", "c"], focal=focal)
    assert np.allclose([camera.intrinsics[0, 0] for camera in aligned.cameras], focal, rtol=1e-5)


def test_the_tree_takes_the_surest_pairs_and_reaches_every_view():
    edges = complete_edges(4)
    scores = np.array([{(2, 3): 9.0, (3, 1): 8.0, (1, 2): 7.0, (0, 1): 1.0}.get(edge, 0.5) for edge in edges])
    assert [edges[e] for e in spanning_order(edges, scores)] == [(2, 3), (3, 1), (0, 1)]


def test_focal_length_and_similarity_bear_outliers():
    dice = np.random.default_rng(0)
    rays = np.stack(np.meshgrid(np.arange(80) + 0.5 - 40, np.arange(60) + 0.5 - 30)).reshape(2, -1) / 70
    points = np.concatenate([rays, np.ones((1, 4800))]) * dice.uniform(1, 5, 4800)
    points[:, dice.random(4800) < 0.2] *= [[1.7], [0.4], [1.0]]
    assert estimate_focal(points, 80, 60) == pytest.approx(70, rel=0.01)
    target = 2 * points + [[1], [2], [3]]
    target[:, dice.random(4800) < 0.2] += 5
    found = robust_similarity(points, target, np.ones(4800), reweightings=10)
    assert found.scale == pytest.approx(2, rel=0.01)
    assert robust_similarity(points, target, np.ones(4800), reweightings=0).scale != pytest.approx(2, rel=0.001)


def test_a_point_before_the_surface_of_a_surer_view_is_dropped():
    camera = Camera(np.eye(4), np.array([[20.0, 0, 10], [0, 20, 8], [0, 0, 1]]), 20, 16)
    depth = np.full((2, 16, 20), 4.0, np.float32)
    depth[0, 4:8, 5:9] = 3.0
    confidence = np.full((2, 16, 20), 2.0, np.float32)
    confidence[1] = 3.0
    cleaned = clean(depth, confidence, [camera, camera], tolerance=0.001)
    expected = confidence.copy()
    expected[0, 4:8, 5:9] = 0
    assert np.array_equal(cleaned, expected)
    # The less sure surface does not clean, nor does a point behind it go.
    assert np.array_equal(clean(depth, confidence[::-1].copy(), [camera, camera], 0.001), confidence[::-1])


def test_views_without_a_camera_that_explains_them_are_named():
    dice = np.random.default_rng(0)
    edges = complete_edges(2)
    points = torch.from_numpy(dice.normal(size=(2, 2, 3, 600)).astype(np.float32))
    maps = PairMaps(edges, points, torch.full((2, 2, 600), 2.0), 30, 20)
    with pytest.raises(InputError, match=r"view b\.jpg could not be placed|view a\.jpg could not be placed"):
        start_values(maps, SETTINGS, ["a.jpg", "b.jpg"])
    broken = replace(maps, points=torch.full_like(points, float("nan")))
    with pytest.raises(InputError, match=r"view a\.jpg"):
        start_values(broken, SETTINGS, ["a.jpg", "b.jpg"], focal=np.array([30.0, 30.0]))


def test_a_photograph_becomes_what_the_network_was_trained_on():
    photograph = np.random.default_rng(0).integers(0, 256, (347, 519, 3)).astype(np.uint8)
    image = network_image(photograph, 512)
    assert image.shape == (3, 336, 512) and image.min() >= -1 and image.max() <= 1
    assert network_image(photograph[:96, :128], 512).shape == (3, 384, 512)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: not enough memory: you tried")])
def test_what_does_not_fit_into_memory_says_so(error):
    def run():
        raise error

    with pytest.raises(CellError, match=r"out of memory.*30 pairs.*fewer train views"):
        within_memory(run, "30 pairs of 6 views at 512x384")
    with pytest.raises(RuntimeError, match="other"):
        within_memory(lambda: (_ for _ in ()).throw(RuntimeError("other")), "")
