"""The conversion of what VGGT's package gives, with a stand-in of the same shapes that knows the studio."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from benchmark.errors import CellError, InputError, MissingError
from benchmark.protocols import LITE, Images
from benchmark.reconstruction import vggt
from benchmark.reconstruction.depth import true_depth
from benchmark.reconstruction.reconstruct import reconstruct

WIDTH, HEIGHT = 56, 42


@pytest.fixture
def scene(studio_scene):
    """The studio with three train and two test views."""
    return replace(studio_scene, train=studio_scene.train[1:4], test=studio_scene.test[:2])


class Knowing:
    """The truth in the shapes of the package: the frame is the first view's, the unit its own."""

    def __init__(self, views, unit: float = 0.3):
        self.views, self.unit, self.shown = views, unit, []

    def __call__(self, images):
        self.shown.append(tuple(images.shape))
        assert images.min() >= 0 and images.max() <= 1
        first = np.linalg.inv(self.views[0].camera.world_to_camera)
        poses, depth = [], []
        for view in self.views:
            relative = view.camera.world_to_camera @ first
            fx, fy = view.camera.intrinsics[[0, 1], [0, 1]]
            angles = 2 * np.arctan([view.height / 2 / fy, view.width / 2 / fx])
            quaternion = Rotation.from_matrix(relative[:3, :3]).as_quat()
            poses.append(np.concatenate([relative[:3, 3] * self.unit, quaternion, angles]))
            depth.append(true_depth(view, WIDTH, HEIGHT) * self.unit)
        depth = torch.from_numpy(np.stack(depth))[None]
        return {
            "pose_enc": torch.from_numpy(np.stack(poses)).float()[None],
            "depth": depth[..., None],
            "depth_conf": torch.linspace(1.1, 9, depth.numel()).reshape(depth.shape),
        }


def recovered(scene, **changes):
    images = Images(long_side=WIDTH, feature_long_side=WIDTH, train_views=None)
    settings = replace(LITE.reconstruct.feedforward, width=WIDTH, **changes)
    return reconstruct(scene, "vggt", images, replace(LITE.reconstruct, feedforward=settings), scene.train)


@pytest.fixture
def shown(scene, monkeypatch):
    network = Knowing([scene.views[index] for index in (*scene.train, *scene.test)])
    monkeypatch.setattr(vggt, "load_network", lambda device: network)
    return network


def test_from_photographs_to_cameras_points_and_masks(scene, shown):
    made = recovered(scene)
    assert shown.shown == [(1, 5, 3, HEIGHT, WIDTH)]
    # The principal point of the studio is half a pixel of 512 off the middle.
    assert made.facts["rotation_error_degrees_worst"] < 0.01 and made.facts["center_error_worst"] < 1e-3
    assert made.facts["focal_error"] < 1e-3
    distance = np.linalg.norm(made.points - made.true_points, axis=-1)
    assert np.median(distance) < 0.005 and made.valid.all()
    assert made.confidence.min() > 0 and made.confidence.max() < 1
    assert 0.2 < made.test_masks.mean() < 1
    assert recovered(scene, least_confidence=25.0).valid.mean() == pytest.approx(0.75, abs=0.01)


def test_what_is_no_answer_is_refused(scene, shown, monkeypatch):
    right = shown.__class__.__call__

    def broken(self, images):
        made = right(self, images)
        made["pose_enc"][0, 1] = float("nan")
        return made

    monkeypatch.setattr(Knowing, "__call__", broken)
    with pytest.raises(InputError, match=r"no camera could be estimated for 03\.png|no camera could be estimated"):
        recovered(scene)

    def too_large(self, images):
        raise RuntimeError("CUDA out of memory. Tried to allocate 20 GiB")

    monkeypatch.setattr(Knowing, "__call__", too_large)
    with pytest.raises(CellError, match=r"out of memory.*5 views at 56x42"):
        recovered(scene)


def test_an_absent_package_is_one_line_with_the_command(scene, monkeypatch):
    monkeypatch.setitem(sys.modules, "vggt.models.vggt", None)
    with pytest.raises(MissingError, match=r"pip install --no-deps 'git\+https.*--reconstruction colmap") as caught:
        recovered(scene)
    assert "\n" not in str(caught.value)
