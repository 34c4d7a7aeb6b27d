"""The live view: its camera, its order of drawing, and a server that a (bare) browser talks to."""

from __future__ import annotations

import io
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.spatial.transform import Rotation

from benchmark.cameras import Camera, Cameras, project
from benchmark.errors import InputError, MissingError
from benchmark.splatting.gaussians import Gaussians
from benchmark.splatting.viewer import NewestFirst, browser_camera, serve, viewing_distance

COLOR = (0.8, 0.4, 0.2)


def blob(channels: int = 3) -> Gaussians:
    """One large opaque Gaussian at the origin."""
    sh = (torch.tensor((*COLOR, 0.5)[:channels]) - 0.5) / 0.28209479
    return Gaussians(
        torch.zeros(1, 3), torch.full((1, 3), 1.0), torch.tensor([[1.0, 0, 0, 0]]), torch.tensor([9.0]), sh[None, None]
    )


def two_cameras() -> Cameras:
    poses = np.repeat(np.eye(4)[None], 2, axis=0)
    poses[:, 2, 3] = (3.0, 4.0)
    intrinsics = np.array([[30.0, 0, 16], [0, 30, 12], [0, 0, 1]])
    return Cameras(poses, np.repeat(intrinsics[None], 2, axis=0), 32, 24)


def test_the_browsers_camera_is_ours() -> None:
    rotation = Rotation.from_euler("xyz", [0.3, -0.4, 0.2])
    position = np.array([1.0, -2.0, 0.5])
    camera = browser_camera(np.roll(rotation.as_quat(), 1), position, np.radians(60), 1.5, 200)
    assert (camera.width, camera.height) == (300, 200)
    np.testing.assert_allclose(camera.center, position)
    ahead, depth = project(position + 2 * rotation.apply([0, 0, 1]), camera)
    np.testing.assert_allclose([*ahead, depth], [150, 100, 2])
    # Half the field of view below the axis is the lower edge; right is right.
    lower, _ = project(position + rotation.apply([0, np.tan(np.radians(30)), 1]), camera)
    np.testing.assert_allclose(lower, [150, 200])
    right, _ = project(position + rotation.apply([0.1, 0, 1]), camera)
    assert right[0] > 150


def test_the_orbit_is_about_the_middle_of_what_a_camera_sees() -> None:
    gaussians = Gaussians(
        torch.tensor([[0.0, 0, -9], [0, 0, 1], [0, 0, 2], [0, 0, 7]]),
        torch.zeros(4, 3), torch.ones(4, 4), torch.zeros(4), torch.zeros(4, 1, 3),
    )  # fmt: skip
    camera = Camera(np.eye(4), np.eye(3), 2, 2)
    assert viewing_distance(gaussians, camera) == 2.0
    behind = Gaussians(*(value[:1] for value in vars(gaussians).values()))
    assert viewing_distance(behind, camera) == 1.0


def test_only_the_newest_request_is_drawn_and_finely_once_it_rests() -> None:
    drawn: list[tuple[int, bool]] = []
    drawing, go_on = threading.Event(), threading.Event()

    def draw(request: int, fine: bool) -> None:
        drawn.append((request, fine))
        drawing.set()
        assert go_on.wait(10)

    redraw = NewestFirst(draw, rest_seconds=0.02)
    first = threading.Thread(target=redraw, args=(1,))
    first.start()
    assert drawing.wait(10)
    for request in (2, 3, 4):
        redraw(request)  # returns at once: the first thread takes it on
    go_on.set()
    first.join(10)
    assert not first.is_alive()
    assert drawn == [(1, False), (4, False), (4, True)]
    redraw(5)
    assert drawn[3:] == [(5, False), (5, True)]


def test_a_failed_drawing_does_not_stop_the_next() -> None:
    drawn: list[int] = []

    def draw(request: int, fine: bool) -> None:
        if request == 1:
            raise RuntimeError("broken")
        drawn.append(request)

    redraw = NewestFirst(draw, rest_seconds=0.0)
    with pytest.raises(RuntimeError):
        redraw(1)
    redraw(2)
    assert drawn == [2, 2]


