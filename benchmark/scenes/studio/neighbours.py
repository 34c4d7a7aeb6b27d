"""Which solids can darken a place: lists for the cells of a grid over the room, so that few rays meet many solids."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from benchmark.scenes.studio.solids import AXES, CENTER, EXTENT, GLOW

CELL = 0.3  # metres


class Neighbours(NamedTuple):
    """For cell c, the solids ``items[starts[c]:starts[c + 1]]``, towards the lamp and within reach."""

    origin: np.ndarray
    counts: np.ndarray
    lamp_starts: np.ndarray
    lamp_items: np.ndarray
    near_starts: np.ndarray
    near_items: np.ndarray


def find_neighbours(
    solids: Float[np.ndarray, "solid column"],
    low: Float[np.ndarray, "3"],
    high: Float[np.ndarray, "3"],
    lamp: Float[np.ndarray, "sample 3"],
    reach: float,
) -> Neighbours:
    """Lists that hold every solid that may lie between a cell and the lamp, or within ``reach`` of the cell.

    They may hold too many and never too few, so a picture does not depend on them. Solids that glow darken nothing.

    Parameters
    ----------
    low, high
        Corners of the box that is divided; points outside of it belong to its border cells and must not occur.
    """
    counts = np.ceil((high - low) / CELL).astype(np.int64)
    steps = [low[axis] + (np.arange(counts[axis]) + 0.5) * CELL for axis in range(3)]
    cells = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    cell_radius = CELL * np.sqrt(3.0) / 2 + 1e-3
    lamp_center = lamp.mean(axis=0)
    lamp_radius = float(np.sqrt(((lamp - lamp_center) ** 2).sum(axis=1)).max()) + 1e-3

    near = np.zeros((len(cells), len(solids)), dtype=bool)
    towards = np.zeros_like(near)
    for solid in np.flatnonzero(solids[:, GLOW] == 0.0):
        row = solids[solid]
        axes, center, half = row[AXES : AXES + 9].reshape(3, 3), row[CENTER : CENTER + 3], row[EXTENT : EXTENT + 3]
        local = (cells - center) @ axes.T
        outside = np.maximum(np.abs(local) - half, 0.0)
        near[:, solid] = (outside**2).sum(axis=1) <= (reach + cell_radius) ** 2
        # All segments from the cell to the lamp stay within this much of the one between their middles.
        margin = max(cell_radius, lamp_radius)
        towards[:, solid] = _segments_meet_box(local, axes @ (lamp_center - center), half + margin)
    return Neighbours(low, counts, *_lists(towards), *_lists(near))


def _segments_meet_box(
    starts: Float[np.ndarray, "segment 3"], end: Float[np.ndarray, "3"], half: Float[np.ndarray, "3"]
) -> Bool[np.ndarray, "segment"]:
    direction = end - starts
    direction = np.where(np.abs(direction) < 1e-9, 1e-9, direction)
    first, second = (-half - starts) / direction, (half - starts) / direction
    enter = np.minimum(first, second).max(axis=1)
    leave = np.maximum(first, second).min(axis=1)
    return (enter <= leave) & (enter <= 1.0) & (leave >= 0.0)


def _lists(table: Bool[np.ndarray, "cell solid"]) -> tuple[np.ndarray, np.ndarray]:
    starts = np.concatenate([[0], np.cumsum(table.sum(axis=1))]).astype(np.int64)
    return starts, np.nonzero(table)[1].astype(np.int64)
