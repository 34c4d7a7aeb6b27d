"""A reconstruction at a glance: its points and cameras from behind the cameras and from above."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, UInt8
from PIL import Image, ImageDraw

from benchmark.cameras import Camera, Cameras, project
from benchmark.reconstruction.reconstruction import Reconstruction

PAPER = (250, 250, 248)
TRAIN, TEST = (200, 60, 30), (30, 90, 200)
# Share of the points that decides what is in the picture: the farthest are few and far.
SHOWN = 0.9
# Length of a drawn camera over the median distance to its points.
CAMERA_LENGTH = 0.08
SMOOTHING = 2


def picture(reconstruction: Reconstruction, height: int = 420) -> UInt8[np.ndarray, "height width 3"]:
    """Two panels side by side; train cameras red, test cameras blue."""
    points = reconstruction.points[reconstruction.valid].astype(np.float64)
    colors = (reconstruction.colors[reconstruction.valid] * 255).round().astype(np.uint8)
    panels = [
        _panel(points, colors, reconstruction, camera)
        for camera in (_behind(reconstruction, points, height), _above(reconstruction, points, height))
    ]
    return np.concatenate(panels, axis=1)


def _panel(
    points: Float64[np.ndarray, "point 3"], colors: UInt8[np.ndarray, "point 3"], made: Reconstruction, camera: Camera
) -> UInt8[np.ndarray, "height width 3"]:
    pixels, depth = project(points, camera)
    inside = (depth > 1e-6) & (pixels >= 0).all(axis=1) & (pixels[:, 0] < camera.width) & (pixels[:, 1] < camera.height)
    order = np.argsort(-depth[inside], kind="stable")
    columns, rows = np.floor(pixels[inside][order]).astype(np.int64).T
    canvas = np.empty((camera.height, camera.width, 3), np.uint8)
    canvas[:] = PAPER
    # Far ones first; two pixels each, so that a sparse surface is none of dots.
    for down in range(SMOOTHING):
        for right in range(SMOOTHING):
            canvas[np.minimum(rows + down, camera.height - 1), np.minimum(columns + right, camera.width - 1)] = colors[
                inside
            ][order]
    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    length = CAMERA_LENGTH * _reach(made)
    for cameras, colour in ((made.test_cameras, TEST), (made.cameras, TRAIN)):
        for index in range(len(cameras)):
            _draw_frustum(draw, cameras[index], camera, length, colour)
    return np.asarray(image)


def _draw_frustum(
    draw: ImageDraw.ImageDraw, shown: Camera, camera: Camera, length: float, colour: tuple[int, int, int]
) -> None:
    corners = np.array([[0, 0], [shown.width, 0], [shown.width, shown.height], [0, shown.height]], np.float64)
    rays = np.concatenate([corners, np.ones((4, 1))], axis=1) @ np.linalg.inv(shown.intrinsics).T
    world = np.concatenate([rays * length, np.zeros((1, 3))])
    world = (world - shown.world_to_camera[:3, 3]) @ shown.world_to_camera[:3, :3]
    pixels, depth = project(world, camera)
    if (depth <= 1e-6).any():
        return
    for one, other in ((0, 1), (1, 2), (2, 3), (3, 0), (0, 4), (1, 4), (2, 4), (3, 4)):
        draw.line([tuple(pixels[one]), tuple(pixels[other])], fill=colour, width=2)


def _reach(made: Reconstruction) -> float:
    points = made.points[made.valid]
    return float(np.median(np.linalg.norm(points - made.cameras.centers.mean(axis=0), axis=-1)))


def _mean_axes(cameras: Cameras) -> Float64[np.ndarray, "3 3"]:
    """Right, down and forward of the cameras' mean orientation, as rows."""
    left, _, right = np.linalg.svd(cameras.world_to_camera[:, :3, :3].astype(np.float64).sum(axis=0))
    return left @ np.diag([1.0, 1.0, np.linalg.det(left) * np.linalg.det(right)]) @ right


def _behind(made: Reconstruction, points: Float64[np.ndarray, "point 3"], size: int) -> Camera:
    """From behind and above the cameras, towards the points."""
    axes = _mean_axes(made.cameras)
    angle = np.radians(25)
    tilt = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    return _framed(tilt @ axes, made, points, size)


def _above(made: Reconstruction, points: Float64[np.ndarray, "point 3"], size: int) -> Camera:
    """From above: forward is up in the picture."""
    right, down, forward = _mean_axes(made.cameras)
    return _framed(np.stack([right, -forward, down]), made, points, size)


def _framed(axes: np.ndarray, made: Reconstruction, points: Float64[np.ndarray, "point 3"], size: int) -> Camera:
    """A camera of these axes, far enough that cameras and most points are in its picture."""
    centers = np.concatenate([made.cameras.centers, made.test_cameras.centers])
    low = np.minimum(np.quantile(points, (1 - SHOWN) / 2, axis=0), centers.min(axis=0))
    high = np.maximum(np.quantile(points, (1 + SHOWN) / 2, axis=0), centers.max(axis=0))
    middle = (low + high) / 2
    kept = np.concatenate([points[((points >= low) & (points <= high)).all(axis=1)][::17], centers])
    turned = (kept - middle) @ axes.T
    radius = max(float(np.abs(turned[:, :2]).max()), 1e-6)
    width, focal = round(size * 1.3), 1.6 * size
    pose = np.eye(4)
    distance = 2 * focal / size * radius - float(min(turned[:, 2].min(), 0.0))
    pose[:3, :3] = axes
    pose[:3, 3] = -axes @ middle + [0, 0, distance]
    return Camera(pose, np.array([[focal, 0, width / 2], [0, focal, size / 2], [0, 0, 1.0]]), width, size)
