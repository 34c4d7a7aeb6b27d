"""Method `vggt`: cameras and depth of all views from one pass of a network, through Meta's package.

Wang et al., "VGGT: Visual Geometry Grounded Transformer", CVPR 2025.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from PIL import Image
from scipy.spatial.transform import Rotation

from benchmark.cameras import Camera
from benchmark.errors import InputError, MissingError
from benchmark.reconstruction.depth import DepthMaps
from benchmark.reconstruction.dust3r import two_or_more
from benchmark.reconstruction.point_maps import within_memory
from benchmark.reconstruction.recovered import Recovered, Request, resampled
from benchmark.reconstruction.visibility import visible
from benchmark.scenes.scene import View
from vfm_zoo.errors import ZooError

PATCH = 14


@dataclass(frozen=True)
class Seen:
    """What the network says, in the frame of the first view's camera, at the size that it saw.

    Attributes
    ----------
    confidence
        In (1, inf).
    """

    cameras: tuple[Camera, ...]
    depth: Float32[np.ndarray, "view height width"]
    confidence: Float32[np.ndarray, "view height width"]


def load_network(device: str) -> Any:
    """The released network; `MissingError` with the remedy where its package or its weights are absent."""
    from vfm_zoo.vggt import load_vggt

    try:
        return load_vggt(device)
    except ZooError as error:
        raise MissingError(f"reconstruction 'vggt': {error}; or use --reconstruction colmap") from None


def recover(request: Request) -> Recovered:
    """Cameras and depth from photographs alone; train and test views in one pass, train first.

    Raises
    ------
    MissingError
        If the package or the weights are absent.
    InputError
        With fewer than two train views.
    CellError
        If the views do not fit into memory.
    """
    settings, views, count = request.settings.feedforward, two_or_more(request), len(request.train)
    width, height = request.size(multiple=PATCH)
    seen = predict(load_network(request.device), views, settings.width, request.device)
    confidence = resampled(seen.confidence, width, height)
    least = np.percentile(confidence[:count], settings.least_confidence)
    depth = resampled(seen.depth, width, height)
    valid = (confidence >= least) & np.isfinite(depth) & (depth > 0)
    cameras = tuple(
        camera.resized(view.width, view.height).resized(width, height)
        for camera, view in zip(seen.cameras, views, strict=True)
    )
    tolerance = request.settings.mask_tolerance
    masks = [
        visible(z, camera, cameras[:count], depth[:count], valid[:count], tolerance)
        for z, camera in zip(depth[count:], cameras[count:], strict=True)
    ]
    return Recovered(
        train=request.train,
        test=request.scene.test,
        cameras=cameras[:count],
        test_cameras=cameras[count:],
        depth=DepthMaps(depth[:count], (1 - 1 / np.maximum(confidence[:count], 1)).astype(np.float32), valid[:count]),
        test_masks=np.stack(masks),
    )


def network_images(views: Sequence[View], width: int) -> Float[torch.Tensor, "view 3 height width"]:
    """Photographs in [0, 1] at the network's width, the height to the nearest multiple of 14 by stretching."""
    images = []
    for view in views:
        photograph = Image.fromarray(view.image())
        height = max(round(photograph.height * width / photograph.width / PATCH), 1) * PATCH
        resized = photograph.resize((width, height), Image.Resampling.BICUBIC)
        images.append(np.asarray(resized, np.float32).transpose(2, 0, 1) / 255)
        if images[-1].shape != images[0].shape:
            raise InputError(f"view {view.name}: its shape is not that of {views[0].name}; name views of one shape")
    return torch.from_numpy(np.stack(images))


@torch.inference_mode()
def predict(network: Any, views: Sequence[View], width: int, device: str) -> Seen:
    """One pass over all views.

    Parameters
    ----------
    network
        From ``[1 view 3 height width]`` in [0, 1] to ``pose_enc`` [1 view 9], ``depth`` [1 view height width 1] and
        ``depth_conf`` [1 view height width].
    """
    images = network_images(views, width)
    height, width = images.shape[2:]
    what = f"{len(views)} views at {width}x{height}"
    return seen_of(within_memory(lambda: network(images[None].to(device)), what), width, height)


def seen_of(predictions: Mapping[str, torch.Tensor], width: int, height: int) -> Seen:
    """Cameras and depth from the network's own encoding.

    A pose is translation, quaternion (x, y, z, w) and the angles of view in height and width (radians), world to camera
    with OpenCV axes; the principal point is in the middle.
    """
    poses = predictions["pose_enc"][0].double().cpu().numpy()
    cameras = []
    for pose in poses:
        world_to_camera = np.eye(4)
        length = np.linalg.norm(pose[3:7])
        if np.isfinite(pose).all() and length > 0:
            world_to_camera[:3, :3] = Rotation.from_quat(pose[3:7]).as_matrix()
        world_to_camera[:3, 3] = pose[:3]
        focal = np.array([width, height]) / 2 / np.tan(pose[[8, 7]] / 2)
        intrinsics = np.array([[focal[0], 0, width / 2], [0, focal[1], height / 2], [0, 0, 1.0]])
        cameras.append(Camera(world_to_camera, intrinsics, width, height))
    depth = predictions["depth"][0, ..., 0].float().cpu().numpy()
    return Seen(tuple(cameras), depth, predictions["depth_conf"][0].float().cpu().numpy())