def test_a_missing_extra_answers_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "viser", None)
    with pytest.raises(MissingError, match=r"pip install 'splatbench\[view\]'"):
        serve(blob(), two_cameras())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def server() -> Iterator[Any]:
    pytest.importorskip("viser", reason="needs viser, the extra [view]")
    running = serve(blob(), two_cameras(), port=free_port(), height=96)
    yield running
    running.stop()


def test_latents_without_a_decoder_are_refused_before_a_server_starts() -> None:
    pytest.importorskip("viser", reason="needs viser, the extra [view]")
    threads = threading.active_count()
    with pytest.raises(InputError, match="to_colors"):
        serve(blob(channels=4), two_cameras(), port=free_port())
    assert threading.active_count() == threads


def test_points_of_the_reconstruction_wait_for_their_box() -> None:
    pytest.importorskip("viser", reason="needs viser, the extra [view]")
    points = np.random.default_rng(0).random((2, 250_000, 3)).astype(np.float32)
    running = serve(blob(), two_cameras(), port=free_port(), points=(points[0], points[1]))
    try:
        cloud = running.scene.get_handle_by_name("/points")
        assert cloud is not None and not cloud.visible
        assert 80_000 < len(cloud.points) <= 100_000
        (box,) = [
            handle for handle in running.gui._gui_input_handle_from_uuid.values() if handle.label.startswith("Points")
        ]
        box.value = True
        assert cloud.visible
    finally:
        running.stop()


def test_the_page_is_served_on_loopback_and_nowhere_else(server: Any) -> None:
    port = server.get_port()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=10) as answer:
        assert answer.status == 200
        assert b"<html" in answer.read(2000)
    assert server.get_host() == "127.0.0.1"
    # All of 127/8 is this machine, but only the one address listens; 0.0.0.0 would answer here.
    with socket.socket() as other, pytest.raises(OSError):
        other.settimeout(2)
        other.connect(("127.0.0.2", port))


def test_nobody_gets_a_public_tunnel(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import viser._viser

    def tunnel(*_: Any) -> None:
        raise AssertionError("a tunnel was opened")

    monkeypatch.setattr(viser._viser, "ViserTunnel", tunnel)
    assert server.request_share_url() is None


def test_a_connected_browser_gets_the_rendered_scene(server: Any) -> None:
    import msgspec
    import viser
    import zstandard
    from websockets import Subprotocol
    from websockets.sync.client import connect

    moved = {
        "type": "ViewerCameraMessage", "wxyz": (1.0, 0.0, 0.0, 0.0), "position": (0.0, 0.0, -3.0), "fov": 0.8,
        "near": 0.01, "far": 1000.0, "image_height": 300, "image_width": 400, "look_at": (0.0, 0.0, 0.0),
        "up_direction": (0.0, -1.0, 0.0),
    }  # fmt: skip
    sizes, deadline = set(), time.monotonic() + 30
    with connect(
        f"ws://127.0.0.1:{server.get_port()}",
        subprotocols=[Subprotocol(f"viser-v{viser.__version__}")],
        compression=None,
    ) as browser:
        browser.send(msgspec.msgpack.encode(moved))
        # The coarse picture while it moves, then the fine one of the slider's height.
        while (128, 96) not in sizes and time.monotonic() < deadline:
            message = browser.recv(timeout=30)
            assert isinstance(message, bytes)
            # Two sizes of 8 bytes each, then a compressed window of messages.
            window = zstandard.ZstdDecompressor().decompress(message[16 : 16 + int.from_bytes(message[8:16], "little")])
            for entry in msgspec.msgpack.decode(window)["messages"]:
                if entry["type"] != "BackgroundImageMessage" or entry["rgb_data"] is None:
                    continue
                picture = Image.open(io.BytesIO(entry["rgb_data"]))
                sizes.add(picture.size)
                middle = np.asarray(picture)[picture.height // 2, picture.width // 2]
                np.testing.assert_allclose(middle, np.array(COLOR) * 255, atol=8)
    assert (43, 32) in sizes and (128, 96) in sizes
