"""The real stereo pair: its cameras and depth must carry one photograph onto the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from benchmark.cameras import Camera, project, unproject
from benchmark.errors import InputError
from benchmark.scenes.load import load_scene
from benchmark.scenes.scene import Scene, View
from benchmark.scenes.spec import get_dataset
from benchmark.scenes.stereo_pair import right_disparity


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Scene:
    return load_scene(get_dataset("motorcycle"), "motorcycle", tmp_path_factory.mktemp("store"))


def warped(seen: View, other: View, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Photograph of ``other``, were its camera ``camera``, drawn over ``seen``; and where that is possible."""
    depth = seen.depth().astype(np.float64)
    pixels, _ = project(unproject(np.where(depth > 0, depth, 1.0), seen.camera), camera)
    columns, rows = pixels[..., 0] - 0.5, pixels[..., 1] - 0.5
    inside = (depth > 0) & (columns >= 0) & (columns <= other.width - 1) & (rows >= 0) & (rows <= other.height - 1)
    image = other.image().astype(np.float64)
    drawn = np.stack([map_coordinates(image[..., c], [rows, columns], order=1, mode="nearest") for c in range(3)], -1)
    return drawn, inside


def error(seen: View, other: View, camera: Camera | None = None) -> float:
    """Median absolute difference of grey values, which hidden parts do not move much."""
    drawn, inside = warped(seen, other, camera or other.camera)
    return float(np.median(np.abs(drawn - seen.image()).mean(axis=-1)[inside]))


def test_the_pair_is_the_published_one(pair):
    left, right = pair.train_views[0], pair.test_views[0]
    assert (left.name, right.name) == ("left.png", "right.png")
    assert (left.width, left.height) == (right.width, right.height) == (741, 500)
    np.testing.assert_allclose(right.camera.center - left.camera.center, [0.193001, 0, 0], atol=1e-12)
    # The scene is a motorcycle in a workshop, two to five metres away.
    known = left.depth()[left.depth() > 0]
    assert 1.5 < known.min() < known.max() < 6
    assert len(known) > 0.8 * 741 * 500


def test_the_right_photograph_drawn_over_the_left_is_the_left(pair):
    left, right = pair.views
    drawn, inside = warped(left, right, right.camera)
    difference = drawn - left.image()
    close = np.abs(difference).mean(axis=-1)[inside]
    assert np.median(close) < 4
    psnr = 10 * np.log10(255**2 / np.mean(difference[inside & (np.abs(difference).mean(axis=-1) < 60)] ** 2))
    assert psnr > 24


def test_the_right_view_has_its_own_depth_where_the_left_tells(pair):
    left, right = pair.views
    share = (right.depth() > 0).mean()
    assert 0.6 < share < (left.depth() > 0).mean()
    assert error(right, left) < 4
    # The same surfaces: points of the right view, seen from the left, have the left view's depth.
    points = unproject(right.depth().astype(np.float64), right.camera)
    pixels, depth = project(points, left.camera)
    known = (right.depth() > 0) & (pixels[..., 0] >= 0) & (pixels[..., 0] < left.width)
    there = left.depth()[np.floor(pixels[..., 1][known]).astype(int), np.floor(pixels[..., 0][known]).astype(int)]
    assert (np.abs(there - depth[known]) < 0.02 * depth[known]).mean() > 0.98


def test_the_principal_point_of_the_right_camera_is_shifted(pair):
    left, right = pair.views
    exact = error(left, right)
    unshifted = right.camera.intrinsics.copy()
    unshifted[0, 2] = left.camera.intrinsics[0, 2]
    assert error(left, right, replace(right.camera, intrinsics=unshifted)) > 3 * exact
    # And by a pixel to either side, or a row up or down, it fits less well.
    for column, row in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        moved = right.camera.intrinsics.copy()
        moved[0, 2] += column
        moved[1, 2] += row
        assert error(left, right, replace(right.camera, intrinsics=moved)) > 1.15 * exact


def test_disparity_is_carried_over_by_closed_form():
    # A wall at 2 pixels before which a box of 6 stands in columns 10 to 19.
    left = np.full((1, 40), 2.0)
    left[0, 10:20] = 6.0
    left[0, 30] = np.nan
    right = right_disparity(left)[0]
    # The box appears in columns 4 to 13; the wall's columns 2 to 9 appear in 0 to 7, of which the box hides 4 to 7.
    np.testing.assert_array_equal(right[:4], 2.0)
    np.testing.assert_array_equal(right[4:14], 6.0)
    # Hidden from the left behind the box: unknown, not guessed.
    assert np.isnan(right[14:18]).all()
    np.testing.assert_array_equal(right[18:28], 2.0)
    assert np.isnan(right[28])
    np.testing.assert_array_equal(right[29:38], 2.0)
    assert np.isnan(right[38:]).all()


def test_a_slanted_surface_is_interpolated_exactly():
    columns = np.arange(60.0)
    slope, offset = 0.3, 4.0
    right = right_disparity((offset + slope * columns)[None])[0]
    # Left column x shows at x - d(x), so right column u sees x = (u + offset) / (1 - slope).
    seen = (columns + offset) / (1 - slope)
    expected = offset + slope * seen
    inside = seen <= 59
    np.testing.assert_allclose(right[inside], expected[inside], atol=1e-9)
    assert np.isnan(right[~inside]).all()


def test_wrong_options_are_refused(tmp_path):
    spec = get_dataset("motorcycle")
    scene = spec.scenes["motorcycle"]
    for options in ({"focal": 1.0}, {**scene.options, "focal": "long"}, {**scene.options, "principal_point": [1]}):
        wrong = replace(spec, scenes={"motorcycle": replace(scene, options=options)})
        with pytest.raises(InputError, match="options"):
            load_scene(wrong, "motorcycle", tmp_path)
