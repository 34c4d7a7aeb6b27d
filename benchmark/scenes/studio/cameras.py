"""Where a room is seen from: views along an arc that rises and falls, all turned to one point."""

from __future__ import annotations

import math

import numpy as np

from benchmark.cameras import Camera
from benchmark.scenes.studio.building import Dice


def arc_cameras(
    dice: Dice,
    count: int,
    size: tuple[int, int],
    field_of_view: float,
    target: tuple[float, float, float],
    distance: float,
    arc: float,
    height: float,
    rise: float,
    roll: float,
) -> list[Camera]:
    """``count`` cameras from one end of the arc to the other; metres and degrees.

    Parameters
    ----------
    field_of_view
        Across the width.
    arc
        Angle about ``target`` between the first and the last camera.
    height, rise
        The cameras are at ``height``, and swing by ``rise`` above and below it on their way.
    roll
        Largest tilt about the line of sight.
    """
    width, height_pixels = size
    focal = round(width / 2 / math.tan(math.radians(field_of_view / 2)), 3)
    # Off the centre by a few pixels, as in real lenses.
    intrinsics = np.array(
        [
            [focal, 0.0, width / 2 + dice.uniform(-4, 4)],
            [0.0, focal, height_pixels / 2 + dice.uniform(-4, 4)],
            [0.0, 0.0, 1.0],
        ]
    )
    cameras = []
    for index in range(count):
        share = index / (count - 1) + (dice.uniform(-0.25, 0.25) / count if 0 < index < count - 1 else 0.0)
        angle = math.radians((share - 0.5) * arc)
        away = distance * dice.uniform(0.95, 1.05)
        eye = (
            target[0] + away * math.sin(angle),
            target[1] - away * math.cos(angle),
            height + rise * math.sin(2.2 * math.pi * share) + dice.uniform(-0.1, 0.1) * rise,
        )
        towards = tuple(value + dice.uniform(-0.06, 0.06) for value in target)
        cameras.append(
            Camera(_look_at(eye, towards, dice.uniform(-roll, roll)), intrinsics.copy(), width, height_pixels)
        )
    return cameras


def _look_at(eye, target, roll: float) -> np.ndarray:
    """World-to-camera for a camera at ``eye`` whose axis goes through ``target``; the world's up is +z.

    Element by element and from rounded numbers, so that every machine gets the same bits.
    """
    eye, target = np.round(eye, 6), np.round(target, 6)
    forward = _unit(target - eye)
    right = _unit(np.cross(forward, [0.0, 0.0, 1.0]))
    down = np.cross(forward, right)
    cosine, sine = round(math.cos(math.radians(roll)), 12), round(math.sin(math.radians(roll)), 12)
    rotation = np.stack([cosine * right + sine * down, cosine * down - sine * right, forward])
    # Rounding the angle left the rows a little off unit length.
    rotation = np.stack([_unit(row) for row in rotation])
    world_to_camera = np.eye(4)
    world_to_camera[:3, :3] = rotation
    world_to_camera[:3, 3] = -(rotation * eye).sum(axis=1)
    return world_to_camera


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.sqrt((vector * vector).sum())
