"""Digests that a user vouches for, where no public source states the SHA-256 of a file.

They stand in the file ``SHA256SUMS`` of the folder that the environment's ``SPLATBENCH_WEIGHTS`` names, in the format
of ``sha256sum``, each for a path as `wanted_path` gives it. No torch.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TypeVar

from vfm_zoo.entry import SHA256, Model, Weights

AnyModel = TypeVar("AnyModel", bound=Model)

FOLDER = "SPLATBENCH_WEIGHTS"
PINS = "SHA256SUMS"

# The note of weights whose digest an entry leaves open.
UNSTATED = "no public source with the SHA-256 of this file was found when the entry was written; pin it after comparing"


def unpinned(repository: str) -> Weights:
    """A repository's ``model.safetensors`` on the hub, whose digest the user has to vouch for."""
    return Weights(source="hub", id=repository, file="model.safetensors", note=UNSTATED)


def weights_folder() -> Path | None:
    """The folder of weights, or None where none is named."""
    return Path(os.environ[FOLDER]) if os.environ.get(FOLDER) else None


def wanted_path(weights: Weights, file: str) -> PurePosixPath:
    """Where a file is looked for in the folder of weights: under the name of its repository, if it is from one."""
    return PurePosixPath(weights.id.rpartition("/")[2]) / file if weights.source == "hub" else PurePosixPath(file)


def pinned(entry: AnyModel) -> AnyModel:
    """The entry with the user's digests where its own are not known; a known one is never replaced."""
    folder = weights_folder()
    if entry.weights is None or entry.weights.digest is not None or folder is None:
        return entry
    pins = _pins(folder / PINS, _stamp(folder / PINS))
    files = [(name, sha256 or pins.get(str(wanted_path(entry.weights, name)))) for name, sha256 in entry.weights.files]
    (_, first), *more = files
    return replace(entry, weights=replace(entry.weights, sha256=first, more=tuple(more)))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


@cache
def _pins(path: Path, stamp: tuple[int, int] | None) -> dict[str, str]:
    """Digest by path; a line of another form is passed over."""
    if stamp is None:
        return {}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    pairs = [line.split(maxsplit=1) for line in lines]
    return {
        pair[1].removeprefix("*").strip(): pair[0].lower()
        for pair in pairs
        if len(pair) == 2 and SHA256.fullmatch(pair[0].lower())
    }
