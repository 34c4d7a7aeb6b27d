"""Lenses that bend straight lines, and photographs made straight, so that all that follows knows only pinholes."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from benchmark.cameras import Camera
from benchmark.cells import digest
from benchmark.errors import InputError
from benchmark.scenes.calibration import checked_intrinsics
from benchmark.scenes.generated import file_digest, write_once
from benchmark.scenes.images import image_size, read_image

if TYPE_CHECKING:
    import pycolmap

    from benchmark.scenes.scene import View

# Rises when the same photograph and lens give other pixels.
VERSION = 1


@dataclass(frozen=True)
class Lens:
    """Intrinsics and distortion of a photograph as COLMAP states them.

    Attributes
    ----------
    model
        Name of a COLMAP camera model (``PINHOLE``, ``OPENCV``, ``SIMPLE_RADIAL`` ...).
    params
        In COLMAP's order; focal lengths and principal point in pixels, origin at the top-left corner.
    width, height
        Size of the image to which ``params`` belong.
    """

    model: str
    params: tuple[float, ...]
    width: int
    height: int

    def resized(self, width: int, height: int) -> Lens:
        """The lens for an image stretched to ``width`` x ``height``; each axis has its own factor."""
        if (width, height) == (self.width, self.height):
            return self
        lens = _with_two_focal_lengths(self)
        camera = _colmap_camera(lens)
        camera.rescale(width, height)
        return replace(lens, params=tuple(camera.params), width=width, height=height)


def posed_view(path: Path, lens: Lens, world_to_camera: Float[np.ndarray, "4 4"], where: str, name: str = "") -> View:
    """A view of a photograph whose lens is known; its size may be another than the lens was stated for.

    Parameters
    ----------
    where
        File and image, for errors.
    name
        Id of the view; the file's name if empty.

    Raises
    ------
    InputError
        If the model is unknown, sees all around, or a parameter is not finite; or the image has another shape.
    """
    from benchmark.scenes.scene import View

    width, height = image_size(path)
    _same_shape(lens, width, height, path, where)
    resized = _checked(lens, where).resized(width, height)
    camera = _colmap_camera(resized)
    intrinsics = checked_intrinsics(camera.calibration_matrix(), f"{where}: its lens")
    return View(
        name=name or path.name,
        image_path=path,
        width=width,
        height=height,
        camera=Camera(world_to_camera, intrinsics, width, height),
        lens=None if camera.is_undistorted() else resized,
    )


def straighten(view: View, store_folder: Path) -> View:
    """The view as a pinhole camera sees it, without empty borders; a view without distortion is returned as it is.

    The straight photograph is written into ``store_folder`` once, under a name that the original's bytes and its lens
    decide. It is a little smaller or larger than the original, as its lens asks.
    """
    if view.lens is None or view.camera is None:
        return view
    lens = view.lens
    key = digest({"lens": asdict(lens), "version": VERSION, "image": file_digest(view.image_path)})
    folder = write_once(
        store_folder / "straight" / key[:32],
        lambda partial: Image.fromarray(_straight_pixels(view.image_path, lens)).save(
            partial / "image.png", compress_level=1
        ),
    )
    straight = _straight_camera(lens)
    return replace(
        view,
        image_path=folder / "image.png",
        width=straight.width,
        height=straight.height,
        camera=Camera(view.camera.world_to_camera, straight.calibration_matrix(), straight.width, straight.height),
        lens=None,
    )


def _straight_camera(lens: Lens) -> pycolmap.Camera:
    import pycolmap

    return pycolmap.undistort_camera(pycolmap.UndistortCameraOptions(), _colmap_camera(lens))


def _straight_pixels(path: Path, lens: Lens) -> UInt8[np.ndarray, "height width 3"]:
    import pycolmap

    bitmap = pycolmap.Bitmap.from_array(read_image(path))
    straight, _ = pycolmap.undistort_image(pycolmap.UndistortCameraOptions(), bitmap, _colmap_camera(lens))
    return straight.to_array()


def _with_two_focal_lengths(lens: Lens) -> Lens:
    """The same lens in a model that has a focal length for each axis, where COLMAP has one."""
    p = lens.params
    if lens.model == "SIMPLE_PINHOLE":
        return replace(lens, model="PINHOLE", params=(p[0], p[0], *p[1:3]))
    wider = {"SIMPLE_RADIAL": "OPENCV", "RADIAL": "OPENCV"}
    wider |= {"SIMPLE_RADIAL_FISHEYE": "OPENCV_FISHEYE", "RADIAL_FISHEYE": "OPENCV_FISHEYE"}
    if lens.model not in wider:
        return lens
    coefficients = (*p[3:], 0.0, 0.0, 0.0)[:4]
    return replace(lens, model=wider[lens.model], params=(p[0], p[0], *p[1:3], *coefficients))


def _colmap_camera(lens: Lens) -> pycolmap.Camera:
    import pycolmap

    return pycolmap.Camera(model=lens.model, width=lens.width, height=lens.height, params=list(lens.params))


def _checked(lens: Lens, where: str) -> Lens:
    import pycolmap

    if lens.model not in pycolmap.CameraModelId.__members__ or lens.model in ("INVALID", "EQUIRECTANGULAR"):
        raise InputError(f"{where}: lens model '{lens.model:.40}' cannot be made a pinhole; undistort it beforehand")
    if not all(math.isfinite(value) for value in lens.params):
        raise InputError(f"{where}: its lens holds NaN or infinity; remove the image or estimate its camera again")
    try:
        fits = _colmap_camera(lens).verify_params()
    except (ValueError, RuntimeError):
        fits = False
    if not fits:
        raise InputError(f"{where}: {len(lens.params)} numbers do not make a {lens.model} lens; write its camera anew")
    return lens


def _same_shape(lens: Lens, width: int, height: int, path: Path, where: str) -> None:
    if min(lens.width, lens.height) < 1:
        raise InputError(f"{where}: its camera is stated for {lens.width}x{lens.height} pixels; correct the size")
    # Rounding to whole pixels moves a side by less than a pixel.
    across, down = width / lens.width, height / lens.height
    if abs(across * lens.height - height) > 1 and abs(down * lens.width - width) > 1:
        raise InputError(
            f"{where}: camera stated for {lens.width}x{lens.height}, but {path.name} has {width}x{height}, another "
            "shape (turned or cropped?); take the images that belong to these cameras"
        )
