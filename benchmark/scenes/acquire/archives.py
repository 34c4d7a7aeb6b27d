"""What a dataset's files come in, as its YAML states it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.scenes.places import data_folder
from benchmark.scenes.spec import DatasetSpec


@dataclass(frozen=True)
class Part:
    """A folder (or file) of an archive and where it goes.

    Attributes
    ----------
    source
        Path inside the archive, at its top or in any folder of it.
    target
        Path below the dataset's folder.
    """

    source: str
    target: str


@dataclass(frozen=True)
class Archive:
    """One file to download or to put by hand.

    Attributes
    ----------
    file
        Name in the folder of archives.
    url
        Empty where it must be fetched by hand.
    known_hash
        ``sha256:...`` or ``md5:...`` as published; empty where nobody published one.
    gigabytes
        Size in units of 10**9 bytes, None where unknown.
    """

    file: str
    url: str
    known_hash: str
    gigabytes: float | None
    parts: tuple[Part, ...]

    @property
    def path(self) -> Path:
        """Where it lies, or shall lie."""
        return archives_folder() / self.file


def archives_folder() -> Path:
    """Folder of archives, shared by all datasets."""
    return data_folder() / "archives"


def archives_of(spec: DatasetSpec, scenes: Sequence[str] | None = None) -> list[Archive]:
    """The archives of a dataset; with ``scenes`` only those that hold one of these."""
    found = []
    for entry in spec.source.get("archives", []):
        if scenes is not None and "scenes" in entry and not set(scenes) & set(entry["scenes"]):
            continue
        known = next((f"{kind}:{entry[kind]}" for kind in ("sha256", "md5") if kind in entry), "")
        parts = tuple(Part(part["from"], part["to"]) for part in entry.get("unpack", []))
        found.append(Archive(entry["file"], entry.get("url", ""), known, entry.get("gigabytes"), parts))
    return found
