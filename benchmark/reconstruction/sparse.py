"""Sparse points of photographs with known cameras: SIFT, matching along epipolar lines, triangulation by pycolmap."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pycolmap
from jaxtyping import Bool, Float32, Float64, UInt8, UInt32
from numba import njit

from benchmark.cameras import Camera

# Largest angle between two descriptors, and largest ratio of the best to the second (Lowe 2004; COLMAP's defaults).
MAX_DESCRIPTOR_ANGLE = 0.7
MAX_RATIO = 0.8
# In pixels of the photograph that features are found in.
MAX_EPIPOLAR_ERROR = 2.0
MAX_REPROJECTION_ERROR = 2.0
MIN_ANGLE_DEGREES = 1.0


@dataclass(frozen=True)
class SparsePoints:
    """Triangulated features.

    Attributes
    ----------
    xyz
        World coordinates in the unit of the cameras.
    seen
        Which view sees which point.
    matches
        Feature pairs that fitted the cameras' epipolar geometry, for every two views, triangulated or not.
    """

    xyz: Float64[np.ndarray, "point 3"]
    seen: Bool[np.ndarray, "view point"]
    matches: dict[tuple[int, int], int]


@dataclass(frozen=True)
class Features:
    """SIFT keypoints of a view, in pixels of its camera, and unit descriptors."""

    pixels: Float64[np.ndarray, "feature 2"]
    descriptors: Float32[np.ndarray, "feature 128"]


def triangulate(
    images: Sequence[UInt8[np.ndarray, "height width"]], cameras: Sequence[Camera], pool: Executor
) -> SparsePoints:
    """Points that at least two views see, every pair of views matched; cameras are not moved.

    Poses being known, a feature is compared only with those near its epipolar line, so the ratio test is not upset
    by repeated texture elsewhere. No step draws random numbers, so equal input gives equal points.

    Parameters
    ----------
    images
        Grey; each of the size of its camera.
    """
    pycolmap.logging.minloglevel = max(pycolmap.logging.minloglevel, 1)  # its progress is no news to the user
    features = list(pool.map(extract_features, images))
    pairs = list(combinations(range(len(cameras)), 2))
    matches = list(pool.map(lambda ij: match(*(features[i] for i in ij), *(cameras[i] for i in ij)), pairs))
    reconstruction = _triangulate(features, cameras, dict(zip(pairs, matches, strict=True)))
    points = [point for _, point in sorted(reconstruction.points3D.items())]
    seen = np.zeros((len(cameras), len(points)), dtype=bool)
    for index, point in enumerate(points):
        for element in point.track.elements:
            seen[element.image_id - 1, index] = True
    return SparsePoints(
        xyz=np.array([point.xyz for point in points]).reshape(-1, 3),
        seen=seen,
        matches={pair: len(found) for pair, found in zip(pairs, matches, strict=True)},
    )


def extract_features(image: UInt8[np.ndarray, "height width"]) -> Features:
    """SIFT features as RootSIFT descriptors (Arandjelović and Zisserman 2012)."""
    options = pycolmap.FeatureExtractionOptions()
    options.num_threads = 1
    extractor = pycolmap.FeatureExtractor.create(options, pycolmap.Device.cpu)
    keypoints, descriptors = extractor.extract_from_uint8_array(np.ascontiguousarray(image))
    pixels = pycolmap.keypoints_to_matrix(keypoints)[:, :2].astype(np.float64)
    values = np.asarray(descriptors.data, dtype=np.float32)
    length = np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6)
    return Features(pixels.reshape(-1, 2), (values / length).reshape(-1, 128))


def match(
    first: Features, second: Features, first_camera: Camera, second_camera: Camera
) -> UInt32[np.ndarray, "match 2"]:
    """Mutually best features whose descriptors are close and that lie on each other's epipolar lines.

    The distance to the line is Sampson's (Hartley and Zisserman, 11.4.3).
    """
    if not len(first.pixels) or not len(second.pixels):
        return np.zeros((0, 2), np.uint32)
    fundamental = fundamental_matrix(first_camera, second_camera)
    return _mutual(
        *_best_along_line(
            first.pixels, second.pixels, first.descriptors, second.descriptors, fundamental, MAX_EPIPOLAR_ERROR**2
        )
    )


def match_everywhere(first: Features, second: Features) -> UInt32[np.ndarray, "match 2"]:
    """Mutually best features whose descriptors are close, wherever they lie."""
    if len(first.pixels) < 2 or len(second.pixels) < 2:
        return np.zeros((0, 2), np.uint32)
    cosines = first.descriptors @ second.descriptors.T
    best, best_back = cosines.argmax(axis=1), cosines.argmax(axis=0)
    runner_up, similarity = np.partition(cosines, -2, axis=1)[:, -2:].T
    return _mutual(best, similarity, runner_up, best_back)


def verified(
    first: Features, second: Features, first_camera: Camera, second_camera: Camera, seed: int
) -> tuple[UInt32[np.ndarray, "match 2"], Float64[np.ndarray, "3 3"]] | None:
    """What COLMAP's two-view verification leaves of matches, and its fundamental matrix; None where it finds none.

    Of the cameras it is told the intrinsics alone; the seed is that of its RANSAC.
    """
    options = pycolmap.TwoViewGeometryOptions()
    options.ransac.random_seed = seed
    geometry = pycolmap.estimate_two_view_geometry(
        *_pinhole(first_camera, first.pixels),
        *_pinhole(second_camera, second.pixels),
        match_everywhere(first, second),
        options,
    )
    inliers, fundamental = np.asarray(geometry.inlier_matches, np.uint32).reshape(-1, 2), geometry.F
    if not len(inliers) or fundamental is None or not np.any(fundamental):
        return None
    return inliers, np.asarray(fundamental, np.float64)


def _mutual(best, similarity, runner_up, best_back):
    # Unit vectors: squared distance is 2 - 2 cos.
    closer = (1 - similarity) < MAX_RATIO**2 * (1 - runner_up)
    mutual = best_back[best] == np.arange(len(best))
    (kept,) = np.nonzero(closer & mutual & (similarity > np.cos(MAX_DESCRIPTOR_ANGLE)))
    return np.stack([kept, best[kept]], axis=1).astype(np.uint32)


def fundamental_matrix(first: Camera, second: Camera) -> Float64[np.ndarray, "3 3"]:
    """``F`` with ``x2' F x1 = 0``; zero where both cameras stand at one place."""
    relative = second.world_to_camera @ np.linalg.inv(first.world_to_camera)
    x, y, z = relative[:3, 3]
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.linalg.inv(second.intrinsics).T @ cross @ relative[:3, :3] @ np.linalg.inv(first.intrinsics)


