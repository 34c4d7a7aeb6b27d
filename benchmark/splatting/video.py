"""Camera paths and videos of a fitted scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation, RotationSpline, Slerp
from torch import Tensor

from benchmark.cameras import Camera, Cameras
from benchmark.errors import InputError, MissingError
from benchmark.splatting.gaussians import Gaussians
from benchmark.splatting.ply import published
from benchmark.splatting.render import TorchCameras, render

# From one rendered image to colours in [0, 1]: the identity, or a decoder of latents (whose size may differ).
ToColors = Callable[[Float[Tensor, "height width channel"]], Float[Tensor, "rows columns 3"]]


def interpolated_path(cameras: Cameras, frames: int, loop: bool = False) -> Cameras:
    """Smooth path through the given cameras, in their order.

    Centres and intrinsics follow cubic splines, orientations a spline with continuous angular velocity (SciPy's
    ``RotationSpline``). Time between two cameras is proportional to the square root of their distance, which keeps a
    spline from overshooting between uneven neighbours.

    Parameters
    ----------
    frames
        Number of cameras returned; the first and last are the ends of the path.
    loop
        Go back to the first camera at the end (which is then not repeated). Centres join smoothly there, the
        orientation without a jump.
    """
    if frames < 1:
        raise ValueError(f"frames: expected at least 1, got {frames}")
    order = [*range(len(cameras)), 0] if loop and len(cameras) > 1 else list(range(len(cameras)))
    if len(order) == 1:
        return _take(cameras, [0] * frames)
    centers, intrinsics = cameras.centers[order], cameras.intrinsics[order]
    orientations = Rotation.from_matrix(cameras.world_to_camera[order, :3, :3]).inv()
    steps = np.linalg.norm(np.diff(centers, axis=0), axis=1)
    # Cameras may share a centre; the small floor keeps the knots apart.
    knots = np.concatenate([[0.0], np.cumsum(np.sqrt(steps + 1e-3 * max(steps.max(), 1e-9)))])
    times = np.linspace(0, knots[-1], frames, endpoint=not loop)
    ends: Literal["periodic", "natural"] = "periodic" if loop and len(order) > 2 else "natural"
    # With two cameras both splines are straight; RotationSpline needs three.
    rotate = RotationSpline(knots, orientations) if len(order) > 2 else Slerp(knots, orientations)
    return _look(
        CubicSpline(knots, centers, bc_type=ends)(times),
        rotate(times).as_matrix(),
        CubicSpline(knots, intrinsics, bc_type=ends)(times),
        cameras,
    )


def turntable(
    cameras: Cameras, frames: int, target: Float[np.ndarray, "3"] | None = None, degrees: float = 360.0
) -> Cameras:
    """Cameras on a circle about the point that the given cameras look at, at their mean height and distance.

    The axis is `upward`. The path starts at the direction of the first camera.

    Parameters
    ----------
    target
        Centre of the circle; None takes `point_looked_at`.
    degrees
        Part of the circle; a full turn ends one frame before it began, so that the video loops.

    Raises
    ------
    InputError
        If the cameras do not look at a common point and no ``target`` is given.
    """
    if frames < 1:
        raise ValueError(f"frames: expected at least 1, got {frames}")
    center = point_looked_at(cameras) if target is None else np.asarray(target, np.float64)
    up = upward(cameras)
    offsets = cameras.centers - center
    heights = offsets @ up
    aside = offsets - heights[:, None] * up
    radius = float(np.linalg.norm(aside, axis=1).mean())
    if radius < 1e-9 * max(1.0, float(np.abs(center).max())):
        raise InputError("turntable: the cameras stand on its axis; give a target beside them or interpolate a path")
    first = aside[np.linalg.norm(aside, axis=1).argmax()] if np.linalg.norm(aside[0]) < 1e-3 * radius else aside[0]
    start = first / np.linalg.norm(first)
    angles = np.radians(np.linspace(0, degrees, frames, endpoint=abs(degrees) < 360.0))
    directions = Rotation.from_rotvec(angles[:, None] * up).apply(start)
    centers = center + radius * directions + heights.mean() * up
    forward = center - centers
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    right = np.cross(forward, up)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    camera_to_world = np.stack([right, np.cross(forward, right), forward], axis=-1)
    return _look(centers, camera_to_world, np.repeat(cameras.intrinsics.mean(0)[None], frames, axis=0), cameras)


def point_looked_at(cameras: Cameras) -> Float[np.ndarray, "3"]:
    """Point nearest to all optical axes, in the least-squares sense.

    Raises
    ------
    InputError
        If the axes are (almost) parallel or meet behind the cameras.
    """
    forward, centers = cameras.world_to_camera[:, 2, :3], cameras.centers
    across = np.eye(3) - forward[:, :, None] * forward[:, None, :]
    normal = across.mean(axis=0)
    # The smallest eigenvalue is the mean squared sine between the axes and their common direction: 1e-4 is 0.6 degrees.
    point = None
    if np.linalg.eigvalsh(normal)[0] > 1e-4:
        point = np.linalg.solve(normal, np.einsum("vij,vj->i", across, centers) / len(centers))
    if point is None or np.median(np.einsum("vi,vi->v", point - centers, forward)) <= 0:
        raise InputError("the cameras look at no common point; give a target, or interpolate a path through them")
    return point


def upward(cameras: Cameras) -> Float[np.ndarray, "3"]:
    """The world's upward direction, of length 1, if photographs are mostly taken without roll.

    It is then perpendicular to every camera's right axis. Where these leave it open (cameras side by side), it is the
    mean of the cameras' own upward directions, which alone would lean on an arc seen from above.
    """
    right, up = cameras.world_to_camera[:, 0, :3], -cameras.world_to_camera[:, 1, :3]
    mean = up.mean(axis=0)
    if np.linalg.norm(mean) < 1e-3:  # the cameras' own directions cancel
        mean = up[0]
    # Least squares of (right . u)^2, held at the mean where it is flat.
    flat = 1e-3
    direction = np.linalg.solve(right.T @ right / len(right) + flat * np.eye(3), flat * mean)
    return direction / np.linalg.norm(direction)


def colors_of(image: Float[Tensor, "height width channel"]) -> Float[Tensor, "height width 3"]:
    """The image itself where it has three channels; one channel is shown as grey.

    Raises
    ------
    InputError
        For any other number: latents need a decoder.
    """
    if image.shape[-1] not in (1, 3):
        raise InputError(f"an image of {image.shape[-1]} channels has no colours; decode it (argument to_colors)")
    return image.expand(-1, -1, 3)


@torch.no_grad()
def pixels(
    gaussians: Gaussians,
    camera: Camera,
    to_colors: ToColors = colors_of,
    background: Float[Tensor, "channel"] | None = None,
) -> UInt8[np.ndarray, "rows columns 3"]:
    """What a camera sees, as the bytes of a picture."""
    seen_from = TorchCameras.of(Cameras.stack([camera]), gaussians.means.device)
    image = render(gaussians, seen_from, None if background is None else background[None]).image[0]
    return (to_colors(image).clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()


def write_video(
    path: Path,
    gaussians: Gaussians,
    cameras: Cameras,
    frames_per_second: float = 30.0,
    quality: float = 8.0,
    to_colors: ToColors = colors_of,
    background: Float[Tensor, "channel"] | None = None,
) -> None:
    """Render every camera into an MP4 that any player shows (H.264, ``yuv420p``), complete or not at all.

    Parameters
    ----------
    path
        Ending in ``.mp4``.
    quality
        1 (small) to 10 (large).
    to_colors
        Turns a rendered image into colours; needed where the field does not have three channels.
    background
        None is black.

    Raises
    ------
    MissingError
        If the extra ``[video]`` is not installed.
    InputError
        If the folder does not exist, the suffix is another, or the image is smaller than 2x2.
    """
    if path.suffix.lower() != ".mp4":
        raise InputError(f"{path}: videos are written as MP4; end the name with .mp4")
    if len(cameras) == 0:
        raise ValueError("cameras: expected at least one, got 0")
    ffmpeg = load_ffmpeg()
    pictures = (pixels(gaussians, cameras[index], to_colors, background) for index in range(len(cameras)))
    first = next(pictures)
    # yuv420p stores colour at half the size, so sides are even: an odd last row or column is cut off.
    height, width = (side - side % 2 for side in first.shape[:2])
    if height == 0 or width == 0:
        raise InputError(f"a video of {first.shape[1]}x{first.shape[0]} pixels cannot be written; render it larger")
    frames = (np.ascontiguousarray(picture[:height, :width]) for picture in chain([first], pictures))
    with published(path) as partial:
        writer = ffmpeg.write_frames(
            str(partial), (width, height), fps=frames_per_second, quality=quality, codec="libx264", macro_block_size=2,
            ffmpeg_log_level="error",
        )  # fmt: skip
        try:
            writer.send(None)
            for frame in frames:
                writer.send(frame)
        except OSError:
            raise InputError(f"{path}: ffmpeg stopped; its own message is above") from None
        finally:
            writer.close()
        if not partial.is_file() or partial.stat().st_size == 0:
            raise InputError(f"{path}: ffmpeg wrote nothing; its own message is above")


def load_ffmpeg() -> ModuleType:
    """``imageio_ffmpeg`` with a working ffmpeg, or `MissingError` with the line that installs it."""
    try:
        import imageio_ffmpeg

        imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MissingError(f"writing a video needs ffmpeg ({reason}); pip install 'splatbench[video]'") from None
    return imageio_ffmpeg


def _take(cameras: Cameras, indices: list[int]) -> Cameras:
    return replace(cameras, world_to_camera=cameras.world_to_camera[indices], intrinsics=cameras.intrinsics[indices])


def _look(
    centers: Float[np.ndarray, "frame 3"],
    camera_to_world: Float[np.ndarray, "frame 3 3"],
    intrinsics: Float[np.ndarray, "frame 3 3"],
    like: Cameras,
) -> Cameras:
    """Cameras at centres with given axes, of the size of others."""
    world_to_camera = np.repeat(np.eye(4)[None], len(centers), axis=0)
    world_to_camera[:, :3, :3] = camera_to_world.transpose(0, 2, 1)
    world_to_camera[:, :3, 3] = -np.einsum("fji,fj->fi", camera_to_world, centers)
    return Cameras(world_to_camera, intrinsics, like.width, like.height)
