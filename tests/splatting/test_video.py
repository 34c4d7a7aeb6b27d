"""Camera paths by what a camera must see on them, and videos by decoding them again."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from benchmark.cameras import Cameras, project
from benchmark.errors import InputError, MissingError
from benchmark.splatting.gaussians import Gaussians
from benchmark.splatting.video import (
    colors_of,
    interpolated_path,
    pixels,
    point_looked_at,
    turntable,
    upward,
    write_video,
)

TARGET = np.array([0.5, -0.2, 1.0])


def looking_at(target: np.ndarray, centers: np.ndarray, width: int = 32, height: int = 24) -> Cameras:
    """Cameras at ``centers`` whose optical axes meet in ``target``, with the world's -y up."""
    poses = []
    for center in centers:
        forward = (target - center) / np.linalg.norm(target - center)
        right = np.cross([0.0, 1.0, 0.0], forward)
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = rotation, -rotation @ center
        poses.append(pose)
    intrinsics = np.array([[30.0, 0, width / 2], [0, 30, height / 2], [0, 0, 1]])
    return Cameras(np.stack(poses), np.repeat(intrinsics[None], len(poses), axis=0), width, height)


def on_an_arc(count: int, height: float = -0.5) -> Cameras:
    angles = np.linspace(0.2, 1.8, count)
    centers = TARGET + np.stack([3 * np.sin(angles), np.full(count, height), -3 * np.cos(angles)], axis=1)
    return looking_at(TARGET, centers)


def assert_rigid(cameras: Cameras) -> None:
    rotation = cameras.world_to_camera[:, :3, :3]
    np.testing.assert_allclose(
        rotation @ rotation.transpose(0, 2, 1), np.repeat(np.eye(3)[None], len(cameras), 0), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(rotation), 1, atol=1e-9)
    np.testing.assert_array_equal(cameras.world_to_camera[:, 3], np.repeat([[0, 0, 0, 1.0]], len(cameras), axis=0))


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_a_path_begins_and_ends_at_its_cameras_and_passes_the_others(count: int) -> None:
    cameras = on_an_arc(count)
    path = interpolated_path(cameras, 601)
    assert_rigid(path)
    assert (path.width, path.height) == (32, 24)
    for index in range(count):
        distance = np.abs(path.world_to_camera - cameras.world_to_camera[index]).max(axis=(1, 2))
        assert distance.min() < 0.02
    np.testing.assert_allclose(path.world_to_camera[[0, -1]], cameras.world_to_camera[[0, -1]], atol=1e-9)


def test_a_path_is_smooth() -> None:
    path = interpolated_path(on_an_arc(5), 400)
    for steps in (np.diff(path.centers, axis=0), np.diff(path.world_to_camera[:, :3, :3], axis=0)):
        jumps = np.abs(np.diff(steps, axis=0)).max()
        assert jumps < 0.05 * np.abs(steps).max()


def test_a_loop_comes_back_without_repeating_a_frame() -> None:
    cameras = on_an_arc(4)
    path = interpolated_path(cameras, 200, loop=True)
    assert_rigid(path)
    np.testing.assert_allclose(path.world_to_camera[0], cameras.world_to_camera[0], atol=1e-9)
    step = np.linalg.norm(np.diff(path.centers, axis=0), axis=1)
    closing = np.linalg.norm(path.centers[-1] - path.centers[0])
    assert 0 < closing < 1.5 * step.max()


def test_cameras_in_one_place_only_turn() -> None:
    cameras = looking_at(np.zeros(3), np.array([[0.0, 0, -3]] * 3))
    turned = cameras.world_to_camera.copy()
    for index, angle in enumerate((0.0, 0.3, 0.5)):
        turned[index, :3, :3] = Rotation.from_euler("y", angle).as_matrix() @ turned[index, :3, :3]
        turned[index, :3, 3] = -turned[index, :3, :3] @ cameras.centers[index]
    path = interpolated_path(Cameras(turned, cameras.intrinsics, 32, 24), 50)
    np.testing.assert_allclose(path.centers, np.repeat(cameras.centers[:1], 50, axis=0), atol=1e-9)
    assert_rigid(path)


