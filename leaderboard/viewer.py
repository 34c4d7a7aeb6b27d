"""A fitted scene in the page: SuperSplat's viewer from the npm registry, and a page a scene that is opened by one click.

Browsers let a page on a disk load plain scripts alone: no module, no file by `fetch`. So the viewer's module and the
scene stand as text inside plain scripts, and ``static/scene.js`` hands the first to the browser as a module. Nothing of
it is loaded by any other page.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.errors import InputError
from benchmark.records import Record
from leaderboard import links
from leaderboard.aggregate import Board
from leaderboard.content import Shown
from leaderboard.page import Page

NAME = "@playcanvas/supersplat-viewer"
VERSION = "1.36.2"
LICENCE = "MIT"
# SHA-512 of the package as the registry states it; nothing else is put into a page.
DIGEST = "L7w0BlagAonRHQg5qhaDyBB8zrRtiU9QgglNU3kUgsqHpokCAtuf9j4P0kxsUaQn61FZ1qJGkRKsOCbrLCDR0w=="
Vector = Sequence[float]

SCRIPT, STYLE, TERMS = "package/public/index.js", "package/public/index.css", "package/LICENSE"


@dataclass(frozen=True)
class Viewer:
    """Files of the package: a module, its style sheet, and the terms under which both are passed on."""

    script: str
    style: str
    terms: str


@dataclass(frozen=True)
class Pose:
    """Where a scene is seen from at first, and which way is up, in the frame of its PLY.

    ``fov`` is that of the picture's longer side, in degrees.
    """

    position: Vector
    target: Vector
    up: Vector
    fov: float


def read_viewer(package: Path) -> Viewer:
    """The viewer from its package (.tgz, as ``npm pack`` writes it).

    Raises
    ------
    InputError
        If it cannot be read or is not that package, byte by byte.
    """
    try:
        data = package.read_bytes()
    except OSError as error:
        raise InputError(f"viewer {package}: cannot be read ({error.strerror}); get it again") from None
    if base64.b64encode(hashlib.sha512(data).digest()).decode() != DIGEST:
        raise InputError(f"viewer {package}: is not {NAME} {VERSION} (another SHA-512); remove it and get it again")
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as files:
        script, style, terms = (_text(files, name) for name in (SCRIPT, STYLE, TERMS))
    # What follows the last line names a file for debuggers that is not in the site.
    return Viewer(script.partition("//# sourceMappingURL=")[0], style, terms)


def _text(files: tarfile.TarFile, name: str) -> str:
    member = files.extractfile(name)
    if member is None:
        raise InputError(f"viewer: {name} is no file of the package")
    return member.read().decode("utf-8")


class Scenes:
    """Pages of the scenes of a site that is being built.

    Parameters
    ----------
    site
        Root of the site. The viewer is written with the first scene.
    start
        Where a record's scene is seen from at first; None lets the viewer choose.
    """

    def __init__(self, site: Path, viewer: Viewer, start: Callable[[Record], Pose | None] | None = None):
        self._site, self._viewer, self._start = site, viewer, start

    def page(self, board: Board, entry: str, shown: Shown) -> Page | None:
        """The page of a record's Gaussians; None where there are none."""
        gaussians = shown.extras.get("gaussians")
        if not isinstance(gaussians, str):
            return None
        if not (self._site / links.VIEWER_SCRIPT).exists():
            self._write_viewer()
        data = (self._site / gaussians).read_bytes()
        # Compressed without a time, so that the same scene gives the same bytes.
        packed = base64.b64encode(gzip.compress(data, mtime=0)).decode()
        (self._site / links.scene_data(gaussians)).write_text(_constant("splatScene", packed), encoding="utf-8")
        pose = self._start(shown.record) if self._start else None
        values = {
            "board": board,
            "entry": entry,
            "record": shown.record,
            "extras": shown.extras,
            "megabytes": len(packed) / 1e6,
            "view": json.dumps(_view(pose)),
            "name": NAME,
            "version": VERSION,
            "licence": LICENCE,
        }
        return Page(links.scene_page(gaussians), "scene.html.j2", values)

    def _write_viewer(self) -> None:
        for path, text in (
            (links.VIEWER_SCRIPT, _constant("splatViewer", self._viewer.script)),
            (links.VIEWER_STYLE, self._viewer.style),
            (links.VIEWER_TERMS, self._viewer.terms),
        ):
            (self._site / path).parent.mkdir(parents=True, exist_ok=True)
            (self._site / path).write_text(text, encoding="utf-8", newline="\n")


def _constant(name: str, text: str) -> str:
    return f"window.{name} = {json.dumps(text)};\n"


def _view(pose: Pose | None) -> dict[str, Any]:
    """What ``static/scene.js`` needs: how the scene is turned (quaternion x y z w) so that y points up, and the camera."""
    if pose is None:
        # As cameras see it: y points down.
        return {"turn": [0, 0, 1, 0]}
    # Only a page of a fitted scene pays for it.
    from scipy.spatial.transform import Rotation

    position, target, up = (np.array(place, dtype=np.float64) for place in (pose.position, pose.target, pose.up))
    up /= np.linalg.norm(up)
    back = position - target
    back -= (back @ up) * up
    if np.linalg.norm(back) < 1e-6 * np.linalg.norm(position - target):
        back = np.cross(up, np.eye(3)[np.argmin(np.abs(up))])
    back /= np.linalg.norm(back)
    turn = np.stack([np.cross(up, back), up, back])
    camera = {name: (turn @ place).round(6).tolist() for name, place in (("position", position), ("target", target))}
    quaternion = Rotation.from_matrix(turn).as_quat(canonical=True).round(8).tolist()
    return {"turn": quaternion, "camera": {**camera, "fov": round(pose.fov, 3)}}
