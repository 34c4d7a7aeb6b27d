"""Method `known`: true cameras; depth is true where the scene has it, else from stereo without learned weights."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmark.cameras import Camera
from benchmark.errors import InputError
from benchmark.protocols import Reconstruct
from benchmark.reconstruction.depth import DepthMaps, true_depth
from benchmark.reconstruction.methods import check_scene
from benchmark.reconstruction.recovered import Recovered, Request
from benchmark.reconstruction.stereo import stereo_depth
from benchmark.scenes.scene import View


def recover(request: Request) -> Recovered:
    """The scene's own cameras, in its own frame; `InputError` names a view that has none."""
    check_scene("known", request.scene)
    width, height = request.size()
    cameras = _resized(request.train_views, width, height)
    test_cameras = _resized(request.scene.test_views, width, height)
    return Recovered(
        train=request.train,
        test=request.scene.test,
        cameras=tuple(cameras),
        test_cameras=tuple(test_cameras),
        depth=depth_maps(request.train_views, cameras, request.settings),
        true_frame=True,
    )


def _resized(views: Sequence[View], width: int, height: int) -> list[Camera]:
    return [view.camera.resized(width, height) for view in views if view.camera is not None]


def depth_maps(views: Sequence[View], cameras: Sequence[Camera], settings: Reconstruct) -> DepthMaps:
    """True depth if every train view has it, else stereo for all.

    Raises
    ------
    InputError
        With one view and no true depth, or if stereo finds nothing to hold on to.
    """
    width, height = cameras[0].width, cameras[0].height
    truth = [true_depth(view, width, height) for view in views]
    if all(z is not None for z in truth):
        z = np.stack([values for values in truth if values is not None])
        return DepthMaps(z, (z > 0).astype(np.float32), z > 0)
    if len(views) < 2:
        raise InputError(
            f"view {views[0].name}: one photograph without true depth cannot be reconstructed; name a second train view"
        )
    with ThreadPoolExecutor(max_workers=min(len(views), os.cpu_count() or 1)) as pool:
        return stereo_depth(views, cameras, settings.stereo, pool)
