"""Cells of the second track: which there are, and what decides their numbers. No torch, so that planning is quick."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmark.cells import Cell, cell_key
from benchmark.errors import InputError, nearest
from benchmark.lrf.modes import FREE, IMAGE_BASELINES, MODES, PROBE
from benchmark.protocols.lrf import LatentProtocol
from benchmark.scenes.load import load_scene
from benchmark.scenes.spec import DatasetSpec
from benchmark.store import Store
from vfm_zoo import registry

# Rises when the track's code changes a number that neither protocol nor specs show.
TRACK_VERSION = 1


def expand_autoencoders(patterns: Sequence[str]) -> list[str]:
    """Names of autoencoders and image baselines, wildcards and aliases expanded, order kept, each once.

    Raises
    ------
    InputError
        For a name that nothing matches, with the nearest ones.
    """
    known = [*(entry.name for entry in registry.list_autoencoders()), *IMAGE_BASELINES]
    names: list[str] = []
    for pattern in patterns:
        matches = registry.matching(pattern, known)
        if not matches:
            try:
                matches = [registry.get_autoencoder(pattern).name]
            except registry.UnknownEntry:
                raise InputError(
                    f"autoencoder '{pattern}' is unknown{nearest(pattern, known)}; see `splatbench list autoencoders`"
                ) from None
        names += [name for name in matches if name not in names]
    return names


def choose_modes(asked: Sequence[str] | None) -> list[str]:
    """Modes of autoencoders that are run; None takes the probe that needs no fine-tuning."""
    modes = [PROBE] if asked is None else list(dict.fromkeys(asked))
    for mode in modes:
        if mode not in MODES:
            raise InputError(
                f"mode '{mode}' is unknown to the track 'lrf'{nearest(mode, MODES)}; see `splatbench list modes`"
            )
    return modes


def teachers_of(dataset: DatasetSpec, scene: str) -> list[str]:
    """Scenes that may teach an autoencoder that is judged on ``scene``: all others of the dataset.

    Raises
    ------
    InputError
        If there are none.
    """
    others = sorted(name for name in dataset.scenes if name != scene)
    if not others:
        raise InputError(
            f"dataset '{dataset.name}' has one scene, so none is left to teach an autoencoder that is judged on it; "
            f"run mode {PROBE}, or take a dataset of more scenes"
        )
    return others


def cells_of(
    entries: Sequence[str],
    modes: Sequence[str],
    dataset: DatasetSpec,
    scenes: Sequence[str],
    reconstruction: str,
    seeds: Sequence[int],
    protocol: LatentProtocol,
    store: Store,
    report: Callable[[str], None],
) -> list[tuple[Cell, str]]:
    """Cells and their keys, in the order in which they are best run: scene by scene.

    Parameters
    ----------
    report
        Told which scene is being prepared; a procedural scene is traced the first time.
    """
    digests: dict[str, str] = {}

    def digest_of(scene: str) -> str:
        if scene not in digests:
            report(f"{dataset.name}/{scene}")
            digests[scene] = load_scene(dataset, scene, store.root / "scenes").digest
        return digests[scene]

    cells = []
    for scene in scenes:
        for entry in entries:
            baseline = entry in IMAGE_BASELINES
            for mode in [FREE] if baseline else modes:
                ingredients: dict[str, Any] = {
                    "track_version": TRACK_VERSION,
                    "entry": entry if baseline else registry.get_autoencoder(entry).digest(),
                    "scene": digest_of(scene),
                    "protocol": protocol.values(),
                }
                if not baseline and MODES[mode].learns:
                    ingredients["teachers"] = [digest_of(other) for other in teachers_of(dataset, scene)]
                for seed in seeds:
                    cell = Cell("lrf", entry, dataset.name, scene, mode, reconstruction, protocol.name, seed)
                    cells.append((cell, cell_key(cell, ingredients)))
    return cells
