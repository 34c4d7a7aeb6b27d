"""Where a global alignment starts: views chained over their surest pairs, then placed by PnP.

Wang et al., "DUSt3R", CVPR 2024, section 3.4 and supplementary C.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pycolmap
from jaxtyping import Float, Float64

from benchmark.errors import InputError
from benchmark.protocols import Alignment
from benchmark.reconstruction.point_maps import PairMaps
from benchmark.similarity import Alignment as Similarity
from benchmark.similarity import align_points

# Points used to place a view or a pair: more change nothing that can be seen.
MOST_POINTS = 8000
# A point is on its ray if it projects this near, in pixels (as published).
MAX_POSE_ERROR = 5.0
WEISZFELD_STEPS = 10


@dataclass(frozen=True)
class Start:
    """Start values of an alignment.

    Attributes
    ----------
    depth
        Along the optical axis, positive.
    focal
        In pixels, one a view.
    camera_to_world
        Of the views.
    pairs
        Of each pair, what brings its frame to the world.
    """

    depth: Float64[np.ndarray, "view pixel"]
    focal: Float64[np.ndarray, "view"]
    camera_to_world: Float64[np.ndarray, "view 4 4"]
    pairs: tuple[Similarity, ...]


def spanning_order(edges: Sequence[tuple[int, int]], scores: Float[np.ndarray, "edge"]) -> list[int]:
    """Pairs of the maximum spanning tree from the surest on, each with exactly one view that came before (Prim 1957)."""
    order = [int(np.argmax(scores))]
    reached = set(edges[order[0]])
    by_score = np.argsort(-np.asarray(scores), kind="stable")
    views = {view for edge in edges for view in edge}
    while reached < views:
        found = next((int(e) for e in by_score if (edges[e][0] in reached) != (edges[e][1] in reached)), None)
        if found is None:
            raise ValueError("edges: do not connect all views")
        order.append(found)
        reached |= set(edges[found])
    return order


def start_values(
    maps: PairMaps, settings: Alignment, names: Sequence[str], focal: Float64[np.ndarray, "view"] | None = None
) -> Start:
    """Chain the views over the surest pairs and read off cameras, depth and the frames of all pairs.

    Parameters
    ----------
    names
        Of the views, for messages.
    focal
        Known focal lengths in pixels; None estimates one a view.

    Raises
    ------
    InputError
        If a view cannot be placed.
    """
    points, confidence = maps.points.numpy(), maps.confidence.numpy()
    scores = confidence.mean(axis=2).prod(axis=1)
    world: dict[int, np.ndarray] = {}
    for number in spanning_order(maps.edges, scores):
        edge, both = maps.edges[number], points[number].astype(np.float64)
        if not world:
            world = {edge[0]: both[0], edge[1]: both[1]}
            continue
        known = 0 if edge[0] in world else 1
        moved = robust_similarity(both[known], world[edge[known]], confidence[number, known], settings.reweightings)
        world[edge[1 - known]] = moved.scale * moved.rotation @ both[1 - known] + moved.translation[:, None]
    if focal is None:
        focal = np.array([_focal_of(maps, points, scores, view) for view in range(maps.views)])
        if settings.focal != "free":
            focal = np.full(len(focal), focal.mean())
    poses = np.stack([_placed(world[view], focal[view], maps, settings, names[view]) for view in range(maps.views)])
    depth = np.stack([(pose[2, :3] @ world[view] + pose[2, 3]) for view, pose in enumerate(poses)])
    depth = np.maximum(depth, 1e-3 * np.median(np.abs(depth), axis=1, keepdims=True) + 1e-12)
    pairs = [
        robust_similarity(points[e, 0].astype(np.float64), world[i], confidence[e, 0], settings.reweightings)
        for e, (i, _) in enumerate(maps.edges)
    ]
    return _scaled(Start(depth, focal, np.linalg.inv(poses), tuple(pairs)), settings.base_scale)


def _scaled(start: Start, base_scale: float) -> Start:
    """The same in the unit in which the scales of the pairs have the geometric mean ``base_scale``."""
    scales = np.array([pair.scale for pair in start.pairs])
    if not (np.isfinite(scales).all() and (scales > 0).all()):
        raise InputError("point maps of two views have nothing in common; do the photographs overlap?")
    factor = base_scale / float(np.exp(np.log(scales).mean()))
    poses = start.camera_to_world.copy()
    poses[:, :3, 3] *= factor
    pairs = tuple(
        pair._replace(scale=pair.scale * factor, translation=pair.translation * factor) for pair in start.pairs
    )
    return Start(start.depth * factor, start.focal, poses, pairs)


def robust_similarity(
    source: Float64[np.ndarray, "3 pixel"],
    target: Float64[np.ndarray, "3 pixel"],
    weights: Float[np.ndarray, "pixel"],
    reweightings: int,
) -> Similarity:
    """Weighted similarity, reweighted by the inverse distances a few times, so that it becomes that of least distance."""
    chosen = every_nth(source.shape[1])
    source, target, weights = source[:, chosen].T, target[:, chosen].T, weights[chosen].astype(np.float64)
    found = align_points(source, target, weights)
    for _ in range(reweightings):
        distance = np.linalg.norm(found.scale * source @ found.rotation.T + found.translation - target, axis=1)
        found = align_points(source, target, weights / np.maximum(distance, 1e-3 * np.median(distance) + 1e-12))
    return found


def every_nth(count: int) -> slice:
    """At most about `MOST_POINTS` of so many, evenly; the step is odd, so that it does not stay in a column."""
    return slice(None, None, 2 * (count // (2 * MOST_POINTS)) + 1)


def centred_pixels(width: int, height: int) -> Float64[np.ndarray, "2 pixel"]:
    """Pixel centres from the middle of the image, row by row."""
    columns, rows = np.meshgrid(np.arange(width) + 0.5 - width / 2, np.arange(height) + 0.5 - height / 2)
    return np.stack([columns.ravel(), rows.ravel()])


def estimate_focal(points: Float64[np.ndarray, "3 pixel"], width: int, height: int) -> float:
    """Focal length in pixels of least distance between pixels and projected points (Weiszfeld 1937; DUSt3R, 3.3)."""
    pixels = centred_pixels(width, height)
    with np.errstate(divide="ignore", invalid="ignore"):
        rays = points[:2] / points[2]
    good = np.isfinite(rays).all(axis=0) & (points[2] > 0)
    pixels, rays = pixels[:, good], rays[:, good]
    products, squares = (pixels * rays).sum(axis=0), (rays**2).sum(axis=0)
    focal = products.sum() / max(squares.sum(), 1e-12)
    for _ in range(WEISZFELD_STEPS):
        weights = 1 / np.maximum(np.linalg.norm(pixels - focal * rays, axis=0), 1e-8)
        focal = (weights * products).sum() / max((weights * squares).sum(), 1e-12)
    return float(focal)


def _focal_of(maps: PairMaps, points: np.ndarray, scores: np.ndarray, view: int) -> float:
    """From the surest pair in whose frame the view is."""
    own = [e for e, (first, _) in enumerate(maps.edges) if first == view]
    best = max(own, key=lambda e: scores[e])
    return estimate_focal(points[best, 0].astype(np.float64), maps.width, maps.height)


def _placed(
    world: Float64[np.ndarray, "3 pixel"], focal: float, maps: PairMaps, settings: Alignment, name: str
) -> Float64[np.ndarray, "4 4"]:
    """World-to-camera pose of a view from the points of its pixels."""
    chosen = every_nth(world.shape[1])
    pixels = centred_pixels(maps.width, maps.height) + np.array([[maps.width / 2], [maps.height / 2]])
    camera = pycolmap.Camera(
        model="SIMPLE_PINHOLE",
        width=maps.width,
        height=maps.height,
        params=[max(focal, 1e-3), maps.width / 2, maps.height / 2],
    )
    options = pycolmap.AbsolutePoseEstimationOptions()
    options.ransac.max_error = MAX_POSE_ERROR
    options.ransac.min_num_trials = options.ransac.max_num_trials = settings.pose_draws
    options.ransac.random_seed = 0
    found = None
    if np.isfinite(world).all() and focal > 0:
        found = pycolmap.estimate_and_refine_absolute_pose(
            np.ascontiguousarray(pixels[:, chosen].T), np.ascontiguousarray(world[:, chosen].T), camera, options
        )
    if found is None:
        raise InputError(
            f"view {name} could not be placed: its pixels do not lie on the rays of any camera; does it overlap with "
            "the other views? Take it out of the split"
        )
    return np.vstack([found["cam_from_world"].matrix(), [0.0, 0.0, 0.0, 1.0]])
