"""A scene as the second track sees it: photographs that the autoencoder can take, cameras, and points to start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Float32

from benchmark.cameras import Camera, Cameras
from benchmark.errors import InputError
from benchmark.reconstruction.reconstruction import Reconstruction
from benchmark.scenes.images import resize
from benchmark.scenes.scene import Scene, View
from benchmark.scenes.sizes import working_size
from benchmark.splatting.render import TorchCameras


@dataclass(frozen=True)
class Frame:
    """How a photograph becomes the image that is encoded: stretched to ``size``, then cut out of its middle.

    Attributes
    ----------
    size
        ``(width, height)`` before the crop.
    left, top, width, height
        Of the crop, in pixels of the stretched photograph; both sides are multiples of the downscale.
    """

    size: tuple[int, int]
    left: int
    top: int
    width: int
    height: int

    def values(self) -> dict[str, object]:
        """Plain values for the record."""
        return {"size": list(self.size), "crop": [self.left, self.top, self.width, self.height]}

    def image(self, view: View) -> Float32[np.ndarray, "height width 3"]:
        """The photograph in this frame, sRGB in [0, 1]."""
        image = resize(view.image(), *self.size)
        return image[self.top : self.top + self.height, self.left : self.left + self.width]

    def camera(self, camera: Camera) -> Camera:
        """The camera of that image."""
        moved = camera.resized(*self.size)
        intrinsics = moved.intrinsics.copy()
        intrinsics[0, 2] -= self.left
        intrinsics[1, 2] -= self.top
        return replace(moved, intrinsics=intrinsics, width=self.width, height=self.height)


def frame_of(views: Sequence[View], where: str, long_side: int, downscale: int) -> Frame:
    """The frame of all views of a scene: their common size, cropped about the middle.

    Raises
    ------
    InputError
        If views differ in shape, or are smaller than a latent pixel.
    """
    sizes = {working_size(view.width, view.height, long_side): view.name for view in views}
    if len(sizes) != 1:
        (first, one), (second, other), *_ = sizes.items()
        raise InputError(
            f"{where}: views differ in shape ({one} is {first[0]}x{first[1]}, {other} is {second[0]}x{second[1]} at the "
            "working size); name views of one shape in the split"
        )
    ((width, height),) = sizes
    kept_width, kept_height = width // downscale * downscale, height // downscale * downscale
    if not kept_width or not kept_height:
        raise InputError(
            f"{where}: {width}x{height} pixels are fewer than one latent of {downscale}; take larger photographs"
        )
    return Frame((width, height), (width - kept_width) // 2, (height - kept_height) // 2, kept_width, kept_height)


@dataclass(frozen=True)
class Points:
    """Where the first Gaussians may lie.

    Attributes
    ----------
    xyz
        In the reconstruction's world.
    view, place
        The train view that gave each, and where in its image: x and y as fractions of the sides, (0, 0) at the corner.
    depth_quantiles
        Depths of these points before their own cameras, at every hundredth from 0 to 1.
    """

    xyz: Float32[np.ndarray, "point 3"]
    view: np.ndarray
    place: Float32[np.ndarray, "point 2"]
    depth_quantiles: Float32[np.ndarray, "101"]


@dataclass(frozen=True)
class Photographs:
    """Train and test views of a scene in one frame, in a world of a standard size where the protocol wants it.

    Attributes
    ----------
    train, test
        sRGB in [0, 1].
    names, test_names
        Of the views.
    """

    frame: Frame
    names: tuple[str, ...]
    train: Float[torch.Tensor, "view 3 height width"]
    cameras: Cameras
    test_names: tuple[str, ...]
    test: Float[torch.Tensor, "test 3 height width"]
    test_cameras: Cameras
    points: Points


def photographs_of(scene: Scene, train: Sequence[int], reconstruction: Reconstruction, frame: Frame) -> Photographs:
    """Load the photographs, bring the cameras to them, and keep the points that lie in the frame."""
    train_views = [scene.views[index] for index in train]
    return Photographs(
        frame=frame,
        names=tuple(view.name for view in train_views),
        train=_stack(train_views, frame),
        cameras=_framed(reconstruction.cameras, frame),
        test_names=tuple(view.name for view in scene.test_views),
        test=_stack(scene.test_views, frame),
        test_cameras=_framed(reconstruction.test_cameras, frame),
        points=_points(reconstruction, frame),
    )


def at_scale(cameras: Cameras, factor: int, device: str) -> TorchCameras:
    """Cameras of images whose sides are divided by ``factor``."""
    width, height = cameras.width // factor, cameras.height // factor
    reduced = Cameras.stack([cameras[index].resized(width, height) for index in range(len(cameras))])
    return TorchCameras.of(reduced, device)


def _stack(views: Sequence[View], frame: Frame) -> Float[torch.Tensor, "view 3 height width"]:
    return torch.from_numpy(np.stack([frame.image(view) for view in views])).movedim(-1, 1).contiguous()


def _framed(cameras: Cameras, frame: Frame) -> Cameras:
    return Cameras.stack([frame.camera(cameras[index]) for index in range(len(cameras))])


def _points(reconstruction: Reconstruction, frame: Frame) -> Points:
    view, row, column = np.nonzero(reconstruction.valid)
    _, height, width = reconstruction.valid.shape
    whole = np.stack([(column + 0.5) / width * frame.size[0], (row + 0.5) / height * frame.size[1]], axis=-1)
    place = (whole - (frame.left, frame.top)) / (frame.width, frame.height)
    inside = ((place > 0) & (place < 1)).all(axis=1)
    xyz = reconstruction.points[view, row, column][inside]
    poses = reconstruction.cameras.world_to_camera[view[inside]]
    depth = np.einsum("pj,pj->p", poses[:, 2, :3], xyz) + poses[:, 2, 3]
    quantiles = np.quantile(depth, np.linspace(0, 1, 101))
    return Points(xyz, view[inside], place[inside].astype(np.float32), quantiles.astype(np.float32))
