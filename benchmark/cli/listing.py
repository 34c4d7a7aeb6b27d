"""`splatbench list` and `splatbench show`: what there is, without importing torch."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

import typer
import yaml

from benchmark.cli.output import JsonOption, console, print_json, print_table
from benchmark.cli.zoo import EntryFileOption
from benchmark.errors import InputError, nearest
from benchmark.feat2gs.modes import BASELINES, MODES
from benchmark.lrf.modes import IMAGE_BASELINES
from benchmark.lrf.modes import MODES as LATENT_MODES
from benchmark.metrics.table import METRICS
from benchmark.protocols import LATENT_PROTOCOLS, PROTOCOLS
from benchmark.scenes.spec import list_datasets
from benchmark.studies import STUDIES
from vfm_zoo import registry


class Kind(enum.StrEnum):
    """What can be listed."""

    entries = "entries"
    autoencoders = "autoencoders"
    datasets = "datasets"
    protocols = "protocols"
    metrics = "metrics"
    modes = "modes"
    studies = "studies"


def list_things(
    kind: Annotated[Kind, typer.Argument(help="What to list.")] = Kind.entries,
    json: JsonOption = False,
    entry_file: EntryFileOption = None,
) -> None:
    """List entries, autoencoders, datasets, protocols, metrics or modes.

    Example: `splatbench list datasets --json`
    """
    title, columns, rows = _LISTINGS[kind]()
    if json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(title, columns, rows)


def show(
    name: Annotated[str, typer.Argument(help="An entry, baseline, dataset, protocol or metric.")],
    json: JsonOption = False,
    entry_file: EntryFileOption = None,
) -> None:
    """Show all that is known of one name.

    Example: `splatbench show efficientnet_lite0`
    """
    values = describe(name)
    if json:
        print_json(values)
    else:
        text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)
        console.print(text, markup=False, highlight=False)


def describe(name: str) -> dict[str, Any]:
    """Plain values behind a name, whatever kind of thing it is; an unknown one answers with the nearest."""
    entries = {entry.name: entry for entry in registry.list_entries()}
    entries |= {alias: entry for entry in entries.values() for alias in entry.aliases if alias not in entries}
    if name in entries:
        return {"kind of thing": "entry", **plain(asdict(entries[name])), "digest": entries[name].digest()}
    autoencoders = {entry.name: entry for entry in registry.list_autoencoders()}
    if name in autoencoders:
        return {
            "kind of thing": "autoencoder",
            **plain(asdict(autoencoders[name])),
            "digest": autoencoders[name].digest(),
        }
    baselines = {name: baseline.title for name, baseline in (BASELINES | IMAGE_BASELINES).items()}
    if name in baselines:
        return {"kind of thing": "baseline", "name": name, "title": baselines[name]}
    datasets = {spec.name: spec for spec in list_datasets()}
    if name in datasets:
        return {"kind of thing": "dataset", **plain(asdict(datasets[name]))}
    if name in PROTOCOLS or name in LATENT_PROTOCOLS:
        return {"kind of thing": "protocol", **protocol_card(name)}
    if name in METRICS:
        return {"kind of thing": "metric", **plain(asdict(METRICS[name]))}
    known = [*entries, *autoencoders, *baselines, *datasets, *PROTOCOLS, *LATENT_PROTOCOLS, *METRICS]
    raise InputError(f"'{name}' is no entry, baseline, dataset, protocol or metric{nearest(name, known)}")


def protocol_card(name: str) -> dict[str, Any]:
    """Values of the protocols of this name; where both tracks have one, the second's stand under ``lrf``."""
    latent = plain(asdict(LATENT_PROTOCOLS[name])) if name in LATENT_PROTOCOLS else {}
    if name not in PROTOCOLS:
        return latent
    return plain(asdict(PROTOCOLS[name])) | ({"lrf": latent} if latent else {})


def plain(values: Any) -> Any:
    """Tuples and mappings as lists and dicts, so that YAML and JSON print them plainly."""
    if isinstance(values, dict):
        return {str(key): plain(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [plain(value) for value in values]
    return values if values is None or isinstance(values, bool | int | float | str) else str(values)


Listing = tuple[str, list[str], list[list[str | int | None]]]


def _entries() -> Listing:
    rows: list[list[str | int | None]] = [
        [entry.name, entry.kind, entry.title, entry.channels, entry.licence.spdx] for entry in registry.list_entries()
    ]
    rows += [[name, "baseline", baseline.title, None, None] for name, baseline in BASELINES.items()]
    rows += [[name, "baseline (lrf)", baseline.title, None, None] for name, baseline in IMAGE_BASELINES.items()]
    rows += [[broken.plugin, "broken", broken.reason, None, None] for broken in registry.broken_plugins()]
    return "Entries", ["name", "kind", "title", "channels", "licence"], rows


def _autoencoders() -> Listing:
    rows: list[list[str | int | None]] = [
        [entry.name, entry.title, entry.channels, entry.downscale, entry.licence.spdx]
        for entry in registry.list_autoencoders()
    ]
    return "Autoencoders", ["name", "title", "channels", "downscale", "licence"], rows


def _datasets() -> Listing:
    rows: list[list[str | int | None]] = [
        [spec.name, spec.title, spec.task, len(spec.scenes), spec.licence.spdx] for spec in list_datasets()
    ]
    return "Datasets", ["name", "title", "task", "scenes", "licence"], rows


def _protocols() -> Listing:
    rows: list[list[str | int | None]] = [
        [p.name, p.version, p.images.long_side, f"{p.warm_start.steps} + {p.joint.steps}", p.description]
        for p in PROTOCOLS.values()
    ]
    rows += [
        [f"{p.name} (lrf)", p.version, p.images.long_side, str(p.fit.steps), p.description]
        for p in LATENT_PROTOCOLS.values()
    ]
    return "Protocols", ["name", "version", "long side", "steps", "description"], rows


def _metrics() -> Listing:
    rows: list[list[str | int | None]] = [
        [m.name, m.title, m.better, m.unit, m.decimals, m.note] for m in METRICS.values()
    ]
    return "Metrics", ["name", "title", "better", "unit", "decimals", "note"], rows


def _modes() -> Listing:
    rows: list[list[str | int | None]] = [
        ["feat2gs", name, f"reads out {', '.join(mode.read) or 'nothing (baselines)'}"] for name, mode in MODES.items()
    ]
    rows += [["lrf", name, mode.title] for name, mode in LATENT_MODES.items()]
    return "Modes", ["track", "name", "what it does"], rows


def _studies() -> Listing:
    rows: list[list[str | int | None]] = [[study.name, study.description] for study in STUDIES.values()]
    return "Studies", ["name", "what it shows"], rows


_LISTINGS: dict[Kind, Callable[[], Listing]] = {
    Kind.entries: _entries,
    Kind.autoencoders: _autoencoders,
    Kind.datasets: _datasets,
    Kind.protocols: _protocols,
    Kind.metrics: _metrics,
    Kind.modes: _modes,
    Kind.studies: _studies,
}
