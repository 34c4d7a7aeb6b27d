"""A real scene of many views: its cameras must fit what is matched in its photographs."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.scenes.load import load_scene
from benchmark.scenes.scene import Scene, View
from benchmark.scenes.spec import dataset_from_folder

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def fountain(shared_data, tmp_path_factory) -> Scene:
    spec = dataset_from_folder(shared_data / "scenes" / "fountain_p11")
    return load_scene(spec, spec.name, tmp_path_factory.mktemp("store"))


def keypoints(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Places ``[point 2]`` (pixels, origin at the top-left corner) and descriptors."""
    from skimage.color import rgb2gray
    from skimage.feature import SIFT

    detector = SIFT(upsampling=1, c_dog=0.02)
    detector.detect_and_extract(rgb2gray(view.image()))
    return detector.positions[:, ::-1] + 0.5, detector.descriptors


def epipolar_errors(first: View, second: View, matched: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Distance in pixels of the second's points from the epipolar lines of the first's (Hartley and Zisserman, 9.2)."""
    relative = second.camera.world_to_camera @ np.linalg.inv(first.camera.world_to_camera)
    x, y, z = relative[:3, 3]
    essential = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]) @ relative[:3, :3]
    fundamental = np.linalg.inv(second.camera.intrinsics).T @ essential @ np.linalg.inv(first.camera.intrinsics)
    left, right = (np.column_stack([points, np.ones(len(points))]) for points in matched)
    lines = left @ fundamental.T
    return np.abs((lines * right).sum(axis=1)) / np.hypot(lines[:, 0], lines[:, 1])


def test_all_eleven_views_are_loaded_and_split(fountain):
    assert len(fountain.views) == 11
    assert len(fountain.train) == 9
    assert [view.name for view in fountain.test_views] == ["0002.jpg", "0006.jpg"]
    assert len(fountain.digest) == 64
    for view in fountain.views:
        assert view.image().shape == (512, 768, 3)
        assert view.depth() is None


def test_matches_lie_on_the_epipolar_lines_of_the_cameras(fountain):
    from skimage.feature import match_descriptors

    features = [keypoints(view) for view in fountain.views[3:6]]
    for index in range(2):
        (left, left_words), (right, right_words) = features[index], features[index + 1]
        pairs = match_descriptors(left_words, right_words, max_ratio=0.7)
        matched = left[pairs[:, 0]], right[pairs[:, 1]]
        first, second = fountain.views[3 + index], fountain.views[4 + index]
        errors = epipolar_errors(first, second, matched)
        assert len(errors) > 40
        assert np.median(errors) < 1.5
        # Transposed, or in other axes, the cameras would fit nothing.
        assert np.median(epipolar_errors(second, first, matched)) > 3
