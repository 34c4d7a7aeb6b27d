"""Real scenes: points that pycolmap triangulates from matches must fall where the loaded cameras say.

Features are found and matched by pycolmap, which sees the photographs alone; matches are verified by the geometry of
each pair, not by our cameras. So axes, principal point, focal length and distortion must all be right for the points to
exist and for their error to be small.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pycolmap
import pytest
from PIL import Image

from benchmark.cameras import Camera, project
from benchmark.scenes.lens import straighten
from benchmark.scenes.load import available_views, load_scene
from benchmark.scenes.scene import View
from benchmark.scenes.spec import DatasetSpec, Licence, SceneSpec

pytestmark = pytest.mark.real


def local(folder: Path, layout: str, train: tuple[str, ...] = (), test: tuple[str, ...] = ()) -> DatasetSpec:
    return DatasetSpec(
        name=folder.name, version=1, title=folder.name, task="nvs", citation="", split_origin="ours", layout=layout,
        licence=Licence("LicenseRef-unknown", "", False), source={"kind": "folder", "folder": str(folder)},
        scenes={folder.name: SceneSpec(train, test)},
    )  # fmt: skip


@dataclass(frozen=True)
class Check:
    """What became of the matches: points, the observations in them, their mean error (pixels), all verified matches."""

    points: int
    observations: int
    mean_error: float
    matches: int


def matched(views: tuple[View, ...], folder: Path) -> Path:
    """A COLMAP database of the photographs, found and matched without our cameras."""
    images = folder / "images"
    images.mkdir()
    for view in views:
        Image.fromarray(view.image()).save(images / f"{Path(view.name).stem}.png")
    pycolmap.logging.minloglevel = 2
    pycolmap.set_random_seed(0)
    database = folder / "database.db"
    reader = pycolmap.ImageReaderOptions()
    reader.camera_model = "PINHOLE"
    extraction = pycolmap.FeatureExtractionOptions()
    extraction.sift.max_num_features = 2000
    extraction.max_image_size = 1000
    extraction.num_threads = 2
    mode = pycolmap.CameraMode.PER_IMAGE
    pycolmap.extract_features(
        database, images, camera_mode=mode, reader_options=reader, extraction_options=extraction,
        device=pycolmap.Device.cpu,
    )  # fmt: skip
    pycolmap.match_exhaustive(database, device=pycolmap.Device.cpu)
    return database


def triangulate(views: tuple[View, ...], cameras: list[Camera], database: Path) -> Check:
    model = pycolmap.Reconstruction()
    with pycolmap.Database.open(database) as opened:
        ids = {image.name: (image.image_id, image.camera_id) for image in opened.read_all_images()}
        _, geometries = opened.read_two_view_geometries()
    for view, camera in zip(views, cameras, strict=True):
        number, lens = ids[f"{Path(view.name).stem}.png"]
        k = camera.intrinsics
        model.add_camera_with_trivial_rig(
            pycolmap.Camera(
                model="PINHOLE", width=camera.width, height=camera.height, camera_id=lens,
                params=[k[0, 0], k[1, 1], k[0, 2], k[1, 2]],
            )
        )  # fmt: skip
        model.add_image_with_trivial_frame(
            pycolmap.Image(name=f"{Path(view.name).stem}.png", camera_id=lens, image_id=number),
            pycolmap.Rigid3d(camera.world_to_camera[:3]),
        )
    out = database.parent / "out"
    out.mkdir(exist_ok=True)
    result = pycolmap.triangulate_points(model, database, database.parent / "images", out, clear_points=True)
    by_id = {ids[f"{Path(view.name).stem}.png"][0]: camera for view, camera in zip(views, cameras, strict=True)}
    errors = []
    for point in result.points3D.values():
        for element in point.track.elements:
            seen = result.images[element.image_id].points2D[element.point2D_idx].xy
            pixel, depth = project(np.asarray(point.xyz), by_id[element.image_id])
            assert depth > 0
            errors.append(np.linalg.norm(pixel - seen))
    return Check(
        points=len(result.points3D),
        observations=len(errors),
        mean_error=float(np.mean(errors)) if errors else float("inf"),
        matches=sum(len(geometry.inlier_matches) for geometry in geometries),
    )


# Layout, how many views its files have with camera and photograph, and how many of them are looked at here.
SCENES = {
    "llff_fern": ("llff", 20, 6),
    "fox": ("nerf_transforms", 20, 4),
    "fountain_p11": ("cameras_json", 11, 4),
    "dino_sparse_ring": ("middlebury", 16, 6),
}


@pytest.mark.parametrize("name", SCENES)
def test_triangulated_points_fall_where_the_cameras_say(shared_data, tmp_path, record_property, name):
    layout, count, looked_at = SCENES[name]
    folder = shared_data / "scenes" / name
    names = tuple(available_views(local(folder, layout), name, tmp_path))
    assert len(names) == count
    scene = load_scene(local(folder, layout, names[: looked_at - 1], names[looked_at - 1 : looked_at]), name, tmp_path)
    cameras = [view.camera for view in scene.views if view.camera is not None]
    database = matched(scene.views, tmp_path)
    right = triangulate(scene.views, cameras, database)
    record_property("check", str(right))
    assert right.mean_error < 1.5
    assert right.observations > 0.2 * right.matches
    # The check has teeth: the same matches through cameras that are inverted, or in OpenGL's axes, give no points.
    flip = np.diag([1.0, -1.0, -1.0, 1.0])
    for wrong in (
        [replace(camera, world_to_camera=flip @ camera.world_to_camera) for camera in cameras],
        [replace(camera, world_to_camera=np.linalg.inv(camera.world_to_camera)) for camera in cameras],
    ):
        assert triangulate(scene.views, wrong, database).observations < right.observations / 2


def test_the_lens_of_the_fox_is_straightened(shared_data, tmp_path, record_property):
    folder = shared_data / "scenes" / "fox"
    bent = [view for view in available_views(local(folder, "nerf_transforms"), "fox", tmp_path).values() if view.lens]
    assert len(bent) == 20
    straight = [straighten(view, tmp_path) for view in bent[:3]]
    assert all(view.lens is None and view.image().shape == (view.height, view.width, 3) for view in straight)
    assert (straight[0].width, straight[0].height) != (bent[0].width, bent[0].height)
    results = []
    for number, views in enumerate((bent[:3], straight)):
        place = tmp_path / str(number)
        place.mkdir()
        cameras = [view.camera for view in views if view.camera is not None]
        results.append(triangulate(tuple(views), cameras, matched(tuple(views), place)))
    record_property("bent and straight", str(results))
    assert results[1].mean_error < results[0].mean_error


def test_photographs_without_cameras_load_as_such(shared_data, tmp_path):
    folder = shared_data / "scenes" / "kitchen"
    names = tuple(available_views(local(folder, "folder"), "kitchen", tmp_path))
    assert len(names) == 25
    scene = load_scene(local(folder, "folder", names[:-1], names[-1:]), "kitchen", tmp_path)
    assert len(scene.views) == 25
    assert {(view.width, view.height) for view in scene.views} == {(519, 347)}
    assert all(view.camera is None for view in scene.views)
