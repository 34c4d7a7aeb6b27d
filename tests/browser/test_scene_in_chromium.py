"""A fitted scene in headless Chromium, from the disk: pixels appear and nothing is asked of a network."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import numpy as np
import pytest

from benchmark.records import Cell, Measurement, Record
from leaderboard.build import build_site
from leaderboard.viewer import Pose, read_viewer
from leaderboard.viewer_package import viewer_package

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Path:
    """Page of a red and a blue ball on a line of sight that is level, the red one above."""
    import torch
    from PIL import Image

    from benchmark.splatting.gaussians import Gaussians
    from benchmark.splatting.ply import write_ply

    package = viewer_package()
    if not package.is_file():
        pytest.skip("needs the viewer of scenes: splatbench leaderboard viewer")
    cell = tmp_path_factory.mktemp("cell")
    (cell / "renders").mkdir()
    Image.new("RGB", (12, 8)).save(cell / "renders" / "0.png")
    generator = torch.Generator().manual_seed(0)
    spread = torch.randn(400, 3, generator=generator) * 0.1
    means = spread + torch.tensor([0.0, 0.0, 0.5]) * torch.where(torch.arange(400) < 200, 1.0, -1.0)[:, None]
    colour = torch.where(
        torch.arange(400)[:, None] < 200, torch.tensor([1.7, -1.7, -1.7]), torch.tensor([-1.7, -1.7, 1.7])
    )
    quaternions = torch.tensor([[1.0, 0, 0, 0]]).expand(400, 4)
    gaussians = Gaussians(means, torch.full((400, 3), -3.0), quaternions, torch.full((400,), 4.0), colour[:, None])
    write_ply(cell / "gaussians.ply", gaussians)
    record = Record(
        Cell("feat2gs", "alpha", "studio", "a", "geometry", "known", "lite", 0),
        "k",
        "ok",
        "measured",
        "2026-01-01T00:00:00Z",
        metrics={"psnr": Measurement(20.0, {"0": 20.0})},
    )
    out = tmp_path_factory.mktemp("out") / "site"
    build_site(
        [record],
        out,
        entries={},
        datasets={},
        protocols={},
        command=lambda record: "",
        cell_folder=lambda record: cell,
        viewer=read_viewer(package),
        start_view=lambda record: Pose((0.0, -3.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 60.0),
    )
    (page,) = out.glob("scenes/*/*.html")
    return page


def test_one_click_shows_the_scene_upright(driver, scene):
    from PIL import Image

    driver.get_log("performance")
    (start,) = scene.parents[2].rglob("studio~records/alpha.html")
    driver.get(start.as_uri())
    driver.find_element("css selector", "a.button").click()
    deadline = time.monotonic() + 60
    while not driver.execute_script("return 'loaded' in document.querySelector('#viewer').dataset"):
        assert time.monotonic() < deadline, driver.find_element("css selector", "#said").text
        time.sleep(0.2)
    time.sleep(1)
    shot = driver.find_element("css selector", "#viewer").screenshot_as_png
    pixels = np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)
    red = (pixels[..., 0] > 120) & (pixels[..., 2] < 60)
    blue = (pixels[..., 2] > 120) & (pixels[..., 0] < 60)
    assert red.sum() > 500 and blue.sum() > 500
    assert np.nonzero(red)[0].mean() + 50 < np.nonzero(blue)[0].mean()
    assert [line for line in driver.get_log("browser") if line["level"] == "SEVERE"] == []
    for line in driver.get_log("performance"):
        message = json.loads(line["message"])["message"]
        if message["method"] == "Network.requestWillBeSent" and message["params"]["documentURL"].startswith("file:"):
            assert message["params"]["request"]["url"].startswith(("file:", "data:", "blob:"))


def test_axe_finds_no_violation_around_the_viewer(driver, scene):
    """The viewer's own controls are its makers' affair."""
    axe = pytest.importorskip("axe_core_python", reason="needs axe-core: pip install axe-core-python")
    driver.get(scene.as_uri())
    driver.execute_script((Path(axe.__file__).parent / "axe.min.js").read_text("utf-8"))
    script = "const done = arguments[0]; axe.run({exclude: ['#viewer']}).then(done)"
    found = driver.execute_async_script(script)
    assert [(rule["id"], rule["impact"], rule["nodes"][0]["html"]) for rule in found["violations"]] == []
    driver.get_log("browser")


def test_without_webgl_the_page_says_so_and_keeps_the_rest(driver, scene):
    script = "HTMLCanvasElement.prototype.getContext = () => null"
    made = driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
    try:
        driver.get(scene.as_uri())
        assert "no WebGL 2" in driver.find_element("css selector", "#said").text
        assert not driver.find_element("css selector", "#viewer").is_displayed()
        assert driver.find_element("css selector", ".instead a[download]").is_displayed()
    finally:
        driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", made)
        driver.get_log("browser")
