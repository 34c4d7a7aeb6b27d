"""Depth from photographs with known cameras: sparse points, then a semi-global plane sweep that they keep honest.

Stereo alone is dense and sharp but wrong where nothing matches (sky, mirrors, borders that no other view sees);
triangulated features are few and right. So the dense depth stands where it is near the interpolated sparse depth, and
that depth takes its place elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
from scipy.ndimage import median_filter
from scipy.spatial import Delaunay, QhullError, cKDTree

from benchmark.cameras import Camera, project, unproject
from benchmark.errors import InputError
from benchmark.protocols import Stereo
from benchmark.reconstruction.depth import DepthMaps
from benchmark.reconstruction.plane_sweep import matching_costs
from benchmark.reconstruction.semi_global import aggregate, winner
from benchmark.reconstruction.sparse import triangulate
from benchmark.reconstruction.visibility import nearest_pixels
from benchmark.scenes.images import resize
from benchmark.scenes.scene import View

# Features are sought in photographs of at most this long side: more find little and cost time.
FEATURE_LONG_SIDE = 1600
# A view needs this many triangulated points to say where its scene lies.
FEWEST_POINTS = 12
# The sweep reaches this much nearer and farther than the nearest and farthest sparse points.
MARGIN = 1.25
# Rec. 601 luma.
GREY = np.array([0.299, 0.587, 0.114], np.float32)


def stereo_depth(views: Sequence[View], cameras: Sequence[Camera], settings: Stereo, pool: Executor) -> DepthMaps:
    """One depth for every pixel of every view, from these views alone.

    Raises
    ------
    InputError
        If the views share too few features, naming the view: identical photographs, no overlap, nothing to see.
    """
    width, height = cameras[0].width, cameras[0].height
    photographs = [view.image() for view in views]
    feature_sizes = [_at_most(view.width, view.height, FEATURE_LONG_SIDE) for view in views]
    sparse = triangulate(
        [_grey_bytes(resize(photo, *size)) for photo, size in zip(photographs, feature_sizes, strict=True)],
        [camera.resized(*size) for camera, size in zip(cameras, feature_sizes, strict=True)],
        pool,
    )
    for index, view in enumerate(views):
        count = int(sparse.seen[index].sum())
        if count < FEWEST_POINTS:
            raise InputError(
                f"view {view.name}: only {count} points in common with the other train views (at least "
                f"{FEWEST_POINTS} are needed); are they the same photograph, without overlap or texture, or is a "
                "camera wrong?"
            )
    greys = [resize(photo, width, height) @ GREY for photo in photographs]

    def one(index: int) -> tuple[np.ndarray, np.ndarray]:
        pixels, inverse = _in_view(sparse.xyz[sparse.seen[index]], cameras[index])
        guide = interpolate(pixels, inverse, width, height)
        # Its neighbours in order of distance; far ones see little of the same.
        others = sorted(
            (other for other in range(len(views)) if other != index),
            key=lambda other: float(np.linalg.norm(cameras[other].center - cameras[index].center)),
        )[: settings.sources]
        order = [index, *others]
        planes = np.linspace(inverse.min() / MARGIN, inverse.max() * MARGIN, settings.planes)
        costs = matching_costs([greys[k] for k in order], [cameras[k] for k in order], planes, settings.patch)
        position, _ = winner(aggregate(costs, greys[index], settings.smooth_small, settings.smooth_large))
        dense = np.interp(position, np.arange(len(planes)), planes)
        return guide, median_filter(dense, settings.median)

    results = list(pool.map(one, range(len(views))))
    guides = [guide for guide, _ in results]
    dense = [inverse for _, inverse in results]
    depths, confidences = [], []
    for index, camera in enumerate(cameras):
        others = [k for k in range(len(cameras)) if k != index]
        near = np.abs(dense[index] / guides[index] - 1) < settings.agreement
        confirmed = consistent(dense[index], camera, [dense[k] for k in others], [cameras[k] for k in others], settings)
        inverse = np.where(near | confirmed, dense[index], guides[index])
        depths.append(1 / inverse)
        confidences.append(np.where(confirmed, 1.0, np.where(near, 0.5, 0.25)))
    z = np.stack(depths).astype(np.float32)
    return DepthMaps(z, np.stack(confidences).astype(np.float32), np.isfinite(z) & (z > 0))


def interpolate(
    pixels: Float64[np.ndarray, "point 2"], inverse: Float64[np.ndarray, "point"], width: int, height: int
) -> Float64[np.ndarray, "height width"]:
    """Inverse depth at every pixel: linear in the triangles between the points, the nearest point's outside."""
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    try:
        values = LinearNDInterpolator(Delaunay(pixels), inverse)(columns, rows)
    except QhullError:
        # All points on one line: there are no triangles.
        values = np.full((height, width), np.nan)
    outside = ~np.isfinite(values)
    values[outside] = NearestNDInterpolator(pixels, inverse)(columns[outside], rows[outside])
    return values


def consistent(
    inverse: Float64[np.ndarray, "height width"],
    camera: Camera,
    others: Sequence[Float64[np.ndarray, "height width"]],
    other_cameras: Sequence[Camera],
    settings: Stereo,
) -> Bool[np.ndarray, "height width"]:
    """Pixels whose point some other view places at the same depth, up to ``settings.consistency`` of it."""
    points = unproject(1 / inverse, camera)
    agree = np.zeros(inverse.shape, bool)
    for other, other_camera in zip(others, other_cameras, strict=True):
        pixels, depth = project(points, other_camera)
        row, column, inside = nearest_pixels(pixels, depth, other_camera)
        agree |= inside & (np.abs(depth * other[row, column] - 1) < settings.consistency)
    return agree


def _in_view(
    points: Float64[np.ndarray, "point 3"], camera: Camera
) -> tuple[Float64[np.ndarray, "point 2"], Float64[np.ndarray, "point"]]:
    """Pixels and inverse depths of a view's own points, without those whose neighbours in the image all disagree."""
    pixels, depth = project(points, camera)
    front = depth > 0
    pixels, inverse = pixels[front], 1 / depth[front]
    _, neighbours = cKDTree(pixels).query(pixels, k=min(9, len(pixels)))
    supported = (np.abs(inverse[np.asarray(neighbours)[:, 1:]] / inverse[:, None] - 1) < 0.1).sum(axis=1) >= 2
    if supported.sum() >= FEWEST_POINTS:
        pixels, inverse = pixels[supported], inverse[supported]
    return pixels, inverse


def _grey_bytes(image: Float32[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "height width"]:
    return np.round(image @ GREY * 255).astype(np.uint8)


def _at_most(width: int, height: int, long_side: int) -> tuple[int, int]:
    factor = min(1.0, long_side / max(width, height))
    return round(width * factor), round(height * factor)
