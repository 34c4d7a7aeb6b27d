"""The method from photographs to a reconstruction, with a network that knows the studio, and with an untaught one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark.cameras import Camera, unproject
from benchmark.errors import InputError, MissingError
from benchmark.protocols import LITE, PAPER, Images
from benchmark.reconstruction import dust3r
from benchmark.reconstruction.alignment import Aligned
from benchmark.reconstruction.point_maps import network_image
from benchmark.reconstruction.reconstruct import reconstruct
from benchmark.reconstruction.registration import register
from benchmark.reconstruction.visibility import agreeing
from benchmark.similarity import align_points

# 64 x 48 has sides that are multiples of 16; 96 x 72 is stretched to 96 x 64.
LONG_SIDE, STRETCHED = 64, 96


class Knowing:
    """Answers what `true_maps` says of the two photographs that it is shown; everything else is the method's own."""

    def __init__(self, views, maps):
        self.images = torch.stack([torch.from_numpy(network_image(view.image(), maps.width)) for view in views])
        self.maps = maps
        self.encoded = 0

    def encode(self, images):
        self.encoded += 1
        return int((self.images - images).abs().flatten(1).mean(dim=1).argmin())

    def decode(self, view1, view2):
        number = self.maps.edges.index((view1, view2))
        shape = (self.maps.height, self.maps.width)
        return tuple(
            {
                "points": self.maps.points[number, side].T.unflatten(0, shape)[None],
                "confidence": self.maps.confidence[number, side].unflatten(0, shape)[None],
            }
            for side in (0, 1)
        )


@pytest.fixture
def scene(studio_scene):
    """The studio with three train and two test views."""
    return replace(studio_scene, train=studio_scene.train[1:4], test=studio_scene.test[:2])


@pytest.fixture
def shown(scene, true_maps, monkeypatch):
    """``shown(size)``: the method gets a network that knows the scene at that size."""

    def make(size, squeezed: bool = False) -> Knowing:
        views = [scene.views[index] for index in (*scene.train, *scene.test)]
        network = Knowing(views, true_maps(views, size, squeezed=squeezed))
        monkeypatch.setattr(dust3r, "load_network", lambda device: network)
        return network

    return make


def recovered(scene, protocol, long_side: int = LONG_SIDE, train=None, **changes):
    images = Images(long_side=long_side, feature_long_side=long_side, train_views=None)
    pairs = replace(protocol.reconstruct.pairs, long_side=long_side, **changes)
    pairs = replace(pairs, align=replace(pairs.align, steps=150))
    return reconstruct(scene, "dust3r", images, replace(protocol.reconstruct, pairs=pairs), train or scene.train)


def test_from_photographs_to_cameras_points_and_masks(scene, shown, record_property):
    network = shown((64, 48))
    made = recovered(scene, LITE)
    record_property("facts", str(made.facts))
    assert (made.cameras.width, made.cameras.height) == (64, 48)
    assert network.encoded == 5
    assert made.facts["rotation_error_degrees_worst"] < 0.1 and made.facts["center_error_worst"] < 0.003
    assert made.facts["agreement"] > 0.5
    # True points lie in the frame that was found, and the fitted ones on them.
    distance = np.linalg.norm(made.points - made.true_points, axis=-1)[made.valid & made.true_valid]
    assert np.median(distance) < 0.01
    assert made.valid.mean() > 0.95 and 0.2 < made.test_masks.mean() < 1


def test_the_paper_differs_in_values_alone(scene, shown):
    shown((96, 64), squeezed=True)
    made = recovered(scene, PAPER, STRETCHED)
    # Q12: in the photograph's own pixels fx and fy are one; the true fy is larger by 72 / 64 here.
    photograph = made.cameras[0].resized(128, 96)
    assert photograph.intrinsics[0, 0] == pytest.approx(photograph.intrinsics[1, 1])
    mended = recovered(scene, PAPER, STRETCHED, one_focal=False)
    photograph = mended.cameras[0].resized(128, 96)
    assert photograph.intrinsics[1, 1] / photograph.intrinsics[0, 0] == pytest.approx(96 / 64 / (128 / 96))
    assert np.array_equal(mended.points, made.points) and made.test_masks.any()


