"""Contact sheet: one page that shows which photographs were chosen, and their cameras in 3-D. It needs no network."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmark.scenes.images import read_image
from benchmark.scenes.own.choose import Choice
from benchmark.scenes.own.motion import Solved
from benchmark.scenes.sizes import working_size

THUMBNAIL = 240
MOST_POINTS = 4000


def write_sheet(target: Path, name: str, photographs: dict[str, Path], solved: Solved, choice: Choice) -> None:
    """Write the page.

    Parameters
    ----------
    photographs
        Files by name, those left out too.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    views = [_view(index, solved, choice, photographs) for index in range(len(solved.names))]
    page = environment.get_template("sheet.html").render(
        name=name,
        views=views,
        left_out=[{"name": left, "thumbnail": _thumbnail(photographs[left])} for left in solved.left_out],
        counts={role: sum(view["role"] == role for view in views) for role in ("train", "test", "unused")},
        error=solved.error,
        points=len(solved.points),
        scene=_scene(solved, views),
    )
    target.write_text(page, encoding="utf-8")


def _view(index: int, solved: Solved, choice: Choice, photographs: dict[str, Path]) -> dict[str, Any]:
    role = "train" if index in choice.train else "test" if index in choice.test else "unused"
    return {
        "name": solved.names[index],
        "role": role,
        "thumbnail": _thumbnail(photographs[solved.names[index]]),
        "points": int(solved.seen[index].sum()),
        "coverage": round(100 * float(choice.coverage[index])),
    }


def _thumbnail(path: Path) -> str:
    image = Image.fromarray(read_image(path))
    image = image.resize(working_size(*image.size, THUMBNAIL), Image.Resampling.LANCZOS)
    stream = BytesIO()
    image.save(stream, "JPEG", quality=80)
    return base64.b64encode(stream.getvalue()).decode()


def _scene(solved: Solved, views: list[dict[str, Any]]) -> dict[str, Any]:
    """Cameras and points in a frame that is good to look at: middle of the cameras' view at 0, up is up."""
    poses = solved.camera_to_world
    centers = poses[:, :3, 3]
    visible = np.vstack([centers, solved.points[_without_outliers(solved.points)]])
    turn = _frame(-poses[:, :3, 1].mean(axis=0), centers.mean(axis=0) - np.median(visible, axis=0))
    turned = visible @ turn.T
    middle = (turned.min(axis=0) + turned.max(axis=0)) / 2
    scale = 1.0 / max(float(np.linalg.norm(turned - middle, axis=1).max()), 1e-12)
    kept = np.flatnonzero(_without_outliers(solved.points))
    kept = kept[:: max(1, -(-len(kept) // MOST_POINTS))]
    return {
        "points": np.round((solved.points[kept] @ turn.T - middle) * scale, 4).tolist(),
        "colors": solved.colors[kept].tolist(),
        "cameras": [
            {"name": view["name"], "role": view["role"], "corners": np.round((corners - middle) * scale, 4).tolist()}
            for view, corners in zip(
                views, (_frustum(pose, solved, i, 0.12 / scale) @ turn.T for i, pose in enumerate(poses)), strict=True
            )
        ],
    }


def _without_outliers(points: np.ndarray) -> np.ndarray:
    """True for points within four times the median distance from the middle."""
    if not len(points):
        return np.zeros(0, bool)
    distance = np.linalg.norm(points - np.median(points, axis=0), axis=1)
    return distance <= 4 * max(float(np.median(distance)), 1e-12)


def _frame(up: np.ndarray, back: np.ndarray) -> np.ndarray:
    """Rows: right, up, towards the viewer."""
    up = up / max(float(np.linalg.norm(up)), 1e-12)
    back = back - up * (back @ up)
    if np.linalg.norm(back) < 1e-9:
        back = np.cross(up, [1.0, 0.0, 0.0] if abs(up[0]) < 0.9 else [0.0, 1.0, 0.0])
    back = back / np.linalg.norm(back)
    return np.stack([np.cross(up, back), up, back])


def _frustum(pose: np.ndarray, solved: Solved, index: int, depth: float) -> np.ndarray:
    """Centre and the four corners of the image plane at ``depth``, in the world."""
    aspect, focal = float(solved.aspect[index]), float(solved.focal[index])
    width, height = (1.0, 1.0 / aspect) if aspect >= 1 else (aspect, 1.0)
    x, y = width / 2 / focal * depth, height / 2 / focal * depth
    corners = np.array([[0, 0, 0], [-x, -y, depth], [x, -y, depth], [x, y, depth], [-x, y, depth]])
    return corners @ pose[:3, :3].T + pose[:3, 3]
