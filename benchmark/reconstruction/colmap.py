"""Method `colmap`: cameras by structure from motion on the CPU, depth by the plane sweep of `known` on them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pycolmap

from benchmark.cameras import Camera
from benchmark.errors import InputError
from benchmark.protocols import Motion
from benchmark.reconstruction.recovered import Recovered, Request
from benchmark.reconstruction.stereo import stereo_depth
from benchmark.reconstruction.train_views import choose_train_views
from benchmark.scenes.own.motion import find_models
from benchmark.scenes.scene import Scene

# Without overlap or texture; in its words nothing is known of the photographs.
ADVICE = "do the photographs overlap, are they taken from places a step apart, and is there texture in them?"


def recover(request: Request) -> Recovered:
    """Cameras of all photographs of the split together, train and test; those that do not fit are left out.

    Photographs are taken for those of a pinhole (a `Scene` has straightened its lenses where they are known). Where a
    train candidate has no camera, the views to train on are chosen anew, by the cameras that were found.

    Raises
    ------
    InputError
        If fewer photographs fit together than the protocol asks, or fewer than two of the train views; names them.
    """
    scene, settings = request.scene, request.settings.motion
    model = _largest_model(request, settings)
    cameras = _cameras(scene, model)
    placed = {view.name for view, camera in zip(scene.views, cameras, strict=True) if camera is not None}
    left_out = tuple(view.name for view in scene.views if view.name not in placed)
    train = _train(request, cameras)
    test = tuple(index for index in scene.test if cameras[index] is not None)
    if len(train) < 2:
        names = ", ".join(view.name for view in request.train_views if view.name not in placed)
        raise InputError(f"{request.where}: train views {names} could not be placed, and two are needed; {ADVICE}")
    width, height = request.size()
    resized = [None if camera is None else camera.resized(width, height) for camera in cameras]
    train_cameras = tuple(camera for index in train if (camera := resized[index]) is not None)
    test_cameras = tuple(camera for index in test if (camera := resized[index]) is not None)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        views = [replace(scene.views[index], camera=cameras[index]) for index in train]
        depth = stereo_depth(views, train_cameras, request.settings.stereo, pool)
    return Recovered(
        train=train,
        test=test,
        cameras=train_cameras,
        test_cameras=test_cameras,
        depth=depth,
        left_out=left_out,
        facts={
            "placed": len(placed),
            "photographs": len(scene.views),
            "reprojection_error": round(float(model.compute_mean_reprojection_error()), 4),
            "sparse_points": model.num_points3D(),
        },
    )


def _largest_model(request: Request, settings: Motion) -> pycolmap.Reconstruction:
    views = request.scene.views
    known = [view.camera for view in views if view.camera is not None]
    if settings.intrinsics == "known" and len(known) < len(views):
        raise InputError(f"{request.where}: intrinsics are to be taken as known, but not all views have a camera")
    models = find_models(
        [view.image_path for view in views],
        model="SIMPLE_PINHOLE",
        cameras=known if settings.intrinsics == "known" else None,
        long_side=settings.long_side,
        fewest=settings.fewest_views,
    )
    best = max(models.values(), key=lambda found: (found.num_reg_images(), found.num_points3D()), default=None)
    if best is None or best.num_reg_images() < settings.fewest_views:
        names = ", ".join(view.name for view in views[:6]) + (" ..." if len(views) > 6 else "")
        raise InputError(
            f"{request.where}: cameras were found for {0 if best is None else best.num_reg_images()} of {len(views)} "
            f"photographs ({names}), at least {settings.fewest_views} are needed; {ADVICE}"
        )
    return best


def _cameras(scene: Scene, model: pycolmap.Reconstruction) -> list[Camera | None]:
    """For each view its camera at the photograph's own size, or None where it could not be placed."""
    images = {Path(image.name).stem: image for image in model.images.values() if image.has_pose}
    cameras: list[Camera | None] = []
    for view in scene.views:
        image = images.get(view.image_path.stem)
        if image is None:
            cameras.append(None)
            continue
        pose = np.vstack([image.cam_from_world().matrix(), [0.0, 0.0, 0.0, 1.0]])
        copy = Camera(pose, image.camera.calibration_matrix(), image.camera.width, image.camera.height)
        cameras.append(copy.resized(view.width, view.height))
    return cameras


def _train(request: Request, cameras: list[Camera | None]) -> tuple[int, ...]:
    """The train views that were placed; chosen anew where they could not be chosen by their cameras."""
    scene = request.scene
    if all(view.camera is not None for view in scene.train_views):
        return tuple(index for index in request.train if cameras[index] is not None)
    views = tuple(replace(view, camera=camera) for view, camera in zip(scene.views, cameras, strict=True))
    candidates = tuple(index for index in scene.train if cameras[index] is not None)
    return choose_train_views(replace(scene, views=views, train=candidates), request.images) if candidates else ()
