"""Which of a scene's train candidates are trained on: as far apart as they may be and still look at the same things."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from benchmark.protocols import Images
from benchmark.scenes.scene import Scene


def choose_train_views(scene: Scene, images: Images) -> tuple[int, ...]:
    """Indices of the views to train on: all candidates, or ``images.train_views`` of them.

    The first is the most central candidate (least sum of distances between camera centres). Each further one is the
    candidate farthest from the nearest camera that was chosen, among those whose viewing direction is within
    ``images.train_angle`` of a chosen one; where none is, the one with the smallest angle. So a short arc is covered
    from end to end, while of a wide one a stretch is taken whose neighbours overlap: depth cannot be had from views
    that see different sides. Ties go to the first in the order of the split; cameras alone decide, no pixel is read.
    Where a candidate has no camera they are spread evenly over their order instead.

    Returns
    -------
    indices
        Into ``scene.views``, in the order of the split.
    """
    count = len(scene.train)
    wanted = count if images.train_views is None else min(images.train_views, count)
    if wanted == count:
        return scene.train
    cameras = [view.camera for view in scene.train_views if view.camera is not None]
    if len(cameras) < count:
        chosen = [count // 2] if wanted == 1 else [round(place) for place in np.linspace(0, count - 1, wanted)]
    else:
        centers = np.stack([camera.center for camera in cameras])
        directions = np.stack([camera.world_to_camera[2, :3] for camera in cameras])
        chosen = _spread(centers, directions, wanted, np.cos(np.radians(images.train_angle)))
    return tuple(scene.train[position] for position in sorted(chosen))


def _spread(
    centers: Float64[np.ndarray, "camera 3"],
    directions: Float64[np.ndarray, "camera 3"],
    wanted: int,
    least_cosine: float,
) -> list[int]:
    distances = np.linalg.norm(centers[:, None] - centers[None], axis=-1)
    # Rounded, so that equal distances tie on every machine.
    distances = np.round(distances / max(distances.max(), np.finfo(float).tiny), 9)
    cosines = np.round(directions @ directions.T, 9)
    chosen = [int(distances.sum(axis=1).argmin())]
    while len(chosen) < wanted:
        left = [position for position in range(len(centers)) if position not in chosen]
        angle = {position: cosines[position, chosen].max() for position in left}
        near = [position for position in left if angle[position] >= least_cosine]
        # `max` keeps the first of equals.
        if near:
            chosen.append(max(near, key=lambda position: distances[position, chosen].min()))
        else:
            chosen.append(max(left, key=angle.__getitem__))
    return chosen
