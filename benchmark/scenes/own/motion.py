"""Cameras of unordered photographs by structure from motion (pycolmap), as a check of what can be used."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from benchmark.cameras import Camera
from benchmark.errors import InputError
from benchmark.scenes.calibration import checked_pose, inverse
from benchmark.scenes.images import image_size, read_image
from benchmark.scenes.sizes import working_size

if TYPE_CHECKING:
    import pycolmap

# Features are found in copies of this size: more pixels cost time and give no better poses for this use.
LONG_SIDE = 1600
MIN_VIEWS = 3


@dataclass(frozen=True)
class Solved:
    """The largest group of photographs whose cameras fit together.

    Attributes
    ----------
    names
        Of the photographs with a camera, sorted.
    left_out
        Of the photographs without.
    camera_to_world
        OpenCV axes; unit and place of the world are arbitrary.
    focal
        Focal length over the longer side of the photograph.
    aspect
        Width over height.
    seen
        Which photograph sees which point.
    error
        Mean distance of points from where they were found, in pixels of a copy of at most `LONG_SIDE`.
    """

    names: tuple[str, ...]
    left_out: tuple[str, ...]
    camera_to_world: Float[np.ndarray, "view 4 4"]
    focal: Float[np.ndarray, "view"]
    aspect: Float[np.ndarray, "view"]
    points: Float[np.ndarray, "point 3"]
    colors: UInt8[np.ndarray, "point 3"]
    seen: Bool[np.ndarray, "view point"]
    error: float
    model: pycolmap.Reconstruction


def solve(photographs: Sequence[Path], report: Callable[[str], None] = lambda text: None) -> Solved:
    """Estimate the cameras of photographs of one place.

    Parameters
    ----------
    photographs
        Files; what a camera's orientation sensor noted is applied first.

    Raises
    ------
    InputError
        If two files have one name apart from their suffix, a file is damaged, or fewer than `MIN_VIEWS` fit together.
    """
    models = find_models(photographs, report=report)
    best = max(models.values(), key=lambda model: (model.num_reg_images(), model.num_points3D()), default=None)
    if best is None or best.num_reg_images() < MIN_VIEWS:
        found = 0 if best is None else best.num_reg_images()
        raise InputError(
            f"{photographs[0].parent}: cameras were found for {found} of {len(photographs)} photographs, at least "
            f"{MIN_VIEWS} are needed; take more, from places a step apart, with the same things in them"
        )
    return _solved(best, photographs)


def find_models(
    photographs: Sequence[Path],
    model: str = "SIMPLE_RADIAL",
    cameras: Sequence[Camera] | None = None,
    long_side: int = LONG_SIDE,
    fewest: int = MIN_VIEWS,
    report: Callable[[str], None] = lambda text: None,
) -> dict[int, pycolmap.Reconstruction]:
    """Every group of photographs whose cameras fit together; images are called by the stems of their files.

    Parameters
    ----------
    model
        COLMAP's camera model to estimate.
    cameras
        Intrinsics to keep instead, of each photograph at its own size; poses are not looked at.
    """
    import pycolmap

    stems = [path.stem for path in photographs]
    if repeated := sorted({stem for stem in stems if stems.count(stem) > 1}):
        raise InputError(f"{photographs[0].parent}: two photographs are called '{repeated[0]}'; rename one")
    pycolmap.logging.minloglevel = max(pycolmap.logging.minloglevel, 2)
    pycolmap.set_random_seed(0)
    with TemporaryDirectory(prefix="splatbench-") as temporary:
        images, database = Path(temporary) / "images", Path(temporary) / "database.db"
        images.mkdir()
        report("Reading photographs ...")
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            sizes = list(pool.map(lambda path: _write_copy(path, images / f"{path.stem}.png", long_side), photographs))
        report(f"Looking for features in {len(photographs)} photographs ...")
        # One camera took photographs of one size; its lens is then known from all of them.
        mode = pycolmap.CameraMode.SINGLE if len(set(sizes)) == 1 else pycolmap.CameraMode.AUTO
        if cameras is not None:
            mode = pycolmap.CameraMode.PER_IMAGE
        reader = pycolmap.ImageReaderOptions()
        reader.camera_model = model if cameras is None else "PINHOLE"
        pycolmap.extract_features(database, images, camera_mode=mode, reader_options=reader, device=pycolmap.Device.cpu)
        if cameras is not None:
            _set_intrinsics(database, dict(zip(stems, cameras, strict=True)))
        report("Comparing them in pairs ...")
        pycolmap.match_exhaustive(database, device=pycolmap.Device.cpu)
        report("Estimating cameras ...")
        options = pycolmap.IncrementalPipelineOptions()
        options.min_model_size = fewest
        options.random_seed = 0
        if cameras is not None:
            options.ba_refine_focal_length = options.ba_refine_extra_params = False
            options.mapper.abs_pose_refine_focal_length = options.mapper.abs_pose_refine_extra_params = False
        models: dict[int, pycolmap.Reconstruction] = pycolmap.incremental_mapping(database, images, temporary, options)
    return models


def _set_intrinsics(database: Path, cameras: Mapping[str, Camera]) -> None:
    """Write known intrinsics into the database, where features were found in copies of another size."""
    import pycolmap

    with pycolmap.Database.open(database) as opened:
        for image in opened.read_all_images():
            entry = opened.read_camera(image.camera_id)
            intrinsics = cameras[Path(image.name).stem].resized(entry.width, entry.height).intrinsics
            entry.params = [intrinsics[0, 0], intrinsics[1, 1], intrinsics[0, 2], intrinsics[1, 2]]
            entry.has_prior_focal_length = True
            opened.update_camera(entry)


def _write_copy(path: Path, target: Path, long_side: int) -> tuple[int, int]:
    """An upright copy of at most the long side; returns the original's size."""
    image = Image.fromarray(read_image(path))
    image.resize(working_size(*image.size, long_side), Image.Resampling.LANCZOS).save(target, compress_level=1)
    return image.size


def _solved(model: pycolmap.Reconstruction, photographs: Sequence[Path]) -> Solved:
    by_stem = {path.stem: path for path in photographs}
    images = sorted((image for image in model.images.values() if image.has_pose), key=lambda image: image.name)
    paths = [by_stem[Path(image.name).stem] for image in images]
    points = [point for _, point in sorted(model.points3D.items())]
    row = {image.image_id: index for index, image in enumerate(images)}
    seen = np.zeros((len(images), len(points)), dtype=bool)
    for column, point in enumerate(points):
        seen[[row[element.image_id] for element in point.track.elements], column] = True
    poses = [np.vstack([image.cam_from_world().matrix(), [0.0, 0.0, 0.0, 1.0]]) for image in images]
    sizes = [image_size(path) for path in paths]
    cameras = [image.camera for image in images]
    return Solved(
        names=tuple(path.name for path in paths),
        left_out=tuple(sorted(path.name for path in photographs if path not in paths)),
        camera_to_world=np.stack([inverse(checked_pose(pose, "camera")) for pose in poses]),
        focal=np.array([camera.mean_focal_length() / max(camera.width, camera.height) for camera in cameras]),
        aspect=np.array([width / height for width, height in sizes]),
        points=np.array([point.xyz for point in points]).reshape(-1, 3),
        colors=np.array([point.color for point in points], dtype=np.uint8).reshape(-1, 3),
        seen=seen,
        error=float(model.compute_mean_reprojection_error()),
        model=model,
    )
