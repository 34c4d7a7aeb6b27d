"""`get`: what may be downloaded is, and for the rest the steps are told and the result is used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import InputError
from benchmark.scenes.acquire.archives import Archive, archives_folder, archives_of
from benchmark.scenes.acquire.check import is_unpacked, record
from benchmark.scenes.acquire.download import download, free_space
from benchmark.scenes.acquire.unpack import unpack
from benchmark.scenes.spec import DatasetSpec


@dataclass(frozen=True)
class Obtained:
    """What `get` did.

    Attributes
    ----------
    unpacked
        How many files each archive brought.
    steps
        What is left to do by hand; empty if nothing.
    """

    unpacked: dict[str, int]
    steps: tuple[str, ...]


def get(
    spec: DatasetSpec, scenes: Sequence[str] | None = None, report: Callable[[str], None] = lambda text: None
) -> Obtained:
    """Download and unpack a dataset, or use the archives that were put by hand.

    Archives whose files are recorded and there are not fetched again, so a second call does what is missing.

    Parameters
    ----------
    spec
        The dataset itself, not one of its splits.
    scenes
        Only what these need; None takes all.

    Raises
    ------
    InputError
        If the disk is too small, a download fails, or an archive is not what it should be.
    """
    wanted = archives_of(spec, scenes)
    needed = [archive for archive in wanted if not is_unpacked(spec, archive)]
    fetched = [archive for archive in needed if archive.url]
    by_hand = [archive for archive in needed if not archive.url and archive.path.is_file()]
    missing = [archive for archive in needed if not archive.url and not archive.path.is_file()]
    _check_space(fetched)
    if fetched:
        report(f"Downloading {', '.join(archive.file for archive in fetched)} ...")
        download(fetched)
    unpacked = {}
    for archive in fetched + by_hand:
        report(f"Unpacking {archive.file} ...")
        unpacked[archive.file] = _unpack(spec, archive)
    # Without archives the files themselves are put there by hand.
    is_manual = spec.source["kind"] == "manual" and (missing or not wanted)
    return Obtained(unpacked, steps_of(spec) if is_manual else ())


def steps_of(spec: DatasetSpec) -> tuple[str, ...]:
    """What to do by hand, with the folders of this machine."""
    places = {"{archives}": str(archives_folder()), "{folder}": spec.source["folder"]}
    steps = []
    for step in spec.source.get("steps", []):
        for mark, place in places.items():
            step = step.replace(mark, place)
        steps.append(step)
    return tuple(steps)


def _unpack(spec: DatasetSpec, archive: Archive) -> int:
    if archive.known_hash and not archive.url:
        import pooch

        if not pooch.hashes.hash_matches(str(archive.path), archive.known_hash):
            raise InputError(f"{archive.path}: its hash is not the published one; delete it and get it anew")
    unpacked = unpack(archive.path, Path(spec.source["folder"]), archive.parts)
    record(spec.name, unpacked)
    return len(unpacked.files)


def _check_space(archives: Sequence[Archive]) -> None:
    needed = sum(archive.gigabytes or 0.0 for archive in archives if not archive.path.is_file())
    free = free_space(archives_folder()) / 1e9
    if needed > free:
        raise InputError(
            f"{archives_folder()}: {needed:.1f} GB are to be downloaded, {free:.1f} GB are free; set SPLATBENCH_DATA "
            "to a larger disk, or name --scene"
        )
