"""What every test may use."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

# A shell starts what it puts into the background deaf to Ctrl-C, and so would be every command that a test stops.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    # WebGL 2 on the processor, for the page of a fitted scene.
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
)


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    """Headless Chromium that keeps its logs; skipped with the reason where there is none."""
    selenium = pytest.importorskip("selenium.webdriver", reason="needs selenium: pip install -e '.[dev]'")
    browser, service = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or service is None:
        pytest.skip("needs Chromium: apt-get install chromium chromium-driver")
    options = selenium.ChromeOptions()
    options.binary_location = browser
    for flag in (*CHROMIUM_FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    made = selenium.Chrome(options=options, service=selenium.ChromeService(service))
    yield made
    made.quit()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real photographs and weights that lies beside the project; never part of it."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("SPLATBENCH_SHARED_DATA", root.parent / "shared" / "data"))
    if not (folder / "scenes").is_dir():
        pytest.skip(f"real photographs are absent: no folder {folder.name}/scenes beside the project")
    return folder


@dataclass(frozen=True)
class Wall:
    """A textured rectangle: a corner, two edges at right angles, and the seed of its texture; grey if that is None."""

    corner: tuple[float, float, float]
    right: tuple[float, float, float]
    down: tuple[float, float, float]
    seed: int | None = 0


@cache
def _texture(seed):
    from scipy.ndimage import gaussian_filter

    if seed is None:
        return np.full((400, 400, 3), 0.5)
    dice = np.random.default_rng(seed)
    layers = [gaussian_filter(dice.normal(size=(400, 400, 3)), (s, s, 0)) * s for s in (2, 5, 14)]
    return np.clip(0.5 + 0.35 * sum(layers), 0, 1)


def _look(walls, camera):
    """Image and true depth of walls by intersecting every pixel's ray with every rectangle (closed form)."""
    from scipy.ndimage import map_coordinates

    columns, rows = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    rays = np.stack([columns, rows, np.ones_like(rows)], -1) @ np.linalg.inv(camera.intrinsics).T
    rays = rays @ camera.world_to_camera[:3, :3]  # one unit of z each
    depth = np.full(rows.shape, np.inf)
    image = np.zeros((*rows.shape, 3))
    for wall in walls:
        right, down = np.array(wall.right), np.array(wall.down)
        normal = np.cross(right, down)
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (np.array(wall.corner) - camera.center) @ normal / (rays @ normal)
        hit = camera.center + z[..., None] * rays - np.array(wall.corner)
        u, v = hit @ right / (right @ right), hit @ down / (down @ down)
        front = (z > 0) & (z < depth) & (u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)
        texture = _texture(wall.seed)
        place = [v[front] * 399, u[front] * 399]
        image[front] = np.stack([map_coordinates(texture[..., c], place, order=1) for c in range(3)], -1)
        depth[front] = z[front]
    return np.round(image * 255).astype(np.uint8), np.where(np.isfinite(depth), depth, 0).astype(np.float32)


@pytest.fixture(scope="session")
def wall() -> type[Wall]:
    """A textured rectangle; see `look`."""
    return Wall


@pytest.fixture(scope="session")
def look() -> Callable:
    """``look(walls, camera)``: the image and the true depth of rectangles, in closed form."""
    return _look


@pytest.fixture(scope="session")
def row_cameras() -> Callable:
    """``row_cameras(count, step, size)``: cameras in a row along x that look along z; focal length is the width."""
    from benchmark.cameras import Camera

    def make(count: int, step: float, size: tuple[int, int]) -> list:
        width, height = size
        intrinsics = np.array([[width, 0.0, width / 2], [0.0, width, height / 2], [0.0, 0.0, 1.0]])
        poses = [np.eye(4) for _ in range(count)]
        for index, pose in enumerate(poses):
            pose[0, 3] = -(index - (count - 1) / 2) * step
        return [Camera(pose, intrinsics, width, height) for pose in poses]

    return make


@pytest.fixture
def photographs(tmp_path, look, row_cameras) -> Callable[..., Path]:
    """``photographs(...)``: a folder of five small views of a slanted wall with a smaller one before it."""
    from benchmark.scenes.cameras_json import write_folder

    def make(name: str = "walls", size: tuple[int, int] = (48, 36), count: int = 5, depth: bool = True) -> Path:
        walls = [
            Wall((-3.0, -2.2, 3.6), (6.0, 0.0, 0.8), (0.0, 4.4, 0.0), seed=1),
            Wall((-0.5, -0.4, 2.2), (0.9, 0.0, 0.0), (0.0, 0.8, 0.0), seed=2),
        ]
        cameras = {f"{index}.png": camera for index, camera in enumerate(row_cameras(count, 0.12, size))}
        seen = {name: _look(walls, camera) for name, camera in cameras.items()}
        depths = {name: z for name, (_, z) in seen.items()} if depth else {}
        write_folder(tmp_path / name, {name: image for name, (image, _) in seen.items()}, cameras, depths)
        return tmp_path / name

    return make
