"""Rooms traced by ourselves: exact cameras, exact depth, written once into the store in the plain layout."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from benchmark.cells import digest
from benchmark.errors import InputError, nearest
from benchmark.scenes.cameras_json import read_views, write_folder
from benchmark.scenes.generated import write_once
from benchmark.scenes.scene import View
from benchmark.scenes.spec import DatasetSpec

# Rises when the same options give other pixels.
VERSION = 2


@dataclass(frozen=True)
class Studio:
    """Options of a room in the dataset's YAML; metres and degrees, z is up, cameras look towards +y.

    Attributes
    ----------
    room
        One of `studio.rooms.ROOMS`.
    objects
        How many of the room's loose things are drawn by lot.
    views, size, field_of_view, target, distance, arc, height, rise, roll
        See `studio.cameras.arc_cameras`.
    lamp, lamp_size, warmth
        Middle and side of the square lamp, and its colour.
    """

    room: str
    seed: int
    objects: int
    views: int
    size: tuple[int, int]
    field_of_view: float
    target: tuple[float, float, float]
    distance: float
    arc: float
    height: float
    rise: float
    roll: float
    lamp: tuple[float, float, float]
    lamp_size: float
    warmth: tuple[float, float, float]


def load(spec: DatasetSpec, scene_name: str, store_folder: Path) -> tuple[View, ...]:
    """The views of a room, traced into ``store_folder`` the first time."""
    options = spec.scenes[scene_name].options
    studio = _studio(options, f"dataset '{spec.name}', scene '{scene_name}'")
    key = digest({"layout": "synthetic", "version": VERSION, "options": options})
    folder = write_once(store_folder / f"{spec.name}-{scene_name}-{key[:16]}", lambda partial: _write(partial, studio))
    return read_views(folder)


def view_name(index: int) -> str:
    """Id of the view at a place along the arc."""
    return f"{index:02d}.png"


def _studio(options: Mapping[str, Any], where: str) -> Studio:
    from benchmark.scenes.studio.rooms import ROOMS

    try:
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
        studio = Studio(**values)
    except TypeError as error:
        raise InputError(f"{where}: options: {str(error).replace('Studio.__init__() ', '')}; correct them") from None
    _check_types(studio, where)
    if studio.room not in ROOMS:
        raise InputError(f"{where}: room '{studio.room}' is unknown{nearest(str(studio.room), ROOMS)}")
    if not 2 <= studio.views <= 99 or not all(8 <= side <= 4096 for side in studio.size):
        raise InputError(f"{where}: 2 to 99 views of 8 to 4096 pixels a side can be traced; correct the options")
    return studio


def _check_types(studio: Studio, where: str) -> None:
    for option in fields(Studio):
        value, kind = getattr(studio, option.name), str(option.type)
        if kind == "str":
            fits, wanted = isinstance(value, str), "a word"
        elif kind == "int":
            fits, wanted = type(value) is int, "a whole number"
        elif kind == "float":
            fits, wanted = _is_number(value), "a number"
        else:
            count = kind.count(",") + 1
            fits = isinstance(value, tuple) and len(value) == count and all(_is_number(part) for part in value)
            wanted = f"{count} numbers"
        if not fits:
            raise InputError(f"{where}: options: {option.name} must be {wanted}, got {value!r:.60}; correct it")


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def _write(folder: Path, studio: Studio) -> None:
    from benchmark.scenes.studio.building import Builder
    from benchmark.scenes.studio.cameras import arc_cameras
    from benchmark.scenes.studio.neighbours import find_neighbours
    from benchmark.scenes.studio.rooms import ROOMS
    from benchmark.scenes.studio.solids import table
    from benchmark.scenes.studio.textures import texture_pyramids
    from benchmark.scenes.studio.tracing import AMBIENT_REACH, GRID, Light, trace

    builder = Builder(studio.seed)
    cameras = arc_cameras(
        builder.dice, studio.views, studio.size, studio.field_of_view, studio.target, studio.distance, studio.arc,
        studio.height, studio.rise, studio.roll,
    )  # fmt: skip
    ROOMS[studio.room](builder, studio.objects)
    solids, pyramids = table(builder.solids), texture_pyramids()
    light = Light(_lamp_points(studio, GRID), _sky_directions(GRID), np.array(studio.warmth))
    neighbours = find_neighbours(solids, *builder.bounds, light.lamp, AMBIENT_REACH)
    # The kernel releases the interpreter's lock; a view does not depend on the others, so threads change nothing.
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        traced = list(pool.map(lambda camera: trace(camera, solids, neighbours, pyramids, light), cameras))
    names = [view_name(index) for index in range(studio.views)]
    write_folder(
        folder,
        images={name: image for name, (image, _) in zip(names, traced, strict=True)},
        cameras=dict(zip(names, cameras, strict=True)),
        depths={name: depth for name, (_, depth) in zip(names, traced, strict=True)},
    )


def _lamp_points(studio: Studio, grid: int) -> Float[np.ndarray, "sample 3"]:
    """Middles of the cells of the square lamp."""
    steps = [(index + 0.5) / grid - 0.5 for index in range(grid)]
    x, y, z = studio.lamp
    # Shuffled against the rays' order in the pixel (5 has no divisor in common with a grid of 3), so that a shadow's
    # border does not line up with the pixels.
    points = [(x + studio.lamp_size * u, y + studio.lamp_size * v, z) for v in steps for u in steps]
    return np.array([points[(5 * index) % len(points)] for index in range(len(points))])


def _sky_directions(grid: int) -> Float[np.ndarray, "sample 3"]:
    """Cosine-distributed directions about +z: a spiral of equal shares."""
    count = grid * grid
    directions = []
    for index in range(count):
        share, angle = (index + 0.5) / count, index * math.pi * (3.0 - math.sqrt(5.0))
        radius = math.sqrt(share)
        directions.append((radius * math.cos(angle), radius * math.sin(angle), math.sqrt(1.0 - share)))
    return np.round(np.array(directions), 9)
