"""A fitted scene in the browser, drawn by our own rasteriser on this machine and shown by viser."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from scipy.spatial.transform import Rotation

from benchmark.cameras import Camera, Cameras
from benchmark.errors import MissingError
from benchmark.splatting.gaussians import Gaussians
from benchmark.splatting.video import ToColors, colors_of, pixels, upward

if TYPE_CHECKING:
    import viser

LOOPBACK = "127.0.0.1"
# A camera that has not moved for so long is drawn at full size.
REST_SECONDS = 0.15
COARSER = 3
MOST_POINTS = 100_000

# World coordinates, and sRGB in [0, 1].
Points = tuple[Float32[np.ndarray, "point 3"], Float32[np.ndarray, "point 3"]]


def browser_camera(
    wxyz: Float[np.ndarray, "4"],
    position: Float[np.ndarray, "3"],
    vertical_field_of_view: float,
    aspect: float,
    height: int,
) -> Camera:
    """Camera of a browser window, as viser reports it.

    Parameters
    ----------
    wxyz, position
        Camera-to-world orientation (OpenCV axes) and centre.
    vertical_field_of_view
        In radians.
    aspect
        Width over height of the window.
    height
        Of the picture to draw, in pixels; its width follows from the aspect.
    """
    camera_to_world = Rotation.from_quat(np.roll(wxyz, -1)).as_matrix()
    world_to_camera = np.eye(4)
    world_to_camera[:3, :3] = camera_to_world.T
    world_to_camera[:3, 3] = -camera_to_world.T @ position
    width = max(1, round(height * aspect))
    focal = height / (2 * np.tan(vertical_field_of_view / 2))
    intrinsics = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
    return Camera(world_to_camera, intrinsics, width, height)


class NewestFirst:
    """Draws requests one after the other, never an old one when a newer has come.

    Parameters
    ----------
    draw
        Called with the request and whether to draw it finely: coarsely while requests keep coming, finely once none
        has come for ``rest_seconds``. Only one call runs at a time.
    """

    def __init__(self, draw: Callable[[Any, bool], None], rest_seconds: float = REST_SECONDS):
        self._draw = draw
        self._rest_seconds = rest_seconds
        self._changed = threading.Condition()
        self._wanted: Any = None
        self._drawing = False

    def __call__(self, request: Any) -> None:
        """Draw the request, or leave it to the call that is drawing; returns when there is nothing left to draw."""
        with self._changed:
            self._wanted = request
            self._changed.notify_all()
            if self._drawing:
                return
            self._drawing = True
        try:
            while (current := self._take()) is not None:
                self._draw(current, False)
                with self._changed:
                    moved = self._changed.wait_for(lambda: self._wanted is not None, self._rest_seconds)
                if not moved:
                    self._draw(current, True)
        except BaseException:
            with self._changed:
                self._drawing = False
            raise

    def _take(self) -> Any:
        with self._changed:
            current, self._wanted = self._wanted, None
            self._drawing = current is not None
            return current


def serve(
    gaussians: Gaussians,
    cameras: Cameras,
    port: int = 8080,
    to_colors: ToColors = colors_of,
    background: Float[torch.Tensor, "channel"] | None = None,
    height: int = 480,
    label: str = "splatbench",
    points: Points | None = None,
) -> viser.ViserServer:
    """Start a server that shows the scene to browsers of this machine, and return it.

    It runs in the background and prints its address; ``sleep_forever()`` waits, ``stop()`` ends it. It listens on the
    loopback interface alone and never opens viser's public share tunnel. A click on a camera's frustum looks through
    that camera.

    Parameters
    ----------
    cameras
        Shown as frustums; the view starts at the first.
    port
        Where it is taken, the next free one; ``get_port()`` of the server tells.
    to_colors
        Turns a rendered image into colours; needed where the field does not have three channels.
    height
        Of the pictures, in pixels, to begin with; a slider changes it.
    points
        Of the reconstruction that the scene was fitted to; shown when a box is ticked.

    Raises
    ------
    MissingError
        If the extra ``[view]`` is not installed.
    InputError
        If the rasteriser cannot draw the scene, before any browser asks.
    """
    server_class = _loopback_server()
    pixels(gaussians, cameras[0].resized(8, 8), to_colors, background)
    server = server_class(host=LOOPBACK, port=port, label=label, verbose=False)
    server.gui.configure_theme(show_share_button=False)
    up = upward(cameras)
    server.scene.set_up_direction(up)
    slider = server.gui.add_slider("Height in pixels", min=64, max=1080, step=8, initial_value=height)
    distance = viewing_distance(gaussians, cameras[0])
    clients: dict[int, NewestFirst] = {}
    # One picture at a time: each takes all the threads there are.
    rasteriser = threading.Lock()

    def draw(client: Any, fine: bool) -> None:
        rows = slider.value if fine else max(16, slider.value // COARSER)
        seen = client.camera
        camera = browser_camera(seen.wxyz, seen.position, seen.fov, seen.aspect, rows)
        with rasteriser:
            picture = pixels(gaussians, camera, to_colors, background)
        client.scene.set_background_image(picture, format="jpeg", jpeg_quality=90 if fine else 70)

    @server.on_client_connect
    def _(client: Any) -> None:
        redraw = clients[client.client_id] = NewestFirst(draw)
        look_through(client, cameras[0], distance, up)
        client.camera.on_update(lambda _: redraw(client))
        redraw(client)

    @server.on_client_disconnect
    def _(client: Any) -> None:
        clients.pop(client.client_id, None)

    @slider.on_update
    def _(_: Any) -> None:
        for identity, client in server.get_clients().items():
            if identity in clients:
                clients[identity](client)

    for index in range(len(cameras)):
        _add_frustum(server, f"/cameras/{index}", cameras[index], distance, up)
    if points is not None:
        _add_points(server, points, distance)
    return server


def look_through(client: Any, camera: Camera, distance: float, up: Float[np.ndarray, "3"]) -> None:
    """Put a browser's camera where a camera of the scene is; it then orbits a point ``distance`` in front of it."""
    forward = camera.world_to_camera[2, :3]
    with client.atomic():
        client.camera.up_direction = up
        client.camera.position = camera.center
        client.camera.look_at = camera.center + distance * forward
        client.camera.fov = float(2 * np.arctan(camera.height / (2 * camera.intrinsics[1, 1])))