@njit(nogil=True, cache=True)
def _best_along_line(pixels1, pixels2, descriptors1, descriptors2, fundamental, max_error):  # pragma: no cover
    count1, count2, channels = len(pixels1), len(pixels2), descriptors1.shape[1]
    best = np.zeros(count1, np.int64)
    similarity = np.full(count1, np.float32(-1.0))
    runner_up = np.full(count1, np.float32(-1.0))
    best_back = np.full(count2, -1)
    similarity_back = np.full(count2, np.float32(-1.0))
    back_x = pixels2[:, 0] * fundamental[0, 0] + pixels2[:, 1] * fundamental[1, 0] + fundamental[2, 0]
    back_y = pixels2[:, 0] * fundamental[0, 1] + pixels2[:, 1] * fundamental[1, 1] + fundamental[2, 1]
    back_length = back_x * back_x + back_y * back_y
    for i in range(count1):
        x, y = pixels1[i]
        line = fundamental[:, 0] * x + fundamental[:, 1] * y + fundamental[:, 2]
        length = line[0] * line[0] + line[1] * line[1]
        for j in range(count2):
            distance = line[0] * pixels2[j, 0] + line[1] * pixels2[j, 1] + line[2]
            if distance * distance > max_error * (length + back_length[j]):
                continue
            cosine = np.float32(0.0)
            for channel in range(channels):
                cosine += descriptors1[i, channel] * descriptors2[j, channel]
            if cosine > similarity[i]:
                runner_up[i], similarity[i], best[i] = similarity[i], cosine, j
            elif cosine > runner_up[i]:
                runner_up[i] = cosine
            if cosine > similarity_back[j]:
                similarity_back[j], best_back[j] = cosine, i
    return best, similarity, runner_up, best_back


def _triangulate(
    features: Sequence[Features], cameras: Sequence[Camera], matches: dict[tuple[int, int], np.ndarray]
) -> pycolmap.Reconstruction:
    """Tracks through all views, triangulated robustly and cleaned, without a file or a database."""
    reconstruction, graph = pycolmap.Reconstruction(), pycolmap.CorrespondenceGraph()
    for number, (camera, found) in enumerate(zip(cameras, features, strict=True), start=1):
        pinhole, pixels = _pinhole(camera, found.pixels)
        pinhole.camera_id = number
        reconstruction.add_camera_with_trivial_rig(pinhole)
        reconstruction.add_image_with_trivial_frame(
            pycolmap.Image(name=str(number), keypoints=pixels, camera_id=number, image_id=number),
            pycolmap.Rigid3d(np.asarray(camera.world_to_camera, dtype=np.float64)[:3]),
        )
        graph.add_image(number, len(pixels))
    for (first, second), pair in matches.items():
        geometry = pycolmap.TwoViewGeometry()
        geometry.config = int(pycolmap.TwoViewGeometryConfiguration.CALIBRATED)
        geometry.inlier_matches = pair
        graph.add_two_view_geometry(first + 1, second + 1, geometry)
    graph.finalize()
    observations = pycolmap.ObservationManager(reconstruction, graph)
    triangulator = pycolmap.IncrementalTriangulator(graph, reconstruction, observations)
    options = pycolmap.IncrementalTriangulatorOptions()
    options.ignore_two_view_tracks = False  # with two or three photographs most tracks are that short
    options.min_angle = MIN_ANGLE_DEGREES
    options.random_seed = 0
    for number in range(1, len(cameras) + 1):
        triangulator.triangulate_image(options, number)
    triangulator.complete_all_tracks(options)
    triangulator.merge_all_tracks(options)
    observations.filter_all_points3D(MAX_REPROJECTION_ERROR, MIN_ANGLE_DEGREES)
    return reconstruction


def _pinhole(
    camera: Camera, pixels: Float64[np.ndarray, "feature 2"]
) -> tuple[pycolmap.Camera, Float64[np.ndarray, "feature 2"]]:
    """COLMAP's camera of known focal lengths and the pixels as it has them; it has square axes and knows no skew."""
    (fx, skew, cx), (_, fy, cy), _ = np.asarray(camera.intrinsics, dtype=np.float64)
    straight = pixels.copy()
    straight[:, 0] -= skew * (pixels[:, 1] - cy) / fy
    pinhole = pycolmap.Camera(model="PINHOLE", width=camera.width, height=camera.height, params=[fx, fy, cx, cy])
    pinhole.has_prior_focal_length = True
    return pinhole, straight
