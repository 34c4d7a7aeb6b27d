"""Rotations and similarities against SciPy and closed forms; refinement against poses that are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch.autograd import gradcheck, gradgradcheck

from benchmark.splatting.poses import (
    PoseRefinement,
    matrix_to_quaternion,
    quaternion_to_matrix,
    rotation_exp,
    skew,
    umeyama,
)


def random_poses(count: int, seed: int = 0) -> torch.Tensor:
    """World-to-camera matrices in double precision."""
    rng = np.random.default_rng(seed)
    poses = np.repeat(np.eye(4)[None], count, axis=0)
    poses[:, :3, :3] = Rotation.random(count, rng=rng).as_matrix()
    poses[:, :3, 3] = rng.normal(size=(count, 3))
    return torch.from_numpy(poses)


@pytest.mark.parametrize("length", [0.0, 1e-12, 1e-6, 9.9e-3, 1.01e-2, 0.5, 3.0, np.pi, 20.0])
def test_exponential_map_is_that_of_scipy_and_of_the_matrix_exponential(length: float) -> None:
    direction = np.random.default_rng(1).normal(size=(16, 3))
    vectors = length * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    ours = rotation_exp(torch.from_numpy(vectors))
    np.testing.assert_allclose(ours, Rotation.from_rotvec(vectors).as_matrix(), atol=1e-11)
    torch.testing.assert_close(ours, torch.matrix_exp(skew(torch.from_numpy(vectors))), atol=1e-11, rtol=0)


def test_single_precision_rotations_stay_rotations_over_all_lengths() -> None:
    vectors = torch.logspace(-20, 1, 400)[:, None] * torch.tensor([0.6, -0.48, 0.64])
    rotations = rotation_exp(vectors)
    assert (rotations @ rotations.mT - torch.eye(3)).abs().max() < 2e-6
    expected = Rotation.from_rotvec(vectors.double().numpy()).as_matrix()
    np.testing.assert_allclose(rotations, expected, atol=2e-6)


def test_exponential_map_has_first_and_second_derivatives_at_and_near_zero() -> None:
    for length in (0.0, 1e-3, 0.011, 1.0):
        vector = (length * torch.tensor([0.6, -0.48, 0.64], dtype=torch.float64)).requires_grad_()
        assert gradcheck(rotation_exp, vector)
        assert gradgradcheck(rotation_exp, vector)


def test_derivative_at_the_identity_is_the_cross_product() -> None:
    vector = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    point = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda w: rotation_exp(w) @ point, vector)
    torch.testing.assert_close(jacobian, -skew(point))


def test_quaternions_follow_scipy_both_ways_and_for_any_length() -> None:
    rotations = Rotation.random(200, rng=np.random.default_rng(2))
    scalar_first = torch.from_numpy(np.roll(rotations.as_quat(), 1, axis=1))
    lengths = torch.logspace(-6, 6, 200, dtype=torch.float64)[:, None]
    np.testing.assert_allclose(quaternion_to_matrix(lengths * scalar_first), rotations.as_matrix(), atol=1e-12)
    canonical = torch.from_numpy(np.roll(rotations.as_quat(canonical=True), 1, axis=1))
    ours = matrix_to_quaternion(torch.from_numpy(rotations.as_matrix()))
    torch.testing.assert_close(ours, canonical, atol=1e-12, rtol=0)


def test_half_turns_about_every_axis_survive_in_single_precision() -> None:
    axes = torch.nn.functional.normalize(torch.randn(500, 3, generator=torch.Generator().manual_seed(0)), dim=-1)
    axes = torch.cat([axes, torch.eye(3)])
    half_turns = 2 * axes[:, :, None] * axes[:, None, :] - torch.eye(3)
    quaternions = matrix_to_quaternion(half_turns)
    torch.testing.assert_close(quaternion_to_matrix(quaternions), half_turns, atol=2e-6, rtol=0)
    turns = torch.from_numpy(Rotation.random(20, rng=np.random.default_rng(3)).as_matrix()).requires_grad_()
    assert gradcheck(matrix_to_quaternion, turns)


def test_a_refinement_starts_where_the_cameras_are() -> None:
    poses = random_poses(5)
    torch.testing.assert_close(PoseRefinement(poses)(), poses)
    torch.testing.assert_close(PoseRefinement(poses)([3, 1]), poses[[3, 1]])


@pytest.mark.parametrize("where", ["origin", "one point", "own centres"])
def test_cameras_turn_about_the_pivot_and_keep_seeing_it_at_the_same_place(where: str) -> None:
    poses = random_poses(4)
    points = {"one point": torch.tensor([1.0, -2.0, 0.5]), "own centres": poses.inverse()[:, :3, 3]}
    refinement = PoseRefinement(poses, points.get(where))
    with torch.no_grad():
        refinement.rotations.normal_(generator=torch.Generator().manual_seed(0))
    moved = refinement()
    pivot = points.get(where, torch.zeros(3))
    fixed = torch.cat([pivot.expand(4, 3).double(), torch.ones(4, 1)], dim=1)[..., None]
    torch.testing.assert_close(moved @ fixed, poses @ fixed)
    expected = Rotation.from_rotvec(refinement.rotations.detach()) * Rotation.from_matrix(poses[:, :3, :3])
    np.testing.assert_allclose(moved[:, :3, :3].detach(), expected.as_matrix(), atol=1e-12)


def test_a_translation_moves_the_scene_in_the_cameras_frame() -> None:
    poses = random_poses(3)
    refinement = PoseRefinement(poses)
    with torch.no_grad():
        refinement.translations += torch.tensor([1.0, 2.0, 3.0])
    expected = poses.clone()
    expected[:, :3, 3] += torch.tensor([1.0, 2.0, 3.0])
    torch.testing.assert_close(refinement(), expected)


@pytest.mark.parametrize("fix_first", [False, True])
def test_disturbed_cameras_find_their_way_back_from_pixels(fix_first: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    truth = random_poses(6).float()
    truth[:, :3, 3] = torch.tensor([0.0, 0.0, 4.0])  # looking at the origin from four units away
    points = torch.rand(40, 3, generator=generator) * 2 - 1

    def pixels(poses: torch.Tensor) -> torch.Tensor:
        in_camera = points @ poses[:, :3, :3].mT + poses[:, None, :3, 3]
        return in_camera[..., :2] / in_camera[..., 2:]

    disturbance = PoseRefinement(truth, fix_first=fix_first)
    with torch.no_grad():
        disturbance.rotations.normal_(0, 0.05, generator=generator)
        disturbance.translations.normal_(0, 0.1, generator=generator)
    refinement = PoseRefinement(disturbance().detach(), fix_first=fix_first)
    optimizer = torch.optim.Adam(refinement.parameter_groups(rotation_rate=5e-3, translation_rate=1e-2))
    for group, name in zip(optimizer.param_groups, ("pose_rotations", "pose_translations"), strict=True):
        assert group["name"] == name
    for _ in range(300):
        optimizer.zero_grad()
        (pixels(refinement()) - pixels(truth)).square().mean().backward()
        optimizer.step()
    assert (refinement() - truth).abs().max() < 2e-3


def test_the_first_camera_stays_whatever_pulls_at_it() -> None:
    poses = random_poses(3).float()
    refinement = PoseRefinement(poses, fix_first=True)
    optimizer = torch.optim.Adam(refinement.parameters(), lr=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        refinement().square().sum().add(refinement().sum()).backward()
        optimizer.step()
    assert torch.equal(refinement()[0], poses[0])
    assert not torch.isclose(refinement()[1:], poses[1:]).all()


def test_sparse_gradients_leave_cameras_alone_that_a_step_does_not_see() -> None:
    poses = random_poses(3).float()
    refinement = PoseRefinement(poses, sparse=True)
    optimizer = torch.optim.SparseAdam(list(refinement.parameters()), lr=0.1)
    for view in (0, 1, 1, 1):
        before = refinement().detach()
        optimizer.zero_grad()
        refinement([view])[..., :3, 3].sum().backward()
        optimizer.step()
        others = [index for index in range(3) if index != view]
        assert torch.equal(refinement()[others], before[others])
        assert not torch.equal(refinement()[view], before[view])


@pytest.mark.parametrize("damage", ["reflection", "scale", "nan", "last row"])
def test_what_is_no_rigid_motion_is_refused_by_its_index(damage: str) -> None:
    poses = random_poses(4)
    if damage == "reflection":
        poses[2, :3, 0] *= -1
    elif damage == "scale":
        poses[2, :3, :3] *= 1.01
    elif damage == "nan":
        poses[2, 0, 3] = torch.nan
    else:
        poses[2, 3, 0] = 0.1
    with pytest.raises(ValueError, match="matrix 2"):
        PoseRefinement(poses)


def similar(points: torch.Tensor, seed: int = 0) -> tuple[torch.Tensor, float, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rotation, translation, scale = Rotation.random(rng=rng).as_matrix(), rng.normal(size=3), 2.7
    return torch.from_numpy(scale * points.numpy() @ rotation.T + translation), scale, rotation, translation


def test_umeyama_recovers_a_similarity_exactly() -> None:
    source = torch.from_numpy(np.random.default_rng(0).normal(size=(50, 3)))
    target, scale, rotation, translation = similar(source)
    found = umeyama(source, target)
    assert found.scale.item() == pytest.approx(scale, rel=1e-12)
    np.testing.assert_allclose(found.rotation, rotation, atol=1e-12)
    np.testing.assert_allclose(found.translation, translation, atol=1e-12)
    torch.testing.assert_close(found.points(source), target)
    torch.testing.assert_close(found.inverse().points(target), source)


def test_umeyama_is_the_kabsch_rotation_of_scipy_with_weights_and_noise() -> None:
    rng = np.random.default_rng(3)
    source, weights = rng.normal(size=(30, 3)), rng.uniform(0, 2, size=30)
    target = source @ Rotation.random(rng=rng).as_matrix().T + 0.3 * rng.normal(size=(30, 3)) + 5
    found = umeyama(torch.from_numpy(source), torch.from_numpy(target), torch.from_numpy(weights), with_scale=False)

    def centered(points: np.ndarray) -> np.ndarray:
        return points - np.average(points, axis=0, weights=weights)

    expected, _ = Rotation.align_vectors(centered(target), centered(source), weights=weights)
    np.testing.assert_allclose(found.rotation, expected.as_matrix(), atol=1e-9)
    assert found.scale.item() == 1.0


def test_umeyama_with_scale_is_a_minimum_of_the_weighted_error() -> None:
    rng = np.random.default_rng(4)
    source, target = torch.from_numpy(rng.normal(size=(2, 25, 3)))
    weights = torch.from_numpy(rng.uniform(0, 2, size=25))
    found = umeyama(source, target, weights)

    def error(change: torch.Tensor) -> torch.Tensor:
        rotation = rotation_exp(change[:3]) @ found.rotation
        moved = (found.scale + change[6]) * source @ rotation.mT + found.translation + change[3:6]
        return (weights[:, None] * (moved - target).square()).sum()

    nothing = torch.zeros(7, dtype=torch.float64)
    assert torch.autograd.functional.jacobian(error, nothing).abs().max() < 1e-9
    assert torch.linalg.eigvalsh(torch.autograd.functional.hessian(error, nothing)).min() > 0


def test_a_mirrored_cloud_is_matched_by_a_rotation_and_never_by_a_reflection() -> None:
    source = torch.from_numpy(np.random.default_rng(5).normal(size=(40, 3)))
    found = umeyama(source, source * torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64))
    assert torch.linalg.det(found.rotation).item() == pytest.approx(1.0)
    assert 0 < found.scale.item() < 1


def test_points_of_a_plane_give_the_true_rotation() -> None:
    source = torch.from_numpy(np.random.default_rng(6).normal(size=(10, 3)))
    source[:, 2] = 0
    target, scale, rotation, _ = similar(source, seed=7)
    found = umeyama(source, target)
    np.testing.assert_allclose(found.rotation, rotation, atol=1e-10)
    assert found.scale.item() == pytest.approx(scale)


def test_a_zero_weight_is_absence() -> None:
    source = torch.from_numpy(np.random.default_rng(8).normal(size=(12, 3)))
    target, scale, _, _ = similar(source)
    target[0] += 100
    weights = torch.ones(12, dtype=torch.float64)
    weights[0] = 0
    assert umeyama(source, target, weights).scale.item() == pytest.approx(scale)


def test_moved_cameras_see_moved_points_at_the_same_pixels() -> None:
    poses = random_poses(5)
    points = torch.from_numpy(np.random.default_rng(9).normal(size=(20, 3)))
    target, scale, _, _ = similar(points)
    change = umeyama(points, target)
    before = points @ poses[:, :3, :3].mT + poses[:, None, :3, 3]
    moved = change.cameras(poses)
    after = target @ moved[:, :3, :3].mT + moved[:, None, :3, 3]
    torch.testing.assert_close(after, scale * before)
    torch.testing.assert_close(change.inverse().cameras(moved), poses)


@pytest.mark.parametrize(
    ("source", "target", "weights", "message"),
    [
        (torch.rand(5, 3), torch.rand(4, 3), None, "same"),
        (torch.rand(5, 3), torch.rand(5, 3), torch.ones(4), "weights"),
        (torch.rand(5, 3), torch.rand(5, 3), -torch.ones(5), "at least 0"),
        (torch.rand(5, 3), torch.full((5, 3), torch.nan), None, "finite"),
        (torch.rand(2, 3), torch.rand(2, 3), None, "three points"),
        (torch.rand(5, 3), torch.rand(5, 3), torch.zeros(5), "three points"),
        (torch.rand(5, 1).expand(5, 3), torch.rand(5, 1).expand(5, 3), None, "one line"),
        (torch.ones(5, 3), torch.rand(5, 3), None, "one line"),
    ],
)
def test_what_has_no_unique_similarity_is_refused(
    source: torch.Tensor, target: torch.Tensor, weights: torch.Tensor | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        umeyama(source, target, weights)
