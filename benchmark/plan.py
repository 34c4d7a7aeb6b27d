"""From what was asked for to the cells that answer it. No torch, so that planning is quick."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.cells import Cell, cell_key
from benchmark.entries import entries_of, expand_entries
from benchmark.errors import InputError, nearest
from benchmark.feat2gs.modes import BASELINES, PROBING_MODES, VARIANT_MODES
from benchmark.lrf.cells import cells_of, choose_modes, expand_autoencoders
from benchmark.lrf.modes import IMAGE_BASELINES
from benchmark.protocols import LatentProtocol, Protocol, Track, get_protocol
from benchmark.reconstruction.methods import check_method, check_scene
from benchmark.scenes.load import load_scene
from benchmark.scenes.spec import DatasetSpec, dataset_from_folder, get_dataset
from benchmark.store import Store

# Seeds are below this.
MOST_SEEDS = 10_000

# Rises when the track's code changes a number that neither protocol nor specs show.
TRACK_VERSION = 3


@dataclass(frozen=True)
class Selection:
    """What a user asks for; None takes all that makes sense.

    Attributes
    ----------
    entries
        Names or wildcards of registry entries and baselines.
    dataset
        Name of a dataset, or a folder with ``images/`` and ``cameras.json``.
    seeds
        Repetitions; None takes the protocol's.
    """

    entries: Sequence[str]
    dataset: str
    scenes: Sequence[str] | None = None
    modes: Sequence[str] | None = None
    protocol: str = "lite"
    reconstruction: str = "known"
    seeds: Sequence[int] | None = None
    track: Track = "feat2gs"


@dataclass(frozen=True)
class Task:
    """A cell and all that a worker process needs to run it; plain values, so it can be sent."""

    cell: Cell
    key: str
    dataset: DatasetSpec
    protocol: Protocol | LatentProtocol


def plan(selection: Selection, store: Store, report: Callable[[str], None] = lambda text: None) -> list[Task]:
    """Cells of a selection, in the order in which they are best run; unknown names raise `InputError`.

    Parameters
    ----------
    report
        Told which scene is being prepared; a procedural scene is traced the first time.
    """
    if selection.track == "lrf":
        return _latent_tasks(selection, store, report)
    protocol = get_protocol(selection.protocol)
    check_method(selection.reconstruction)
    dataset = _dataset(selection.dataset)
    scenes = _choose(selection.scenes, list(dataset.scenes), f"scene of dataset '{dataset.name}'")
    entries = expand_entries(selection.entries, list(BASELINES), protocol.concatenate.ordered)
    modes = list(PROBING_MODES)
    if selection.modes is not None:
        modes = _choose(selection.modes, [*PROBING_MODES, *VARIANT_MODES], "mode")
    seeds = selection.seeds if selection.seeds is not None else range(protocol.seeds)
    tasks = []
    for scene_name in scenes:
        report(f"{dataset.name}/{scene_name}")
        scene = load_scene(dataset, scene_name, store.root / "scenes")
        check_scene(selection.reconstruction, scene)
        for entry in entries:
            is_baseline = entry in BASELINES
            ingredients = {
                "track_version": TRACK_VERSION,
                "entry": entry if is_baseline else [chosen.digest() for chosen in entries_of(entry, protocol)],
                "scene": scene.digest,
                "protocol": protocol.values(selection.reconstruction),
            }
            for mode in ["free"] if is_baseline else modes:
                for seed in seeds:
                    cell = Cell(
                        track="feat2gs",
                        entry=entry,
                        dataset=dataset.name,
                        scene=scene_name,
                        mode=mode,
                        reconstruction=selection.reconstruction,
                        protocol=protocol.name,
                        seed=seed,
                    )
                    tasks.append(Task(cell, cell_key(cell, ingredients), dataset, protocol))
    return tasks


def cells_asked(selection: Selection) -> int:
    """How many cells a selection has, from names and descriptions alone: no file of the dataset need be there."""
    dataset = _dataset(selection.dataset)
    scenes = _choose(selection.scenes, list(dataset.scenes), f"scene of dataset '{dataset.name}'")
    if selection.track == "lrf":
        seeds = get_protocol(selection.protocol, "lrf").seeds
        entries, baselines = expand_autoencoders(selection.entries), frozenset(IMAGE_BASELINES)
        modes = len(choose_modes(selection.modes))
    else:
        protocol = get_protocol(selection.protocol)
        seeds = protocol.seeds
        entries = expand_entries(selection.entries, list(BASELINES), protocol.concatenate.ordered)
        baselines = frozenset(BASELINES)
        modes = len(PROBING_MODES if selection.modes is None else dict.fromkeys(selection.modes))
    repetitions = seeds if selection.seeds is None else len(selection.seeds)
    return len(scenes) * repetitions * sum(1 if entry in baselines else modes for entry in entries)


def _latent_tasks(selection: Selection, store: Store, report: Callable[[str], None]) -> list[Task]:
    """Cells of the second track."""
    protocol = get_protocol(selection.protocol, "lrf")
    dataset = _dataset(selection.dataset)
    cells = cells_of(
        expand_autoencoders(selection.entries),
        choose_modes(selection.modes),
        dataset,
        _choose(selection.scenes, list(dataset.scenes), f"scene of dataset '{dataset.name}'"),
        selection.reconstruction,
        list(selection.seeds if selection.seeds is not None else range(protocol.seeds)),
        protocol,
        store,
        report,
    )
    return [Task(cell, key, dataset, protocol) for cell, key in cells]


def _dataset(name: str) -> DatasetSpec:
    # A path is one only if it looks like one: a dataset's name never names a folder that happens to lie here.
    if "/" in name or name.startswith("."):
        return dataset_from_folder(Path(name))
    return get_dataset(name)


def _choose(asked: Sequence[str] | None, known: list[str], what: str) -> list[str]:
    if asked is None:
        return known
    for name in asked:
        if name not in known:
            raise InputError(f"{what} '{name}' is unknown{nearest(name, known)}")
    return list(dict.fromkeys(asked))


def parse_seeds(text: str) -> list[int]:
    """Read ``3`` (the first three), ``0..2`` (from, to) or ``0,2`` (these); `InputError` otherwise."""
    try:
        if ".." in text:
            first, last = (int(part) for part in text.split(".."))
            seeds = list(range(first, min(last, MOST_SEEDS) + 1))
        elif "," in text:
            seeds = [int(part) for part in text.split(",")]
        else:
            seeds = list(range(min(int(text), MOST_SEEDS + 1)))
    except ValueError:
        seeds = []
    if not seeds or min(seeds) < 0 or max(seeds) >= MOST_SEEDS:
        raise InputError(
            f"seeds '{text:.40}': expected how many (3), a range (0..2) or a list (0,2), each below {MOST_SEEDS}"
        )
    return seeds