def test_lenses_change_along_the_path() -> None:
    cameras = on_an_arc(2)
    zoom = Cameras(cameras.world_to_camera, cameras.intrinsics * np.array([1.0, 2.0])[:, None, None], 32, 24)
    focal = interpolated_path(zoom, 11).intrinsics[:, 0, 0]
    np.testing.assert_allclose(focal, np.linspace(30, 60, 11))


def test_the_point_looked_at_is_found_and_noise_only_blurs_it() -> None:
    cameras = on_an_arc(6)
    np.testing.assert_allclose(point_looked_at(cameras), TARGET, atol=1e-9)
    noisy = cameras.world_to_camera.copy()
    noisy[:, :3, :3] = (
        Rotation.from_rotvec(np.random.default_rng(0).normal(0, 0.01, (6, 3))).as_matrix() @ noisy[:, :3, :3]
    )
    noisy[:, :3, 3] = -np.einsum("vij,vj->vi", noisy[:, :3, :3], cameras.centers)
    assert np.linalg.norm(point_looked_at(Cameras(noisy, cameras.intrinsics, 32, 24)) - TARGET) < 0.1


def test_parallel_or_diverging_cameras_look_at_no_point() -> None:
    centers = np.array([[0.0, 0, -3], [1, 0, -3], [0, 1, -3]])
    parallel = looking_at(np.array([0.0, 0, 1e6]), centers)
    with pytest.raises(InputError, match="no common point"):
        turntable(parallel, 5)
    assert len(turntable(parallel, 5, target=np.zeros(3))) == 5
    towards = on_an_arc(3)
    turn = np.diag([-1.0, 1, -1, 1])
    away = Cameras(turn @ towards.world_to_camera, towards.intrinsics, 32, 24)
    with pytest.raises(InputError, match="no common point"):
        point_looked_at(away)


@pytest.mark.parametrize("height", [-0.5, -3.0])
def test_up_is_where_no_camera_rolls_even_on_a_short_arc_seen_from_above(height: float) -> None:
    assert upward(on_an_arc(5, height)) @ [0, -1, 0] > np.cos(np.radians(2))


def test_up_of_cameras_side_by_side_is_their_own() -> None:
    centers = np.stack([np.linspace(-1, 1, 4), np.zeros(4), np.full(4, -3.0)], axis=1)
    cameras = looking_at(np.array([0.0, 1e6, 1e6]), centers)
    np.testing.assert_allclose(upward(cameras), -cameras.world_to_camera[0, 1, :3], atol=1e-4)


def test_a_turntable_keeps_its_target_in_the_middle_and_its_distance() -> None:
    cameras = on_an_arc(5)
    path = turntable(cameras, 24)
    assert_rigid(path)
    np.testing.assert_allclose(np.linalg.norm(path.centers - TARGET, axis=1), np.hypot(3, 0.5), atol=1e-3)
    for index in range(24):
        pixel, depth = project(TARGET, path[index])
        np.testing.assert_allclose(pixel, [16, 12], atol=1e-6)
        assert depth > 0
        above, _ = project(TARGET + 0.1 * upward(cameras), path[index])
        assert above[1] < pixel[1] and abs(above[0] - pixel[0]) < 1e-6
    steps = np.linalg.norm(np.roll(path.centers, -1, axis=0) - path.centers, axis=1)
    np.testing.assert_allclose(steps, steps[0])


def test_a_turntable_begins_where_the_first_camera_stands_and_may_stop_early() -> None:
    angles = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    ring = looking_at(TARGET, TARGET + np.stack([3 * np.sin(angles), 0 * angles, -3 * np.cos(angles)], axis=1))
    path = turntable(ring, 7, degrees=90)
    np.testing.assert_allclose(path.world_to_camera[0], ring.world_to_camera[0], atol=1e-9)
    first, last = path.centers[0] - TARGET, path.centers[-1] - TARGET
    assert abs(first @ last) < 1e-9


