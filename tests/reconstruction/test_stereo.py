"""Depth without learned weights, against planes whose depth is known in closed form."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from benchmark.cameras import project
from benchmark.errors import InputError
from benchmark.protocols import Reconstruct, Stereo
from benchmark.reconstruction import known
from benchmark.reconstruction.plane_sweep import matching_costs
from benchmark.reconstruction.semi_global import aggregate, winner
from benchmark.reconstruction.sparse import triangulate
from benchmark.reconstruction.stereo import interpolate

SIZE = (128, 96)


@pytest.fixture
def frontal(wall):
    """A wall at z = 4 that fills every view."""
    return wall((-4.0, -3.0, 4.0), (8.0, 0.0, 0.0), (0.0, 6.0, 0.0), 3)


@pytest.fixture
def slanted(wall):
    """A wall that recedes from z = 3 on the left to z = 5 on the right."""
    return wall((-4.0, -3.0, 2.0), (8.0, 0.0, 4.0), (0.0, 6.0, 0.0), 4)


def inner(errors: np.ndarray) -> np.ndarray:
    """Without the border, where a window leaves the images."""
    return errors[6:-6, 16:-16]


def swept(wall, look, cameras, planes: np.ndarray, smooth: bool) -> np.ndarray:
    """Inverse depth of the first camera."""
    greys = [look([wall], camera)[0].mean(axis=-1).astype(np.float32) / 255 for camera in cameras]
    costs = matching_costs(greys, cameras, planes, patch=5)
    assert costs.min() >= 0 and costs.max() <= 1
    if smooth:
        costs = aggregate(costs, greys[0], 0.1, 0.6)
    return np.interp(winner(costs)[0], np.arange(len(planes)), planes)


@pytest.mark.parametrize("smooth", [False, True])
def test_the_sweep_finds_planes_to_a_fraction_of_its_step(frontal, slanted, look, row_cameras, smooth):
    cameras = row_cameras(3, 0.2, SIZE)
    planes = np.linspace(1 / 6, 1 / 2.5, 48)
    step = planes[1] - planes[0]
    for wall in (frontal, slanted):
        true = look([wall], cameras[0])[1]
        errors = inner(np.abs(swept(wall, look, cameras, planes, smooth) - 1 / true))
        assert np.median(errors) < 0.35 * step
        assert (errors < step).mean() > 0.97


def test_a_window_that_matches_itself_costs_only_its_noise_and_an_unseen_one_all(frontal, look, row_cameras):
    cameras = row_cameras(2, 0.2, SIZE)
    grey = look([frontal], cameras[0])[0].mean(axis=-1).astype(np.float32) / 255
    # At infinity both cameras see the same: all that is left is the noise of two grey levels, n / (variance + n).
    same = matching_costs([grey, grey], [cameras[0], cameras[0]], np.array([1e-9]), patch=5)
    mean, squares = (uniform_filter(values.astype(np.float64), 5) for values in (grey, grey.astype(np.float64) ** 2))
    noise = (2 / 255) ** 2
    assert np.allclose(inner(same[..., 0]), inner(noise / (squares - mean**2 + noise)), atol=1e-3)
    beside = replace(cameras[1], intrinsics=cameras[1].intrinsics + np.array([[0, 0, 1e4], [0, 0, 0], [0, 0, 0]]))
    assert (matching_costs([grey, grey], [cameras[0], beside], np.array([0.25]), patch=5) == 1).all()


def test_bad_arguments_of_the_sweep(look, frontal, row_cameras):
    (camera,) = row_cameras(1, 0.2, SIZE)
    grey = np.zeros((96, 128), np.float32)
    with pytest.raises(ValueError, match="sources"):
        matching_costs([grey], [camera], np.array([0.2]), patch=5)
    with pytest.raises(ValueError, match="odd patch"):
        matching_costs([grey, grey], [camera, camera], np.array([0.2]), patch=4)


def test_triangulated_points_lie_on_the_wall_and_where_they_are_seen(slanted, look, row_cameras):
    cameras = row_cameras(3, 0.3, (320, 240))
    greys = [look([slanted], camera)[0].mean(axis=-1).astype(np.uint8) for camera in cameras]
    with ThreadPoolExecutor(2) as pool:
        points = triangulate(greys, cameras, pool)
        again = triangulate(greys, cameras, pool)
    assert len(points.xyz) > 50
    # The plane z = 4 + x / 2.
    assert np.median(np.abs(points.xyz[:, 2] - 4 - points.xyz[:, 0] / 2) / points.xyz[:, 2]) < 0.003
    assert (points.seen.sum(axis=0) >= 2).all()
    for camera, seen in zip(cameras, points.seen, strict=True):
        pixels, depth = project(points.xyz[seen], camera)
        assert (depth > 0).all() and (pixels > 0).all() and (pixels < [320, 240]).all()
    assert np.array_equal(points.xyz, again.xyz) and np.array_equal(points.seen, again.seen)


def test_known_finds_walls_without_depth_and_the_same_ones_again(frontal, wall, look, views, row_cameras):
    before = wall((-0.6, -0.5, 2.5), (1.2, 0.0, 0.0), (0.0, 1.0, 0.0), 5)
    cameras = row_cameras(3, 0.2, (192, 144))
    taken = views([frontal, before], cameras)
    small = [camera.resized(*SIZE) for camera in cameras]
    found = known.depth_maps(taken, small, Reconstruct())
    again = known.depth_maps(taken, small, Reconstruct())
    assert np.array_equal(found.z, again.z) and np.array_equal(found.confidence, again.confidence)
    assert found.valid.all() and found.confidence.min() > 0 and found.confidence.max() <= 1
    true = np.stack([look([frontal, before], camera)[1] for camera in small])
    errors = np.abs(found.z / true - 1)
    assert (errors < 0.02).mean() > 0.85
    # Confidence tells which to believe.
    assert (errors[found.confidence == 1] < 0.05).mean() > (errors[found.confidence < 1] < 0.05).mean()


def test_what_cannot_be_reconstructed_is_refused_with_the_view(frontal, wall, views, row_cameras):
    one, two = row_cameras(2, 0.3, SIZE)
    with pytest.raises(InputError, match=r"0\.png.*second train view"):
        known.depth_maps(views([frontal], [one]), [one], Reconstruct())
    plain = wall((-4.0, -3.0, 4.0), (8.0, 0.0, 0.0), (0.0, 6.0, 0.0), None)
    with pytest.raises(InputError, match=r"0\.png: only 0 points"):
        known.depth_maps(views([plain], [one, two]), [one, two], Reconstruct())
    # The same photograph twice, taken from one place: no parallax.
    with pytest.raises(InputError, match=r"0\.png.*same photograph"):
        known.depth_maps(views([frontal], [one, one]), [one, one], Reconstruct())
    away = replace(two, world_to_camera=np.diag([-1.0, 1.0, -1.0, 1.0]))
    with pytest.raises(InputError, match=r"points in common"):
        known.depth_maps(views([frontal], [one, away]), [one, away], Reconstruct())


def test_interpolation_is_linear_between_points_and_survives_a_line_of_them():
    dice = np.random.default_rng(0)
    pixels = np.concatenate([dice.uniform(0, 40, (60, 2)), [[0, 0], [40, 0], [0, 30], [40, 30]]])
    inverse = 0.2 + 0.01 * pixels[:, 0] - 0.002 * pixels[:, 1]
    columns, rows = np.meshgrid(np.arange(40) + 0.5, np.arange(30) + 0.5)
    inside = interpolate(pixels, inverse, 40, 30)
    assert np.allclose(inside, 0.2 + 0.01 * columns - 0.002 * rows, atol=1e-9)
    line = interpolate(np.array([[1.0, 1.0], [5.0, 5.0], [9.0, 9.0]]), np.array([0.1, 0.2, 0.3]), 10, 10)
    assert set(np.unique(line)) == {0.1, 0.2, 0.3}


def test_true_depth_is_taken_as_it_is(look, frontal, views, row_cameras, tmp_path):
    cameras = row_cameras(1, 0.2, SIZE)
    (view,) = views([frontal], cameras)
    depth = look([frontal], cameras[0])[1]
    depth[:10] = 0
    np.save(tmp_path / "depth.npy", depth)
    found = known.depth_maps([replace(view, depth_path=tmp_path / "depth.npy")], cameras, Reconstruct(stereo=Stereo()))
    assert np.array_equal(found.z[0], depth) and np.array_equal(found.valid[0], depth > 0)
    assert np.array_equal(found.confidence[0], (depth > 0).astype(np.float32))
