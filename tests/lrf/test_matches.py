"""Matches, their weights, and the losses of Stage I, formula by formula."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark.cameras import Cameras, project
from benchmark.lrf.align_encoder import correspondence, divergence, drift, split_scenes
from benchmark.lrf.artifacts import LatentScene
from benchmark.lrf.matches import Pair, epipolar_distance, find_matches, latent_distances
from benchmark.protocols.lrf import LATENT_PROTOCOLS
from benchmark.reconstruction.sparse import fundamental_matrix
from vfm_zoo.loading.autoencoder import Latent


def test_the_distance_to_epipolar_lines_is_that_of_the_picture(row_cameras):
    one, other = row_cameras(2, 0.3, (100, 80))
    points = np.random.default_rng(0).uniform((-1, -1, 2), (1, 1, 4), (50, 3))
    first, second = project(points, one)[0], project(points, other)[0]
    fundamental = fundamental_matrix(one, other)
    assert epipolar_distance(first, second, fundamental) == pytest.approx(np.zeros(50), abs=1e-9)
    # Cameras side by side: epipolar lines are rows, so a step along x costs nothing and one along y its length.
    assert epipolar_distance(first, second + np.array([3.0, 0.0]), fundamental) == pytest.approx(np.zeros(50), abs=1e-9)
    assert epipolar_distance(first, second + np.array([0.0, 2.5]), fundamental) == pytest.approx(np.full(50, 2.5))


def test_matches_are_of_one_point_and_weighted_by_their_distance(walls, tiny, shared_store):
    scene = LatentScene(walls, "a", tiny, "known", 8, shared_store)
    pairs = scene.matches()
    assert pairs
    depth = {view.name: view.depth() for view in scene.scene.views}
    frame = scene.frame
    checked = 0
    for (i, j), pair in pairs.items():
        assert ((pair.weight > 0.3) & (pair.weight <= 1)).all()
        views = [scene.scene.views[scene.train[index]] for index in (i, j)]
        pixels = pair.first * 8 + (frame.left, frame.top)
        z = depth[views[0].name][pixels[:, 1].astype(int), pixels[:, 0].astype(int)]
        rays = np.concatenate([pixels, np.ones((len(pixels), 1))], 1) @ np.linalg.inv(views[0].camera.intrinsics).T
        world = rays * z[:, None] - views[0].camera.world_to_camera[:3, 3]
        seen, _ = project(world, views[1].camera)
        error = np.linalg.norm(seen - (pair.second * 8 + (frame.left, frame.top)), axis=1)
        assert np.median(error) < 1.0
        checked += len(error)
    assert checked > 20


def test_verification_without_the_cameras_finds_their_epipolar_lines(walls, tiny, shared_store):
    scene = LatentScene(walls, "a", tiny, "known", 8, shared_store)
    images, cameras = scene.photographs.train.movedim(1, -1).numpy(), scene.photographs.cameras
    estimated = replace(tiny.matches, geometry="estimated")
    pairs = find_matches(images, cameras, estimated, 8)
    assert pairs
    for (i, j), pair in pairs.items():
        true = fundamental_matrix(cameras[i], cameras[j])
        error = epipolar_distance(pair.first.astype(float) * 8, pair.second.astype(float) * 8, true)
        assert np.median(error) < 1.5
    again = find_matches(images, cameras, estimated, 8)
    assert all(np.array_equal(pairs[key].first, again[key].first) for key in pairs)


def test_the_paper_verifies_matches_as_published_and_lite_keeps_its_keys():
    assert LATENT_PROTOCOLS["paper"].values()["matches"]["geometry"] == "estimated"
    assert "geometry" not in LATENT_PROTOCOLS["lite"].values()["matches"]


@pytest.mark.parametrize("geometry", ["cameras", "estimated"])
def test_photographs_of_nothing_have_no_matches(row_cameras, tiny, geometry):
    grey = np.full((2, 64, 80, 3), 0.5, np.float32)
    settings = replace(tiny.matches, geometry=geometry)
    assert find_matches(grey, Cameras.stack(row_cameras(2, 0.1, (80, 64))), settings, 8) == {}
    assert latent_distances(torch.zeros(2, 3, 8, 10), {}, torch.ones(3), 0) is None


def a_pair() -> tuple[torch.Tensor, Pair]:
    latents = torch.randn(2, 3, 6, 8, generator=torch.Generator().manual_seed(0))
    places = np.random.default_rng(0).uniform(1, 5, (12, 2)).astype(np.float32)
    return latents, Pair(places, places[::-1].copy(), np.linspace(0.2, 1, 12, dtype=np.float32))


def test_what_shrinking_all_latents_gains():
    latents, pair = a_pair()
    ones = torch.ones(3)
    half = {unit: float(correspondence(latents / 2, pair, unit, ones)) for unit in ("raw", "deviation", "current")}
    whole = {unit: float(correspondence(latents, pair, unit, ones)) for unit in ("raw", "deviation", "current")}
    assert half["raw"] == pytest.approx(whole["raw"] / 2)
    assert half["deviation"] == pytest.approx(whole["deviation"] / 2)
    assert half["current"] == pytest.approx(whole["current"])
    assert float(correspondence(latents, pair, "deviation", ones * 4)) == pytest.approx(whole["raw"] / 4)


def test_weights_do_not_change_the_size_of_the_loss():
    latents, pair = a_pair()
    doubled = Pair(pair.first, pair.second, pair.weight * 2)
    ones = torch.ones(3)
    assert correspondence(latents, doubled, "raw", ones) == pytest.approx(
        float(correspondence(latents, pair, "raw", ones))
    )
    constant = torch.ones(2, 3, 6, 8) * 7
    assert float(correspondence(constant, pair, "raw", ones)) == pytest.approx(0, abs=1e-6)


def test_the_drift_is_the_divergence_of_diagonal_gaussians():
    dice = torch.Generator().manual_seed(0)
    one, other = (Latent(*torch.randn(2, 2, 3, 4, 5, generator=dice)) for _ in range(2))

    def normal(latent):
        return torch.distributions.Normal(latent.mean, (latent.log_variance / 2).exp())

    expected = torch.distributions.kl_divergence(normal(one), normal(other)).mean()
    assert drift(one, other, torch.ones(3)) == pytest.approx(float(expected), rel=1e-5)
    unit = torch.distributions.Normal(torch.zeros(()), torch.ones(()))
    assert divergence(one, None) == pytest.approx(
        float(torch.distributions.kl_divergence(normal(one), unit).mean()), rel=1e-5
    )
    assert float(drift(one, one, torch.ones(3))) == pytest.approx(0, abs=1e-6)
    moved = Latent(one.mean + 0.4, None)
    assert drift(moved, Latent(one.mean, None), torch.full((3,), 2.0)) == pytest.approx(0.2**2 / 2, rel=1e-4)


@pytest.mark.parametrize(
    ("names", "every", "learn", "stop"),
    [
        ("abcd", 4, "abc", "d"),
        ("abcdefgh", 4, "abcefg", "dh"),
        ("abc", 4, "ab", "c"),
        ("ab", 4, "ab", ""),
        ("a", 4, "a", ""),
    ],
)
def test_some_training_scenes_are_held_out(names, every, learn, stop):
    assert split_scenes(list(names), every) == (list(learn), list(stop))
