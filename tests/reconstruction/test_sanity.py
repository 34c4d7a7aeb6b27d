"""The guard at the exit: estimated cameras that are none are refused with the views, good ones pass."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.cameras import Camera
from benchmark.cli.main import app, call
from benchmark.errors import InputError
from benchmark.protocols import LITE
from benchmark.reconstruction import colmap
from benchmark.reconstruction.depth import DepthMaps
from benchmark.reconstruction.reconstruct import reconstruct
from benchmark.reconstruction.recovered import Recovered, Request
from benchmark.reconstruction.sanity import check_recovered
from benchmark.scenes.scene import Scene, View

SIZE = (48, 36)


@pytest.fixture
def found(wall, look, row_cameras):
    """What a method that is right would answer for three views of a wall."""
    cameras = row_cameras(3, 0.4, SIZE)
    depth = np.stack([look([wall((-9.0, -9.0, 4.0), (18.0, 0.0, 1.0), (0.0, 18.0, 0.0))], c)[1] for c in cameras])
    views = tuple(View(f"{k}.png", Path("none"), *SIZE) for k in range(3))
    request = Request(Scene("d", "s", views, (0, 2), (1,), ""), (0, 2), LITE.images, LITE.reconstruct)
    maps = DepthMaps(depth[[0, 2]], np.ones_like(depth[:2]), depth[[0, 2]] > 0)
    return request, Recovered((0, 2), (1,), (cameras[0], cameras[2]), (cameras[1],), maps)


def with_cameras(recovered: Recovered, change) -> Recovered:
    return replace(recovered, cameras=tuple(change(index, camera) for index, camera in enumerate(recovered.cameras)))


def scaled(camera: Camera, factor: float) -> Camera:
    return replace(camera, intrinsics=camera.intrinsics * np.array([[factor], [factor], [1.0]]))


def test_what_is_right_passes_and_is_measured(found):
    facts = check_recovered(*found)
    assert facts["focal"] == pytest.approx(1) and facts["baseline"] == pytest.approx(0.8 / 4.5, rel=0.05)
    assert facts["agreement"] > 0.7


def test_cameras_that_are_none_are_refused_with_the_views(found):
    request, right = found

    def refused(recovered: Recovered) -> str:
        with pytest.raises(InputError) as caught:
            check_recovered(request, recovered)
        text = str(caught.value)
        assert "\n" not in text and text.startswith("scene d/s")
        return text

    # The camera only turned, or both photographs are one.
    in_place = with_cameras(right, lambda index, camera: replace(camera, world_to_camera=np.eye(4)))
    assert "0.png, 2.png stand in one place" in refused(in_place)
    for factor in (0.1, 20.0):
        assert "focal length found for 0.png" in refused(with_cameras(right, lambda _, c, f=factor: scaled(c, f)))
    far = with_cameras(right, lambda index, c: replace(c, world_to_camera=np.diag([-1.0, 1, -1, 1])) if index else c)
    assert "0.png, 2.png shows agrees with no other" in refused(replace(far, cameras=(far.cameras[0], _moved(far))))
    wrong = replace(right.depth, z=right.depth.z * np.array([1.0, 1.5], np.float32)[:, None, None])
    assert "agrees with no other" in refused(replace(right, depth=wrong))
    lost = with_cameras(right, lambda index, c: replace(c, world_to_camera=np.full((4, 4), np.nan)) if index else c)
    assert "no camera could be estimated for 2.png" in refused(lost)
    one = replace(right, train=(0,), cameras=right.cameras[:1])
    assert "only 0.png could be placed" in refused(one)
    test_view = replace(right, test_cameras=(scaled(right.test_cameras[0], 50),))
    assert "focal length found for 1.png" in refused(test_view)


def _moved(recovered: Recovered) -> Camera:
    pose = recovered.cameras[1].world_to_camera.copy()
    pose[:3, 3] = [1, 0, 0]
    return replace(recovered.cameras[1], world_to_camera=pose)


def test_views_of_which_nothing_is_seen_are_left_out_unless_all_are(found, monkeypatch, tmp_path):
    request, right = found
    views = []
    for index in range(3):
        Image.fromarray(np.full((36, 48, 3), 90, np.uint8)).save(tmp_path / f"{index}.png")
        views.append(View(f"{index}.png", tmp_path / f"{index}.png", *SIZE))
    scene = replace(request.scene, views=(*views, replace(views[1], name="away.png")), test=(1, 3))
    away = replace(right.test_cameras[0], world_to_camera=np.diag([-1.0, 1, -1, 1]))

    def made(cameras):
        answer = replace(right, test=(1, 3)[: len(cameras)], test_cameras=cameras)
        monkeypatch.setattr(colmap, "recover", lambda _: answer)
        return reconstruct(scene, "colmap", LITE.images, LITE.reconstruct, (0, 2))

    kept = made((right.test_cameras[0], away))
    assert kept.test_views == ("1.png",) and kept.left_out == ("away.png",) and len(kept.test_cameras) == 1
    with pytest.raises(InputError, match=r"no train view sees anything of test view 1\.png"):
        made((away,))
    with pytest.raises(InputError, match=r"none of the test views could be placed \(1\.png, away\.png\)"):
        made(())


def test_a_scene_that_cannot_be_reconstructed_leaves_failed_records_and_the_reason(tmp_path, capsys):
    folder = tmp_path / "same"
    (folder / "images").mkdir(parents=True)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8))
    for index in range(4):
        picture.save(folder / "images" / f"{index}.png")
    arguments = ["run", "-e", "iuvrgb", "-d", str(folder), "--reconstruction", "colmap", "--mode", "geometry"]
    arguments += ["--seeds", "1", "--slots", "1", "--store", str(tmp_path / "store"), "--site", str(tmp_path / "site")]
    assert call(app, arguments) == 1
    (path,) = (tmp_path / "store").glob("cells/*/*/record.json")
    record = json.loads(path.read_text())
    assert record["status"] == "failed" and record["cell"]["reconstruction"] == "colmap"
    assert "0.png" in record["reason"] and "cameras were found for 0 of 4 photographs" in record["reason"]
