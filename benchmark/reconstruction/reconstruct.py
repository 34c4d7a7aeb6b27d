"""One signature for every method; what they share is here: the world's frame, masks, the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float32

from benchmark.cameras import Cameras, unproject
from benchmark.errors import InputError
from benchmark.protocols import Images, Reconstruct
from benchmark.reconstruction.against_truth import compare
from benchmark.reconstruction.depth import true_depth
from benchmark.reconstruction.methods import get_method
from benchmark.reconstruction.reconstruction import Reconstruction
from benchmark.reconstruction.recovered import Recovered, Request
from benchmark.reconstruction.sanity import check_recovered
from benchmark.reconstruction.visibility import visible
from benchmark.scenes.images import resize
from benchmark.scenes.scene import Scene, View

# Rises when code changes a reconstruction that no setting shows.
RECONSTRUCTION_VERSION = 2


def reconstruct(
    scene: Scene, method: str, images: Images, settings: Reconstruct, train: Sequence[int], device: str = "cpu"
) -> Reconstruction:
    """Cameras, points and masks of a scene, in a world of a standard size.

    Parameters
    ----------
    train
        Indices of the views that are trained on. Of the test views methods use the cameras if they are known, and else
        the photographs to place them; no pixel of theirs becomes a point.
    device
        As PyTorch names it, for methods with a network.

    Raises
    ------
    InputError
        If the method is unknown, a view has no camera where it needs one, sizes are mixed, there are too few views, or
        what was found is no reconstruction; names the views.
    """
    request = Request(scene, tuple(train), images, settings, device)
    recovered = get_method(method)(request)
    facts = dict(recovered.facts)
    if not recovered.true_frame:
        facts |= check_recovered(request, recovered)
    reconstruction = _assembled(request, method, recovered)
    if not recovered.true_frame:
        reconstruction, errors = _beside_truth(request, recovered, reconstruction)
        reconstruction = _without_unseen(reconstruction)
        facts |= errors
    reconstruction = replace(reconstruction, facts=facts)
    _check(scene, reconstruction)
    return reconstruction if settings.world_radius is None else normalise(reconstruction, settings.world_radius)


def _assembled(request: Request, method: str, recovered: Recovered) -> Reconstruction:
    """What a method found, in its own frame."""
    views = [request.scene.views[index] for index in recovered.train]
    test_views = [request.scene.views[index] for index in recovered.test]
    if not test_views:
        names = ", ".join(view.name for view in request.scene.test_views)
        raise InputError(f"{request.where}: none of the test views could be placed ({names}); nothing can be judged")
    cameras, depth = recovered.cameras, recovered.depth
    width, height = cameras[0].width, cameras[0].height
    masks = recovered.test_masks
    if masks is None:
        # In a frame of its own, true depth has another unit.
        true_depths = [true_depth(view, width, height) if recovered.true_frame else None for view in test_views]
        masks = np.stack(
            [
                visible(true, camera, cameras, depth.z, depth.valid, request.settings.mask_tolerance)
                for true, camera in zip(true_depths, recovered.test_cameras, strict=True)
            ]
        )
    points = recovered.points
    if points is None:
        points = np.stack([unproject(z, camera) for z, camera in zip(depth.z, cameras, strict=True)])
    true_points, true_valid = _true_points(views, recovered) if recovered.true_frame else (None, None)
    return Reconstruction(
        method=method,
        cameras=Cameras.stack(list(cameras)),
        test_cameras=Cameras.stack(list(recovered.test_cameras)),
        points=points.astype(np.float32),
        colors=np.stack([resize(view.image(), width, height) for view in views]),
        confidence=depth.confidence,
        valid=depth.valid,
        test_masks=masks,
        scale=1.0,
        center=np.zeros(3, np.float32),
        train_views=tuple(view.name for view in views),
        test_views=tuple(view.name for view in test_views),
        left_out=recovered.left_out,
        true_points=true_points,
        true_valid=true_valid,
    )


def _true_points(
    views: Sequence[View], recovered: Recovered
) -> tuple[Float32[np.ndarray, "view height width 3"] | None, Bool[np.ndarray, "view height width"] | None]:
    """World points of true depth in the scene's own frame, where any view has such depth and all have cameras."""
    width, height = recovered.cameras[0].width, recovered.cameras[0].height
    truth = [true_depth(view, width, height) for view in views]
    cameras = [view.camera.resized(width, height) for view in views if view.camera is not None]
    if len(cameras) < len(views) or all(z is None for z in truth):
        return None, None
    filled = [np.zeros((height, width), np.float32) if z is None else z for z in truth]
    points = np.stack([unproject(z, camera) for z, camera in zip(filled, cameras, strict=True)])
    return points.astype(np.float32), np.stack(filled) > 0