def test_a_camera_on_the_axis_cannot_turn() -> None:
    one = looking_at(TARGET, TARGET + np.array([[0.0, 0, -3]]))
    with pytest.raises(InputError, match="stand on its axis"):
        turntable(one, 3, target=one.centers[0] + 2 * upward(one))


def blob(color: tuple[float, ...]) -> Gaussians:
    """One large opaque Gaussian at the target."""
    sh = (torch.tensor(color) - 0.5) / 0.28209479
    return Gaussians(
        torch.from_numpy(TARGET).float()[None],
        torch.full((1, 3), 1.0),
        torch.tensor([[1.0, 0, 0, 0]]),
        torch.tensor([9.0]),
        sh[None, None],
    )


def test_pixels_are_the_rendered_colours_in_bytes() -> None:
    picture = pixels(blob((0.8, 0.4, 0.2)), on_an_arc(1)[0])
    assert picture.shape == (24, 32, 3) and picture.dtype == np.uint8
    np.testing.assert_allclose(picture[12, 16], [204, 102, 51], atol=2)


def test_latents_need_a_decoder() -> None:
    gaussians, camera = blob((0.8, 0.4, 0.2, 0.6)), on_an_arc(1)[0]
    with pytest.raises(InputError, match="to_colors"):
        pixels(gaussians, camera)
    decoded = pixels(gaussians, camera, to_colors=lambda image: image[..., 1:].repeat_interleave(2, dim=0))
    assert decoded.shape == (48, 32, 3)
    assert colors_of(torch.rand(4, 5, 1)).shape == (4, 5, 3)


def test_a_video_decodes_to_what_was_rendered(tmp_path: Path) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="needs imageio-ffmpeg, the extra [video]")
    gaussians, path = blob((0.8, 0.4, 0.2)), turntable(on_an_arc(3), 9)
    odd = Cameras(path.world_to_camera, path.intrinsics, 33, 25)
    write_video(tmp_path / "turn.mp4", gaussians, odd, frames_per_second=12, quality=10)
    assert [entry.name for entry in tmp_path.iterdir()] == ["turn.mp4"]
    frames = ffmpeg.read_frames(str(tmp_path / "turn.mp4"))
    facts = next(frames)
    assert (facts["codec"], facts["source_size"], facts["fps"]) == ("h264", (32, 24), 12)
    assert facts["pix_fmt"].startswith("yuv420p")
    pictures = [np.frombuffer(frame, np.uint8).reshape(24, 32, 3) for frame in frames]
    assert len(pictures) == 9
    for index in (0, 8):
        expected = pixels(gaussians, odd[index])[:24, :32].astype(float)
        assert np.abs(pictures[index] - expected).mean() < 6


def test_bad_names_and_sizes_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg", reason="needs imageio-ffmpeg, the extra [video]")
    gaussians, cameras = blob((0.8, 0.4, 0.2)), on_an_arc(2)
    with pytest.raises(InputError, match=r"\.mp4"):
        write_video(tmp_path / "turn.gif", gaussians, cameras)
    with pytest.raises(InputError, match="no folder"):
        write_video(tmp_path / "absent" / "turn.mp4", gaussians, cameras)
    tiny = Cameras(cameras.world_to_camera, cameras.intrinsics, 1, 8)
    with pytest.raises(InputError, match="1x8"):
        write_video(tmp_path / "turn.mp4", gaussians, tiny)
    assert not list(tmp_path.iterdir())


def test_an_error_while_rendering_leaves_no_file(tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg", reason="needs imageio-ffmpeg, the extra [video]")
    calls = iter(range(10))

    def decode(image: torch.Tensor) -> torch.Tensor:
        if next(calls) == 3:
            raise RuntimeError("the decoder broke")
        return image

    with pytest.raises(RuntimeError, match="broke"):
        write_video(tmp_path / "turn.mp4", blob((0.8, 0.4, 0.2)), turntable(on_an_arc(3), 9), to_colors=decode)
    assert not list(tmp_path.iterdir())


def test_a_missing_extra_answers_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(MissingError, match=r"pip install 'splatbench\[video\]'"):
        write_video(tmp_path / "turn.mp4", blob((0.8, 0.4, 0.2)), on_an_arc(2))
