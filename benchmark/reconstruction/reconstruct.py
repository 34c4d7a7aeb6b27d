"""One signature for every method; what they share is here: the world's frame, masks, the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float32

from benchmark.cameras import Camera, Cameras, unproject
from benchmark.errors import InputError, nearest
from benchmark.protocols import Images, Reconstruct
from benchmark.reconstruction import known
from benchmark.reconstruction.depth import DepthMaps, true_depth
from benchmark.reconstruction.reconstruction import Reconstruction
from benchmark.reconstruction.visibility import visible
from benchmark.scenes.images import resize
from benchmark.scenes.scene import Scene, View
from benchmark.scenes.sizes import working_size

# Rises when code changes a reconstruction that no setting shows.
RECONSTRUCTION_VERSION = 1

# Photographs at the working size and their cameras to one depth a pixel.
Method = Callable[[Sequence[View], Sequence[Camera], Reconstruct], DepthMaps]

METHODS: dict[str, Method] = {"known": known.depth_maps}


def reconstruct(
    scene: Scene, method: str, images: Images, settings: Reconstruct, train: Sequence[int]
) -> Reconstruction:
    """Cameras, points and masks of a scene, in a world of a standard size.

    Parameters
    ----------
    train
        Indices of the views that are trained on; the test views give their cameras, and no pixel of theirs is used
        but for the truth of masks where they have depth.

    Raises
    ------
    InputError
        If the method is unknown, a view has no camera, sizes are mixed, or there are too few views.
    """
    if method not in METHODS:
        raise InputError(f"reconstruction '{method}' is unknown{nearest(method, METHODS)}")
    train_views = [scene.views[index] for index in train]
    width, height = _common_size(scene, [*train_views, *scene.test_views], images.long_side)
    cameras = [_camera(scene, view).resized(width, height) for view in train_views]
    test_cameras = [_camera(scene, view).resized(width, height) for view in scene.test_views]
    depth = METHODS[method](train_views, cameras, settings)
    points = np.stack([unproject(z, camera) for z, camera in zip(depth.z, cameras, strict=True)])
    truth = [true_depth(view, width, height) for view in train_views]
    true_points = true_valid = None
    if any(z is not None for z in truth):
        filled = [np.zeros((height, width), np.float32) if z is None else z for z in truth]
        true_valid = np.stack(filled) > 0
        true_points = np.stack([unproject(z, camera) for z, camera in zip(filled, cameras, strict=True)])
    test_masks = np.stack(
        [
            visible(true_depth(view, width, height), camera, cameras, depth.z, depth.valid, settings.mask_tolerance)
            for view, camera in zip(scene.test_views, test_cameras, strict=True)
        ]
    )
    reconstruction = Reconstruction(
        method=method,
        cameras=Cameras.stack(cameras),
        test_cameras=Cameras.stack(test_cameras),
        points=points.astype(np.float32),
        colors=np.stack([resize(view.image(), width, height) for view in train_views]),
        confidence=depth.confidence,
        valid=depth.valid,
        test_masks=test_masks,
        scale=1.0,
        center=np.zeros(3, np.float32),
        true_points=None if true_points is None else true_points.astype(np.float32),
        true_valid=true_valid,
    )
    _check(scene, reconstruction)
    return reconstruction if settings.world_radius is None else normalise(reconstruction, settings.world_radius)


def normalise(reconstruction: Reconstruction, world_radius: float) -> Reconstruction:
    """The same in a frame centred on the points, so large that a camera's median distance to a point is the radius."""
    points = reconstruction.points[reconstruction.valid].astype(np.float64)
    center = np.median(points, axis=0)
    distances = [
        np.linalg.norm(view_points[mask] - camera, axis=-1)
        for view_points, mask, camera in zip(
            reconstruction.points, reconstruction.valid, reconstruction.cameras.centers, strict=True
        )
    ]
    scale = world_radius / float(np.median(np.concatenate(distances)))

    def moved(points: Float32[np.ndarray, "view height width 3"]) -> Float32[np.ndarray, "view height width 3"]:
        return ((points - center) * scale).astype(np.float32)

    return replace(
        reconstruction,
        cameras=_moved_cameras(reconstruction.cameras, scale, center),
        test_cameras=_moved_cameras(reconstruction.test_cameras, scale, center),
        points=moved(reconstruction.points),
        true_points=None if reconstruction.true_points is None else moved(reconstruction.true_points),
        scale=scale,
        center=center.astype(np.float32),
    )


def _moved_cameras(cameras: Cameras, scale: float, center: np.ndarray) -> Cameras:
    """Cameras that see ``scale * (x - center)`` where the given ones see ``x``."""
    world_to_camera = cameras.world_to_camera.astype(np.float64).copy()
    rotation, translation = world_to_camera[:, :3, :3], world_to_camera[:, :3, 3]
    world_to_camera[:, :3, 3] = scale * (translation + rotation @ center)
    return replace(cameras, world_to_camera=world_to_camera)


def _common_size(scene: Scene, views: Sequence[View], long_side: int) -> tuple[int, int]:
    sizes = {working_size(view.width, view.height, long_side): view.name for view in views}
    if len(sizes) != 1:
        (first, one), (second, other), *_ = sizes.items()
        raise InputError(
            f"scene {scene.dataset}/{scene.name}: views differ in shape ({one} is {first[0]}x{first[1]}, {other} is "
            f"{second[0]}x{second[1]} at the working size); name views of one shape in the split"
        )
    return next(iter(sizes))


def _camera(scene: Scene, view: View) -> Camera:
    if view.camera is None:
        raise InputError(
            f"scene {scene.dataset}/{scene.name}: view {view.name} has no camera, and the reconstruction 'known' needs "
            "one for each; add cameras.json, or take the view out of the split"
        )
    return view.camera


def _check(scene: Scene, reconstruction: Reconstruction) -> None:
    """Guard the exit: nothing that is not finite, and something to train on and to judge."""
    valid: Bool[np.ndarray, "view height width"] = reconstruction.valid
    where = f"scene {scene.dataset}/{scene.name}"
    if valid.sum() < 100:
        raise InputError(f"{where}: only {int(valid.sum())} train pixels have a depth; nothing can be fitted")
    if not np.isfinite(reconstruction.points[valid]).all():
        raise InputError(f"{where}: a reconstructed point is not finite; check the cameras and the depth")
    empty = [
        view.name for view, mask in zip(scene.test_views, reconstruction.test_masks, strict=True) if not mask.any()
    ]
    if empty:
        raise InputError(f"{where}: no train view sees anything of test view {empty[0]}; take it out of the split")
