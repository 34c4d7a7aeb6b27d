"""The guard at the exit of methods that estimate cameras: no nonsense passes in silence."""

from __future__ import annotations

import numpy as np

from benchmark.cameras import project, unproject
from benchmark.errors import InputError
from benchmark.protocols import Sanity
from benchmark.reconstruction.recovered import Recovered, Request
from benchmark.reconstruction.visibility import nearest_pixels


def check_recovered(request: Request, recovered: Recovered) -> dict[str, float]:
    """What was measured, for the record.

    Raises
    ------
    InputError
        If focal lengths are none that a photograph has, no view has moved from another, or what views see does not
        agree; with the views concerned.
    """
    settings = request.settings.sanity
    names = [request.scene.views[index].name for index in recovered.train]
    for name, camera in zip(names, recovered.cameras, strict=True):
        _check_camera(request, name, camera, settings)
    for index, camera in zip(recovered.test, recovered.test_cameras, strict=True):
        _check_camera(request, request.scene.views[index].name, camera, settings)
    if len(names) < 2:
        raise InputError(
            f"{request.where}: only {', '.join(names) or 'no train view'} could be placed, and one photograph gives no "
            "cameras; add train views that overlap"
        )
    centers = np.stack([camera.center for camera in recovered.cameras])
    depth = float(np.median(recovered.depth.z[recovered.depth.valid])) if recovered.depth.valid.any() else np.inf
    baseline = float(np.linalg.norm(centers[:, None] - centers[None], axis=-1).max()) / depth
    if not baseline >= settings.least_baseline:
        raise InputError(
            f"{request.where}: cameras of {', '.join(names)} stand in one place ({100 * baseline:.2f} % of the depth "
            "apart), so nothing can be seen in depth; are they one photograph, or did the camera only turn? Take "
            "photographs a step apart"
        )
    shares = agreement(recovered, settings.agreement)
    poor = [name for name, share in zip(names, shares, strict=True) if share < settings.least_agreement]
    if poor:
        raise InputError(
            f"{request.where}: what {', '.join(poor)} shows agrees with no other train view (less than "
            f"{100 * settings.least_agreement:.0f} % of the pixels); do the photographs overlap and have texture? Take "
            "these views out of the split"
        )
    focal = [camera.intrinsics[0, 0] / max(camera.width, camera.height) for camera in recovered.cameras]
    return {
        "focal": round(float(np.mean(focal)), 5),
        "baseline": round(baseline, 5),
        "agreement": round(float(shares.mean()), 4),
    }


def _check_camera(request: Request, name: str, camera, settings: Sanity) -> None:
    numbers = np.concatenate([camera.world_to_camera.ravel(), camera.intrinsics.ravel()])
    if not np.isfinite(numbers).all():
        raise InputError(f"{request.where}: no camera could be estimated for {name}; take it out of the split")
    focal = camera.intrinsics[0, 0] / max(camera.width, camera.height)
    least, most = settings.focal_range
    if not least <= focal <= most:
        raise InputError(
            f"{request.where}: the focal length found for {name} is {focal:.2f} times its longer side, which no usual "
            f"photograph has ({least} to {most}); add views, or write cameras.json"
        )


def agreement(recovered: Recovered, tolerance: float) -> np.ndarray:
    """For each train view the share of its valid pixels that some other train view places at the same depth."""
    depth, cameras = recovered.depth, recovered.cameras
    shares = []
    for index, camera in enumerate(cameras):
        points = unproject(depth.z[index], camera)[depth.valid[index]]
        agree = np.zeros(len(points), bool)
        for other, other_camera in enumerate(cameras):
            if other != index:
                pixels, distance = project(points, other_camera)
                row, column, inside = nearest_pixels(pixels, distance, other_camera)
                seen = depth.z[other][row, column]
                close = np.abs(distance - seen) < tolerance * seen
                agree |= inside & close & depth.valid[other][row, column]
        shares.append(agree.mean() if len(agree) else 0.0)
    return np.array(shares)
