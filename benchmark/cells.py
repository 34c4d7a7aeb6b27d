"""What a run is: its identity, its key and its seed. No torch: a million cells are planned in a minute."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from benchmark.errors import InputError

# Rises when the meaning of a key changes; old artifacts are then made anew.
KEY_SCHEMA = 1

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}")


@dataclass(frozen=True, order=True)
class Cell:
    """One number of the matrix.

    Attributes
    ----------
    track
        ``feat2gs`` or ``lrf``.
    entry
        Registry name of what is probed, or of a baseline.
    mode
        What the features must explain: ``geometry``, ``texture``, ``all``; ``free`` for baselines without a readout.
    reconstruction
        Name of the method that gave cameras and points.
    seed
        Repetition, from 0.
    """

    track: str
    entry: str
    dataset: str
    scene: str
    mode: str
    reconstruction: str
    protocol: str
    seed: int

    def __post_init__(self) -> None:
        for part in fields(self):
            value = getattr(self, part.name)
            if part.name == "seed":
                if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10_000:
                    raise InputError(f"cell: seed must be a whole number from 0 to 9999, got {value!r}")
            elif not isinstance(value, str) or not NAME.fullmatch(value):
                raise InputError(
                    f"cell: {part.name} must be 1 to 100 letters, digits, '_', '.', '+' or '-', got {value!r:.120}"
                )

    @property
    def label(self) -> str:
        """The identity on one line, for logs and tables."""
        return f"{self.entry} {self.dataset}/{self.scene} {self.mode} {self.protocol} seed {self.seed}"


def digest(values: Any) -> str:
    """SHA-256, in hex, of the canonical JSON of plain values; ``ValueError`` for NaN and infinity."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def cell_key(cell: Cell, ingredients: Mapping[str, Any]) -> str:
    """Digest of what decides the number: the cell, and the specs, weights, images and values behind its names.

    Parameters
    ----------
    ingredients
        Plain values: the entry's digest, the scene's digest, the protocol's values ... Never a path or a date.
    """
    return digest({"schema": KEY_SCHEMA, "cell": asdict(cell), **ingredients})


def seed_of(cell: Cell) -> int:
    """Seed of every random draw of the cell, in [0, 2**32).

    Derived from protocol, dataset, scene and repetition and *not* from the entry: all entries start from the same
    readout weights and see the views in the same order, so paired differences carry less noise.
    """
    parts = [cell.protocol, cell.dataset, cell.scene, cell.seed]
    return int(digest(parts)[:8], 16)
