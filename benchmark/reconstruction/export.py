"""A reconstruction as files that other tools open: a COLMAP model, or a PLY of points."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pycolmap
from jaxtyping import Bool

from benchmark.cameras import Cameras
from benchmark.reconstruction.reconstruction import Reconstruction


def write_colmap(folder: Path, reconstruction: Reconstruction, text: bool, most_points: int) -> int:
    """Write cameras, images and points of a COLMAP model into a folder that exists.

    Images are called as the photographs, train views first; every point is observed in the pixel that it came from.
    Cameras are pinholes at the working size.

    Parameters
    ----------
    text
        ``.txt`` files instead of ``.bin``.
    most_points
        At most so many points, taken evenly.

    Returns
    -------
    The number of points.
    """
    model = pycolmap.Reconstruction()
    chosen = evenly(reconstruction.valid, most_points)
    _add_views(model, reconstruction.cameras, reconstruction.train_views, 1, chosen)
    count = len(reconstruction.train_views)
    nothing = np.zeros((len(reconstruction.test_views), *chosen.shape[1:]), bool)
    _add_views(model, reconstruction.test_cameras, reconstruction.test_views, 1 + count, nothing)
    colors = (reconstruction.colors * 255).round().astype(np.uint8)
    for view in range(count):
        points, shown = reconstruction.points[view][chosen[view]], colors[view][chosen[view]]
        for index, (point, color) in enumerate(zip(points.astype(np.float64), shown, strict=True)):
            track = pycolmap.Track()
            track.add_element(view + 1, index)
            model.add_point3D(point, track, color)
    (model.write_text if text else model.write_binary)(folder)
    return int(chosen.sum())


def _add_views(
    model: pycolmap.Reconstruction,
    cameras: Cameras,
    names: tuple[str, ...],
    first: int,
    chosen: Bool[np.ndarray, "view height width"],
) -> None:
    for index, name in enumerate(names):
        number, camera = first + index, cameras[index]
        focal = camera.intrinsics
        pinhole = [focal[0, 0], focal[1, 1], focal[0, 2], focal[1, 2]]
        model.add_camera_with_trivial_rig(
            pycolmap.Camera(model="PINHOLE", width=camera.width, height=camera.height, params=pinhole, camera_id=number)
        )
        rows, columns = np.nonzero(chosen[index])
        pixels = np.stack([columns + 0.5, rows + 0.5], axis=1)
        model.add_image_with_trivial_frame(
            pycolmap.Image(name=name, keypoints=pixels, camera_id=number, image_id=number),
            pycolmap.Rigid3d(np.asarray(camera.world_to_camera, dtype=np.float64)[:3]),
        )


def evenly(valid: Bool[np.ndarray, "view height width"], most: int) -> Bool[np.ndarray, "view height width"]:
    """At most ``most`` of the valid pixels, spread over all of them."""
    places = np.flatnonzero(valid)
    if len(places) > most:
        places = places[np.linspace(0, len(places) - 1, most).astype(np.int64)]
    chosen = np.zeros(valid.size, bool)
    chosen[places] = True
    return chosen.reshape(valid.shape)


def write_points(path: Path, reconstruction: Reconstruction, most_points: int) -> int:
    """Write the points as a binary PLY: place, colour, confidence, and the index of the view; returns their number."""
    chosen = evenly(reconstruction.valid, most_points)
    kinds = [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("red", "u1"), ("green", "u1"), ("blue", "u1")]
    points = np.zeros(int(chosen.sum()), [*kinds, ("confidence", "<f4"), ("view", "<i4")])
    for axis, values in zip("xyz", reconstruction.points[chosen].T, strict=True):
        points[axis] = values
    for channel, values in zip(("red", "green", "blue"), reconstruction.colors[chosen].T, strict=True):
        points[channel] = (values * 255).round()
    points["confidence"] = reconstruction.confidence[chosen]
    points["view"] = np.nonzero(chosen)[0]
    names = {"f4": "float", "u1": "uchar", "i4": "int"}
    properties = [f"property {names[kind[1:]]} {name}" for name, kind in points.dtype.descr]
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(points)}", *properties, "end_header", ""]
    path.write_bytes("\n".join(header).encode("ascii") + points.tobytes())
    return len(points)


Writer = Callable[[Path, Reconstruction, int], int]
FORMATS: dict[str, Writer] = {
    "colmap": lambda folder, made, most: write_colmap(folder, made, False, most),
    "colmap-text": lambda folder, made, most: write_colmap(folder, made, True, most),
    "ply": lambda folder, made, most: write_points(folder / "points.ply", made, most),
}
