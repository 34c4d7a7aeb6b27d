"""The contact sheet in headless Chromium: cameras are drawn, they turn, and nothing in a name runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.scenes.own.choose import choose_views
from benchmark.scenes.own.motion import Solved
from benchmark.scenes.own.sheet import write_sheet

pytestmark = pytest.mark.browser

EVIL = "</script><img src=x onerror=document.title='owned'>.png"


@pytest.fixture
def sheet(tmp_path) -> Path:
    names = ["a.png", EVIL, "c.png", "d.png"]
    Image.new("RGB", (40, 30), (90, 120, 200)).save(tmp_path / "photo.png")
    seen = np.ones((4, 30), bool)
    poses = np.tile(np.eye(4), (4, 1, 1))
    poses[:, 0, 3] = np.arange(4)
    rng = np.random.default_rng(0)
    points = rng.normal(size=(30, 3)) + np.array([1.5, 0, 5])
    solved = Solved(
        names=tuple(names), left_out=(), camera_to_world=poses, focal=np.full(4, 0.9), aspect=np.full(4, 4 / 3),
        points=points, colors=np.full((30, 3), 128, np.uint8), seen=seen, error=0.5, model=None,  # type: ignore[arg-type]
    )  # fmt: skip
    choice = choose_views(seen, poses, 2, 1)
    write_sheet(tmp_path / "sheet.html", "a place", dict.fromkeys(names, tmp_path / "photo.png"), solved, choice)
    return tmp_path / "sheet.html"


PIXELS = "const c = document.getElementById('scene'); return c.toDataURL();"


def test_cameras_are_drawn_and_turn_and_names_are_only_text(driver, sheet):
    driver.get(sheet.as_uri())
    assert driver.title == "a place: chosen views"
    assert driver.execute_script("return document.body.dataset.drawn") == "yes"
    before = driver.execute_script(PIXELS)
    empty = driver.execute_script(
        "const c = document.getElementById('scene'), e = document.createElement('canvas');"
        "e.width = c.width; e.height = c.height; return e.toDataURL();"
    )
    assert before != empty
    canvas = driver.find_element("id", "scene")
    canvas.send_keys("\ue014")  # the right arrow
    assert driver.execute_script(PIXELS) != before
    assert len(driver.find_elements("css selector", "figure img")) == 4
    assert EVIL in driver.find_element("tag name", "body").text
    assert not [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
