"""One's own photographs as a dataset: what is written, what is refused, and what an earlier dataset survives."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pycolmap
import pytest
from PIL import Image

from benchmark.errors import InputError
from benchmark.scenes.load import load_scene
from benchmark.scenes.own import add as add_module
from benchmark.scenes.own.add import add_dataset
from benchmark.scenes.own.motion import Solved, solve
from benchmark.scenes.spec import get_dataset, list_datasets, public_values

NAMES = ["a.png", "b <i>&.png", "c.png", "d.png", "e.png", "f.png", "left.png"]


@pytest.fixture
def photos(tmp_path) -> Path:
    folder = tmp_path / "my photos"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        Image.new("RGB", (32, 24), (number * 30, 9, 9)).save(folder / name)
    return folder


def solved(names: list[str]) -> Solved:
    """Six cameras in a row that see a wall of points; the last photograph is left out."""
    used = names[:-1]
    model = pycolmap.Reconstruction()
    model.add_camera_with_trivial_rig(
        pycolmap.Camera(model="SIMPLE_RADIAL", width=16, height=12, params=[14, 8, 6, 0.01], camera_id=1)
    )
    poses = np.tile(np.eye(4), (len(used), 1, 1))
    for number, name in enumerate(used):
        poses[number, 0, 3] = number
        image = pycolmap.Image(name=f"{Path(name).stem}.png", camera_id=1, image_id=number + 1)
        model.add_image_with_trivial_frame(image, pycolmap.Rigid3d(np.linalg.inv(poses[number])[:3]))
    seen = np.zeros((len(used), 90), bool)
    for number in range(len(used)):
        seen[number, number * 10 : number * 10 + 40] = True
    points = np.stack([np.linspace(0, 6, 90), np.sin(np.arange(90)), np.full(90, 4.0)], axis=1)
    return Solved(
        names=tuple(used), left_out=(names[-1],), camera_to_world=poses, focal=np.full(len(used), 0.9),
        aspect=np.full(len(used), 4 / 3), points=points, colors=np.full((90, 3), 120, np.uint8), seen=seen,
        error=0.4, model=model,
    )  # fmt: skip


@pytest.fixture
def without_motion(monkeypatch) -> None:
    monkeypatch.setattr(add_module, "solve", lambda files, report: solved([path.name for path in files]))


def test_a_folder_becomes_a_dataset_like_any_other(data, photos, without_motion, tmp_path):
    before = {path.name: path.read_bytes() for path in photos.iterdir()}
    added = add_dataset("my-room", photos, train=3, test=2)
    spec = get_dataset("my-room")
    assert spec == added.spec
    assert spec.name in {listed.name for listed in list_datasets()}
    assert len(spec.scenes["my-room"].train) == 3 and len(spec.scenes["my-room"].test) == 2
    scene = load_scene(spec, "my-room", tmp_path / "store")
    for view in scene.views:
        assert view.camera is not None and view.lens is None
        # The model was made of copies half as large; its focal length follows the photograph.
        assert 27 < view.camera.intrinsics[0, 0] < 29
    assert {path.name: path.read_bytes() for path in photos.iterdir()} == before
    assert sorted(path.name for path in (data / "own" / "my-room").iterdir()) == [
        "contact-sheet.html", "my-room.yaml", "sparse",
    ]  # fmt: skip


def test_the_sheet_shows_every_photograph_and_escapes_their_names(data, photos, without_motion):
    page = add_dataset("my-room", photos).sheet.read_text()
    assert page.count("<img ") == len(NAMES)
    assert "b <i>" not in page
    assert "b &lt;i&gt;&amp;.png" in page
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page), "it needs nothing else"


def test_nothing_that_a_page_is_told_names_a_folder_of_this_machine(data, photos, without_motion):
    values = public_values(add_dataset("my-room", photos).spec)
    assert str(data) not in str(values) and str(photos) not in str(values)
    assert list(values["scenes"]) == ["my-room"]
    assert values["licence"]["redistribute"] is False


def test_views_without_a_camera_are_told(data, photos, without_motion):
    assert any("left.png" in warning for warning in add_dataset("my-room", photos).warnings)


def test_an_earlier_dataset_stays_unless_it_is_to_be_replaced(data, photos, without_motion, monkeypatch):
    first = add_dataset("my-room", photos, train=2, test=1)
    with pytest.raises(InputError, match=r"you have one already.*--replace"):
        add_dataset("my-room", photos)
    assert get_dataset("my-room") == first.spec
    monkeypatch.setattr(add_module, "write_sheet", lambda *arguments: (_ for _ in ()).throw(OSError(28, "disk full")))
    with pytest.raises(InputError, match=r"cannot be written \(disk full"):
        add_dataset("my-room", photos, replace=True)
    assert get_dataset("my-room") == first.spec
    monkeypatch.undo()
    monkeypatch.setenv("SPLATBENCH_DATA", str(data))
    monkeypatch.setattr(add_module, "solve", lambda files, report: solved([path.name for path in files]))
    add_dataset("my-room", photos, train=4, test=2, replace=True)
    assert len(get_dataset("my-room").scenes["my-room"].train) == 4
    assert [path.name for path in (data / "own").iterdir()] == ["my-room"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../up", "use letters"),
        ("a b", "use letters"),
        ("llff", "taken by a dataset of the benchmark"),
        ("a+b", "use letters"),
    ],
)
def test_a_name_that_cannot_be_taken_is_refused_before_any_work(data, photos, name, words):
    with pytest.raises(InputError, match=words):
        add_dataset(name, photos)


def test_counts_that_cannot_be_had_are_refused(data, photos, without_motion):
    with pytest.raises(InputError, match="6 photographs have cameras, which do not give 5 train and 3 test"):
        add_dataset("my-room", photos, train=5, test=3)
    assert not (data / "own").exists() or not list((data / "own").iterdir())


def test_folders_that_cannot_be_used_say_why(data, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        add_dataset("x", tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no images; put the photographs there"):
        add_dataset("x", tmp_path / "empty")


def test_photographs_that_share_nothing_are_said(data, tmp_path):
    rng = np.random.default_rng(0)
    for number in range(4):
        Image.fromarray(rng.integers(0, 255, (60, 80, 3)).astype(np.uint8)).save(tmp_path / f"{number}.png")
    with pytest.raises(InputError, match=r"cameras were found for 0 of 4 photographs.*take more"):
        solve(sorted(tmp_path.glob("*.png")))


def test_two_photographs_of_one_name_and_a_damaged_one_are_refused(data, tmp_path):
    for name in ("a.png", "a.jpg", "b.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    with pytest.raises(InputError, match="two photographs are called 'a'; rename one"):
        solve(sorted(tmp_path.iterdir()))
    (tmp_path / "a.jpg").write_bytes(b"not a photograph")
    (tmp_path / "a.png").unlink()
    with pytest.raises(InputError, match=r"a\.jpg: truncated or not an image"):
        solve(sorted(tmp_path.iterdir()))


def test_a_broken_file_of_ones_own_does_not_stand_in_the_way(data, photos, without_motion, caplog):
    add_dataset("my-room", photos)
    path = data / "own" / "my-room" / "my-room.yaml"
    path.write_text(path.read_text() + "surprise: 1\n")
    (data / "splits").mkdir()
    (data / "splits" / "authors.json").write_text("{")
    names = {spec.name for spec in list_datasets()}
    assert "studio" in names and "my-room" not in names
    assert "my-room.yaml" in caplog.text and "authors.json" in caplog.text
    with pytest.raises(InputError, match=r"my-room\.yaml.*surprise"):
        get_dataset("my-room")