def _beside_truth(
    request: Request, recovered: Recovered, reconstruction: Reconstruction
) -> tuple[Reconstruction, dict[str, float]]:
    """The reconstruction with the true points in its frame, and how far its cameras are from the true ones, if known.

    Distances are in units of the median distance from a camera to its points.
    """
    scene = request.scene
    views = [scene.views[index] for index in (*recovered.train, *recovered.test)]
    true = [view.camera for view in views if view.camera is not None]
    if len(true) < len(views):
        return reconstruction, {}
    found = compare([*recovered.cameras, *recovered.test_cameras], true)
    if not found.scale > 0:
        raise InputError(f"{request.where}: the cameras found have nothing to do with the true ones; add train views")
    radius = found.scale * _radius(reconstruction)
    points, valid = _true_points(views[: len(recovered.train)], recovered)
    if points is not None:
        points = (((points - found.translation) / found.scale) @ found.rotation).astype(np.float32)
    reconstruction = replace(
        reconstruction,
        true_points=points,
        true_valid=valid,
        scale=1 / found.scale,
        rotation=found.rotation.T.astype(np.float32),
        center=found.translation.astype(np.float32),
    )
    return reconstruction, {
        "rotation_error_degrees": round(float(found.rotation_errors.mean()), 5),
        "rotation_error_degrees_worst": round(float(found.rotation_errors.max()), 5),
        "center_error": round(float(found.center_errors.mean()) / radius, 6),
        "center_error_worst": round(float(found.center_errors.max()) / radius, 6),
        "focal_error": round(float(np.abs(found.focal_errors).mean()), 6),
    }


def _without_unseen(reconstruction: Reconstruction) -> Reconstruction:
    """Test views that show nothing of what train views see are left out, unless all are."""
    seen = reconstruction.test_masks.any(axis=(1, 2))
    if seen.all() or not seen.any():
        return reconstruction
    cameras = reconstruction.test_cameras
    names = np.array(reconstruction.test_views)
    return replace(
        reconstruction,
        test_cameras=replace(
            cameras, world_to_camera=cameras.world_to_camera[seen], intrinsics=cameras.intrinsics[seen]
        ),
        test_masks=reconstruction.test_masks[seen],
        test_views=tuple(names[seen].tolist()),
        left_out=(*reconstruction.left_out, *names[~seen].tolist()),
    )


def _radius(reconstruction: Reconstruction) -> float:
    """Median distance from a camera to its points."""
    distances = [
        np.linalg.norm(points[mask].astype(np.float64) - camera, axis=-1)
        for points, mask, camera in zip(
            reconstruction.points, reconstruction.valid, reconstruction.cameras.centers, strict=True
        )
    ]
    return float(np.median(np.concatenate(distances)))


def normalise(reconstruction: Reconstruction, world_radius: float) -> Reconstruction:
    """The same in a frame centred on the points, so large that a camera's median distance to a point is the radius."""
    center = np.median(reconstruction.points[reconstruction.valid].astype(np.float64), axis=0)
    scale = world_radius / _radius(reconstruction)

    def moved(points: Float32[np.ndarray, "view height width 3"]) -> Float32[np.ndarray, "view height width 3"]:
        return ((points - center) * scale).astype(np.float32)

    # s2 (s1 R (x - c1) - c2) = s1 s2 R (x - c1 - R' c2 / s1)
    own_center = reconstruction.center + reconstruction.rotation.T.astype(np.float64) @ center / reconstruction.scale
    return replace(
        reconstruction,
        cameras=_moved_cameras(reconstruction.cameras, scale, center),
        test_cameras=_moved_cameras(reconstruction.test_cameras, scale, center),
        points=moved(reconstruction.points),
        true_points=None if reconstruction.true_points is None else moved(reconstruction.true_points),
        scale=scale * reconstruction.scale,
        center=own_center.astype(np.float32),
    )


def _moved_cameras(cameras: Cameras, scale: float, center: np.ndarray) -> Cameras:
    """Cameras that see ``scale * (x - center)`` where the given ones see ``x``."""
    world_to_camera = cameras.world_to_camera.astype(np.float64).copy()
    rotation, translation = world_to_camera[:, :3, :3], world_to_camera[:, :3, 3]
    world_to_camera[:, :3, 3] = scale * (translation + rotation @ center)
    return replace(cameras, world_to_camera=world_to_camera)


def _check(scene: Scene, reconstruction: Reconstruction) -> None:
    """Guard the exit: nothing that is not finite, and something to train on and to judge."""
    valid: Bool[np.ndarray, "view height width"] = reconstruction.valid
    where = f"scene {scene.dataset}/{scene.name}"
    if valid.sum() < 100:
        raise InputError(f"{where}: only {int(valid.sum())} train pixels have a depth; nothing can be fitted")
    if not np.isfinite(reconstruction.points[valid]).all():
        raise InputError(f"{where}: a reconstructed point is not finite; check the cameras and the depth")
    empty = [
        name for name, mask in zip(reconstruction.test_views, reconstruction.test_masks, strict=True) if not mask.any()
    ]
    if empty:
        raise InputError(f"{where}: no train view sees anything of test view {empty[0]}; take it out of the split")
