"""What is printed when a run has ended: the results, and what failed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import mean, stdev

from benchmark.cli.output import console, print_table
from benchmark.errors import SplatbenchError
from benchmark.executors.events import Finished
from benchmark.metrics.table import LENGTH
from benchmark.plan import Task
from benchmark.records import METRICS, Record
from benchmark.store import Store


def print_results(tasks: Sequence[Task], store: Store) -> None:
    """Means over seeds and scenes of the asked cells, with the spread over seeds; the page has the details."""
    groups: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for task in tasks:
        record = _read(store, task.key)
        if record is not None and record.status == "ok":
            groups[task.cell.dataset, task.cell.mode, task.cell.entry].append(record)
    if not groups:
        return
    # Medians would make the table too wide for a terminal; the page has them.
    measured = {name for group in groups.values() for record in group for name in record.metrics}
    names = [name for name in METRICS if name in measured and not name.endswith("_median")]
    headers = [f"{METRICS[name].title} {'↑' if METRICS[name].better == 'higher' else '↓'}" for name in names]
    rows = []
    for (dataset, mode, entry), group in groups.items():
        cells = [_cell(name, group) for name in names]
        seconds = mean(record.cost["seconds"]["total"] for record in group)
        memory = max(record.cost["peak_memory_mb"] for record in group)
        rows.append([dataset, mode, entry, *cells, str(len(group)), f"{seconds:.1f}", f"{memory:.0f}"])
    rows.sort(key=lambda row: row[:2])
    columns = ["dataset", "mode", "entry", *headers, "cells", "seconds a cell", "peak memory MB"]
    print_table("Results", columns, rows, whole=True)
    notes = ["means over scenes and seeds"]
    if any("±" in cell for row in rows for cell in row):
        notes.append("± is the standard deviation over seeds")
    units = {unit: [METRICS[name].title for name in names if METRICS[name].unit == unit] for unit in ("dB", LENGTH)}
    notes += [f"{', '.join(titles)} in {unit}" for unit, titles in units.items() if titles]
    console.print(f"({'; '.join(notes)})", markup=False, highlight=False)


def _read(store: Store, key: str) -> Record | None:
    """The record; None for a damaged one too, whose cell has failed with a reason of its own."""
    try:
        return store.read_record(key)
    except SplatbenchError:
        return None


def _cell(name: str, group: Sequence[Record]) -> str:
    values = [record.metrics[name].value for record in group if name in record.metrics]
    if not values:
        return "absent"
    by_seed: dict[int, list[float]] = defaultdict(list)
    for record in group:
        if name in record.metrics:
            by_seed[record.cell.seed].append(record.metrics[name].value)
    decimals = METRICS[name].decimals
    text = f"{mean(values):.{decimals}f}"
    if len(by_seed) > 1:
        text += f" ± {stdev(mean(seed) for seed in by_seed.values()):.{decimals}f}"
    return text


def print_failures(outcomes: Sequence[Finished]) -> int:
    """List failed cells last, each with its reason; returns how many there are."""
    failed = [outcome for outcome in outcomes if outcome.status != "ok"]
    for outcome in failed:
        console.print(f"{outcome.status}: {outcome.task.cell.label}: {outcome.reason}", markup=False, highlight=False)
    if failed:
        console.print(f"{len(failed)} of {len(outcomes)} cells are not ok; the same command tries them again.")
    return len(failed)