def overview(gaussians: Gaussians, width: int = 640, height: int = 480) -> Cameras:
    """One camera that sees most of a scene of which no cameras are known, along the world's z axis."""
    means = gaussians.means.detach().double()
    middle = means.median(dim=0).values
    distances = (means - middle).norm(dim=-1)
    reach = max(float(distances.kthvalue(max(1, 4 * len(distances) // 5)).values), 1e-3)
    world_to_camera = np.eye(4)
    world_to_camera[:3, 3] = -middle.numpy()
    world_to_camera[2, 3] += 2.5 * reach
    intrinsics = np.array([[float(height), 0, width / 2], [0, float(height), height / 2], [0, 0, 1.0]])
    return Cameras(world_to_camera[None], intrinsics[None], width, height)


def viewing_distance(gaussians: Gaussians, camera: Camera) -> float:
    """Median depth of the Gaussians in front of a camera; 1 where there is none."""
    row = torch.as_tensor(camera.world_to_camera[2], dtype=torch.float32, device=gaussians.means.device)
    depths = gaussians.means.detach() @ row[:3] + row[3]
    depths = depths[depths > 0]
    return float(depths.median()) if len(depths) else 1.0


def _add_frustum(server: Any, name: str, camera: Camera, distance: float, up: Float[np.ndarray, "3"]) -> None:
    frustum = server.scene.add_camera_frustum(
        name,
        fov=float(2 * np.arctan(camera.height / (2 * camera.intrinsics[1, 1]))),
        aspect=camera.width / camera.height,
        scale=0.05 * distance,
        wxyz=np.roll(Rotation.from_matrix(camera.world_to_camera[:3, :3].T).as_quat(), 1),
        position=camera.center,
    )

    @frustum.on_click
    def _(event: Any) -> None:
        look_through(event.client, camera, distance, up)


def _add_points(server: Any, points: Points, distance: float) -> None:
    """Points that a box shows and hides; a browser bears so many."""
    step = len(points[0]) // MOST_POINTS + 1
    cloud = server.scene.add_point_cloud(
        "/points", points=points[0][::step], colors=points[1][::step], point_size=0.003 * distance, visible=False
    )
    box = server.gui.add_checkbox("Points of the reconstruction", initial_value=False)

    @box.on_update
    def _(_: Any) -> None:
        cloud.visible = box.value


def _loopback_server() -> type[viser.ViserServer]:
    """viser's server without its public tunnel, or `MissingError` with the line that installs it."""
    try:
        import viser
    except ImportError:
        raise MissingError("the live view needs viser; pip install 'splatbench[view]'") from None

    class LoopbackServer(viser.ViserServer):
        def request_share_url(self, verbose: bool = True) -> str | None:
            """A connected page may ask for a tunnel to the public; it gets none."""
            return None

    return LoopbackServer