def test_the_published_slip_moves_test_cameras_unless_the_scale_is_one():
    dice = np.random.default_rng(0)
    intrinsics = np.array([[20.0, 0, 10], [0, 20, 8], [0, 0, 1]])

    def world(factor: float, shift) -> Aligned:
        cameras, depth = [], dice_depth * factor
        for place in ((0.0, 0.0, 0.0), (0.3, 0.1, 0.0), (0.6, 0.0, 0.1)):
            pose = np.eye(4)
            pose[:3, 3] = -(factor * np.array(place) + shift)
            cameras.append(Camera(pose, intrinsics, 20, 16))
        return Aligned(tuple(cameras), depth, np.ones_like(depth), 0.0)

    dice_depth = dice.uniform(2, 3, (3, 16, 20)).astype(np.float32)
    shift = np.array([1.0, -2.0, 0.5])
    joint, train = world(1.0, shift * 0), world(2.0, shift)
    train = replace(train, cameras=train.cameras[:2], depth=train.depth[:2], confidence=train.confidence[:2])
    (right,) = register(train, joint, true_similarity=True)
    assert np.allclose(right.center, 2 * joint.cameras[2].center + shift, atol=1e-5)
    (slipped,) = register(train, joint, true_similarity=False)
    assert np.allclose(slipped.center, joint.cameras[2].center + 2 * shift, atol=1e-5)
    found = align_points(joint.points[:2].reshape(-1, 3), train.points.reshape(-1, 3))
    off = abs(found.scale - 1) * np.linalg.norm(joint.cameras[2].center - shift)
    assert np.linalg.norm(right.center - slipped.center) == pytest.approx(off, rel=1e-4)


def test_published_masks_hide_what_is_behind_a_wall(wall, look, row_cameras):
    far = wall((-9.0, -9.0, 4.0), (18.0, 0.0, 0.0), (0.0, 18.0, 0.0))
    near = wall((-0.5, -9.0, 2.0), (1.0, 0.0, 0.0), (0.0, 18.0, 0.0))
    train, test = row_cameras(2, 0.4, (120, 90))
    train_depth, test_depth = (look([far, near], camera)[1] for camera in (train, test))
    mask = agreeing(test_depth, test, [train], train_depth[None], 0.01)
    # The closed form of `test_a_wall_in_front_hides_what_is_behind`; edges are a pixel or two wide.
    assert mask.mean() == pytest.approx(1 - 2 * 0.4 * 120 / 4 / 120, abs=5 / 120)
    assert not agreeing(test_depth * 1.05, test, [train], train_depth[None], 0.01).any()
    assert np.isfinite(unproject(test_depth, test)).all()


def test_an_untaught_network_runs_through_and_is_refused_at_the_exit(scene, monkeypatch):
    from vfm_zoo.networks.croco import Size
    from vfm_zoo.networks.dust3r import Dust3r

    torch.manual_seed(0)
    network = Dust3r(Size(64, 2), Size(64, 4), "linear").eval()
    monkeypatch.setattr(dust3r, "load_network", lambda device: network)
    with pytest.raises(InputError) as caught:
        recovered(scene, LITE)
    assert "\n" not in str(caught.value) and any(view.name in str(caught.value) for view in scene.views)


def test_absent_weights_are_one_line_with_the_remedy(scene, monkeypatch, tmp_path):
    monkeypatch.setenv("SPLATBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingError, match=r"hf download naver/DUSt3R.*SPLATBENCH_WEIGHTS.*colmap") as caught:
        recovered(scene, LITE)
    assert "\n" not in str(caught.value)


def test_one_photograph_and_one_photograph_twice(scene, shown, true_maps):
    network = shown((64, 48))
    with pytest.raises(InputError, match=r"one photograph \(.*second train view"):
        recovered(scene, LITE, train=scene.train[:1])
    one = scene.views[scene.train[0]]
    twice = replace(scene, views=(one, replace(one, name="again.png"), *scene.views[2:]), train=(0, 1), test=(2,))
    network.maps = true_maps([one, one, scene.views[2]], (64, 48))
    calls = iter(range(3))
    network.encode = lambda images: next(calls)
    with pytest.raises(InputError, match=r"again\.png stand in one place"):
        recovered(twice, LITE)
