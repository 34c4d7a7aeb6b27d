"""Matches of descriptors that encode where a pixel's point lies, and the alignment that they give."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle

import numpy as np
import pytest
import torch

from benchmark.cameras import project, unproject
from benchmark.errors import InputError, MissingError
from benchmark.protocols import LITE, Images
from benchmark.reconstruction import mast3r
from benchmark.reconstruction.depth import true_depth
from benchmark.reconstruction.matching import reciprocal
from benchmark.reconstruction.reconstruct import reconstruct
from benchmark.reconstruction.sparse_alignment import align_sparse, rising

SIZE = (64, 48)


def placed_descriptors(points: np.ndarray, spread: float = 0.35) -> torch.Tensor:
    """24 channels of length 1 whose inner product falls with the distance of the points (random Fourier features)."""
    directions = np.random.default_rng(7).normal(size=(3, 12)) / spread
    phases = points @ directions
    return torch.from_numpy(np.concatenate([np.cos(phases), np.sin(phases)], axis=-1) / np.sqrt(12)).float()


class Knowing:
    """A network that knows the scene: point maps of the truth, descriptors of the place."""

    def __init__(self, views, maps, centred, confidence: float = 20.0):
        self.maps, self.confidence, self.calls = maps, confidence, cycle(range(len(views)))
        self.descriptors = [
            placed_descriptors(unproject(true_depth(view, *SIZE), centred(view, SIZE)))[None] for view in views
        ]

    def encode(self, images):
        return next(self.calls)

    def decode(self, view1, view2):
        number, shape = self.maps.edges.index((view1, view2)), (self.maps.height, self.maps.width)
        return tuple(
            {
                "points": self.maps.points[number, side].T.unflatten(0, shape)[None],
                "confidence": self.maps.confidence[number, side].unflatten(0, shape)[None],
                "descriptors": self.descriptors[view],
                "descriptor_confidence": torch.full((1, *shape), self.confidence),
            }
            for side, view in enumerate((view1, view2))
        )


@pytest.fixture
def scene(studio_scene):
    """The studio with three train and two test views."""
    return replace(studio_scene, train=studio_scene.train[1:4], test=studio_scene.test[:2])


@pytest.fixture
def shown(scene, true_maps, centred, monkeypatch):
    """``shown(noise, outliers, confidence)``: the method gets a network that knows the scene."""

    def make(noise: float = 0.0, outliers: float = 0.0, confidence: float = 20.0) -> Knowing:
        views = [scene.views[index] for index in (*scene.train, *scene.test)]
        network = Knowing(views, true_maps(views, SIZE, noise, outliers), centred, confidence)
        monkeypatch.setattr(mast3r, "load_network", lambda device: network)
        return network

    return make


def recovered(scene, **changes):
    images = Images(long_side=SIZE[0], feature_long_side=SIZE[0], train_views=None)
    matches = replace(
        LITE.reconstruct.matches, long_side=SIZE[0], subsample=3, steps_space=150, steps_picture=75, **changes
    )
    return reconstruct(scene, "mast3r", images, replace(LITE.reconstruct, matches=matches), scene.train)


def test_reciprocal_matches_are_the_same_places(scene, centred):
    one, two = (scene.views[index] for index in scene.train[:2])
    points = [unproject(true_depth(view, *SIZE), centred(view, SIZE)) for view in (one, two)]
    first, second = reciprocal(tuple(placed_descriptors(values) for values in points), subsample=4)
    assert len(first) > 100 and len({*zip(first.tolist(), second.tolist(), strict=True)}) == len(first)
    distance = np.linalg.norm(points[0].reshape(-1, 3)[first] - points[1].reshape(-1, 3)[second], axis=1)
    assert np.median(distance) < 0.05
    # Each is the other's nearest among all pixels: by brute force.
    similar = placed_descriptors(points[0]).flatten(0, 1) @ placed_descriptors(points[1]).flatten(0, 1).T
    assert np.array_equal(similar.argmax(dim=1).numpy()[first], second)
    assert np.array_equal(similar.argmax(dim=0).numpy()[second], first)
    # And it lies where the camera of the other view says.
    pixels, _ = project(points[0].reshape(-1, 3)[first], centred(two, SIZE))
    seen = np.stack([second % SIZE[0], second // SIZE[0]], axis=1) + 0.5
    assert np.median(np.linalg.norm(pixels - seen, axis=1)) < 1


def test_from_photographs_to_cameras_points_and_masks(scene, shown, record_property):
    shown()
    made = recovered(scene)
    record_property("facts", str(made.facts))
    # Matches are whole pixels, of which there are 64 a row.
    assert made.facts["rotation_error_degrees_worst"] < 0.3 and made.facts["center_error_worst"] < 0.01
    assert made.facts["matches"] > 150 and made.facts["agreement"] > 0.5
    distance = np.linalg.norm(made.points - made.true_points, axis=-1)[made.valid & made.true_valid]
    assert np.median(distance) < 0.02
    assert 0.2 < made.test_masks.mean() < 1


def test_noise_and_outliers_are_borne(scene, shown, record_property):
    shown(noise=0.02, outliers=0.2)
    made = recovered(scene)
    record_property("facts", str(made.facts))
    assert made.facts["rotation_error_degrees"] < 1 and made.facts["center_error"] < 0.02


def test_a_view_without_sure_matches_is_named(scene, shown):
    shown(confidence=4.0)
    with pytest.raises(InputError, match=r"could not be placed: fewer than 8 sure matches"):
        recovered(scene)
    assert recovered(scene, least_confidence=3.0).facts["matches"] > 150


def test_known_focal_lengths_are_kept(scene, shown):
    network = shown()
    views = [scene.views[index] for index in (*scene.train, *scene.test)]
    maps, matches = mast3r.predict_matches(network, views, SIZE[0], 4, "cpu")
    focal = np.full(5, 61.0)
    settings = replace(LITE.reconstruct.matches, steps_space=5, steps_picture=5)
    aligned = align_sparse(maps, matches, settings, [view.name for view in views], focal=focal)
    assert np.allclose([camera.intrinsics[0, 0] for camera in aligned.cameras], focal)


@pytest.mark.parametrize("power", [0.4, 1.1])
def test_the_loss_has_slope_one_at_nothing_and_rises_as_its_power(power):
    distance = torch.tensor([0.0, 1e6], dtype=torch.float64, requires_grad=True)
    value = rising(distance, power)
    (slope,) = torch.autograd.grad(value.sum(), distance)
    assert (
        value[0] == 0
        and slope[0] == pytest.approx(1)
        and slope[1] == pytest.approx(power * 1e6 ** (power - 1), rel=1e-5)
    )


def test_absent_weights_are_one_line_with_the_remedy(scene, monkeypatch, tmp_path):
    monkeypatch.setenv("SPLATBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingError, match=r"hf download naver/MASt3R.*colmap") as caught:
        recovered(scene)
    assert "\n" not in str(caught.value)
