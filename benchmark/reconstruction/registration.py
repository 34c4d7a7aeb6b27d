"""From an alignment of the train views, and one of all views, to the answer of a method (section 2.6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool

from benchmark.cameras import Camera
from benchmark.protocols import Pairs, SparseAlignment
from benchmark.reconstruction.against_truth import transformed
from benchmark.reconstruction.alignment import Aligned
from benchmark.reconstruction.depth import DepthMaps
from benchmark.reconstruction.recovered import Recovered, Request, resampled
from benchmark.reconstruction.visibility import agreeing, visible
from benchmark.scenes.scene import View
from benchmark.similarity import align_points


def registered(
    request: Request, train: Aligned, joint: Aligned, settings: Pairs | SparseAlignment, facts: dict[str, Any]
) -> Recovered:
    """The train views as they were aligned alone, and the test views brought to them.

    Test views are placed by the alignment of all views together (train first), whose train points are registered to
    those of the train views alone; so nothing about the train views depends on the test views.
    """
    width, height = request.size(multiple=16)
    confidence = resampled(train.confidence, width, height)
    # The network's confidence is above 1 and without bound; 0 marks what was cleaned away.
    share = np.where(confidence > 0, 1 - 1 / np.maximum(confidence, 1.0), 0).astype(np.float32)
    cameras = [_resized(c, v, width, height, settings) for c, v in zip(train.cameras, request.train_views, strict=True)]
    moved = register(train, joint, settings.true_similarity)
    test = [_resized(c, v, width, height, settings) for c, v in zip(moved, request.scene.test_views, strict=True)]
    return Recovered(
        train=request.train,
        test=request.scene.test,
        cameras=tuple(cameras),
        test_cameras=tuple(test),
        depth=DepthMaps(resampled(train.depth, width, height), share, confidence > 0),
        # Through the camera that they were aligned with, before its axes are mended or not.
        points=np.stack(
            [resampled(part, width, height) for part in train.points.transpose(3, 0, 1, 2)], axis=-1
        ).astype(np.float32),
        test_masks=resampled(_masks(request, joint, settings), width, height),
        facts=facts | {"energy": round(train.energy, 6)},
    )


def register(train: Aligned, joint: Aligned, true_similarity: bool) -> list[Camera]:
    """Cameras of the joint alignment's further views in the world of the train views.

    Parameters
    ----------
    true_similarity
        Whether centres move as points do, ``s R c + t``, or as published, ``R c + s t`` (Q1).
    """
    count = len(train.cameras)
    found = align_points(joint.points[:count].reshape(-1, 3), train.points.reshape(-1, 3))
    scale, rotation, translation = found.scale, found.rotation, found.translation
    if true_similarity:
        return [transformed(camera, scale, rotation, translation) for camera in joint.cameras[count:]]
    return [transformed(camera, 1.0, rotation, scale * translation) for camera in joint.cameras[count:]]


def _resized(camera: Camera, view: View, width: int, height: int, settings: Pairs | SparseAlignment) -> Camera:
    """The camera for the photograph, and from there at the working size; with one factor for both axes, or each its own."""
    own = camera.resized(view.width, view.height)
    if settings.one_focal:
        intrinsics = own.intrinsics.copy()
        intrinsics[1, 1] = camera.intrinsics[1, 1] * view.width / camera.width
        own = replace(own, intrinsics=intrinsics)
    return own.resized(width, height)


def _masks(
    request: Request, joint: Aligned, settings: Pairs | SparseAlignment
) -> Bool[np.ndarray, "test height width"]:
    count = len(request.train)
    train_cameras, train_depth = joint.cameras[:count], joint.depth[:count]
    masks = []
    for camera, depth in zip(joint.cameras[count:], joint.depth[count:], strict=True):
        if settings.mask_absolute is not None:
            masks.append(agreeing(depth, camera, train_cameras, train_depth, settings.mask_absolute))
        else:
            tolerance = request.settings.mask_tolerance
            masks.append(visible(depth, camera, train_cameras, train_depth, joint.valid[:count], tolerance))
    return np.stack(masks)
