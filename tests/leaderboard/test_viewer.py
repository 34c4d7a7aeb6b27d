"""A fitted scene in the page: loaded by its own page alone, only from the package that was pinned."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmark.errors import InputError
from leaderboard.build import build_site
from leaderboard.viewer import Pose, Viewer, _view, read_viewer

PLY = b"ply\nformat binary_little_endian 1.0\nend_header\n"
VIEWER = Viewer('export const createViewer = "</script>\u2028";\n', "canvas {}\n", "the terms\n")
POSE = Pose((0.0, -2.0, 0.5), (0.0, 0.0, 0.5), (0.0, 0.0, 1.0), 60.0)


@pytest.fixture
def site(tmp_path, record, picture):
    def build(name: str = "site", gaussians: bytes | None = PLY, viewer: Viewer | None = VIEWER, **values) -> Path:
        cell = tmp_path / f"cell of {name}"
        picture(cell / "renders" / "0.png", 10)
        if gaussians is not None:
            (cell / "gaussians.ply").write_bytes(gaussians)
        given = {"entries": {}, "datasets": {}, "protocols": {}, "command": lambda record: "", **values}
        made = [record("net", psnr={"0.png": 20.0}), record("other", psnr=19)]
        return build_site(
            made,
            tmp_path / name,
            cell_folder=lambda one: cell if one.cell.entry == "net" else None,
            viewer=viewer,
            start_view=lambda one: POSE,
            **given,
        ).parent

    return build


def record_page(folder: Path) -> str:
    return next(folder.rglob("studio~records/net.html")).read_text("utf-8")


def test_one_click_leads_from_the_record_to_the_scene(site):
    folder = site()
    (address,) = re.findall(r'href="([^"]+/scenes/[^"]+\.html)"', record_page(folder))
    page = (next(folder.rglob("studio~records")) / address).resolve()
    text = page.read_text("utf-8")
    scripts = re.findall(r'<script defer src="([^"]+)"', text)
    assert all((page.parent / script).is_file() for script in scripts)
    (data,) = (page.parent / script for script in scripts if "/" not in script)
    packed = re.fullmatch(r"window\.splatScene = \"([^\"]*)\";\n", data.read_text())
    assert gzip.decompress(base64.b64decode(packed[1])) == PLY
    # The module is text that no byte of can end early.
    script = (folder / "viewer" / "viewer.js").read_text("ascii")
    assert json.loads(script.removeprefix("window.splatViewer = ").removesuffix(";\n")) == VIEWER.script
    assert (folder / "viewer" / "LICENSE.txt").read_text() == VIEWER.terms


def test_no_other_page_loads_it(site):
    folder = site()
    for page in folder.rglob("*.html"):
        if page.parent.parent.name != "scenes":
            text = page.read_text("utf-8")
            assert "viewer/viewer" not in text and "scene.js" not in text, page
            assert "blob:" not in text, page


def test_same_scene_same_bytes(site):
    first, second = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (site("one"), site("two"))
    )
    assert first == second


def test_without_viewer_or_gaussians_the_page_is_as_before(site):
    for folder in (site("a", viewer=None), site("b", gaussians=None), site("c", gaussians=b"<script>")):
        assert "in 3-D" not in record_page(folder)
        assert not (folder / "viewer").exists()


def test_a_scene_fitted_to_photographs_that_may_not_be_passed_on_stays_out(site):
    folder = site(datasets={"studio": {"licence": {"spdx": "x", "redistribute": False}}})
    assert not (folder / "scenes").exists()


def test_the_scene_is_turned_so_that_up_is_up_and_the_camera_with_it():
    view = _view(POSE)
    turn = Rotation.from_quat(view["turn"]).as_matrix()
    np.testing.assert_allclose(turn @ [0, 0, 1], [0, 1, 0], atol=1e-7)
    np.testing.assert_allclose(turn @ POSE.position, view["camera"]["position"], atol=1e-6)
    # The camera looks along -z, as cameras of WebGL do.
    np.testing.assert_allclose(np.subtract(view["camera"]["target"], view["camera"]["position"]), [0, 0, -2], atol=1e-6)


def test_a_camera_that_looks_straight_down_has_a_view_too():
    view = _view(Pose((0.0, 0.0, 3.0), (0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 60.0))
    np.testing.assert_allclose(view["camera"]["position"], [0, 3, 0], atol=1e-6)
    assert np.linalg.norm(view["turn"]) == pytest.approx(1)


def test_another_package_is_refused(tmp_path):
    package = tmp_path / "viewer.tgz"
    with pytest.raises(InputError, match="cannot be read"):
        read_viewer(package)
    package.write_bytes(b"something else")
    with pytest.raises(InputError, match="another SHA-512"):
        read_viewer(package)
