"""What a submission must be: complete, plausible, of known things, with nothing taken away. Nothing in it is trusted."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmark.cells import Cell
from benchmark.errors import InputError
from benchmark.records import METRICS, Record, jsonl_lines
from leaderboard.formats import UNSAFE, flatten
from leaderboard.published import published_key

# Rounding of a mean that was made in single precision.
TOLERANCE = 1e-4
FREE = "free"


@dataclass(frozen=True)
class Problem:
    """Why something is refused: ``where`` is a file, and a line if there is one."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True)
class Located:
    """A record, and where it was read."""

    where: str
    path: Path
    record: Record


@dataclass(frozen=True)
class Facts:
    """What this version of the benchmark knows.

    Attributes
    ----------
    entries, baselines
        Names; a baseline has the mode ``free`` alone.
    views
        By dataset, then by scene: the test views.
    modes
        Of entries.
    protocols
        Names of protocols of measured records.
    published
        Files in which published rows are accepted.
    key_of
        The key that a record must have; None where it cannot be told here.
    """

    entries: frozenset[str]
    baselines: frozenset[str]
    views: Mapping[str, Mapping[str, Sequence[str]]]
    modes: frozenset[str]
    protocols: frozenset[str]
    published: frozenset[Path]
    key_of: Callable[[Record], str | None]


@dataclass(frozen=True)
class Report:
    """Outcome of a check; accepted if there are no problems. ``notes`` is what could not be told."""

    records: tuple[Record, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = field(default=())


def read_submission(paths: Iterable[Path]) -> tuple[list[Located], list[Problem]]:
    """Every line that is a record, and a problem for each that is not; a bad line does not hide the others."""
    located: list[Located] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            for where, line in jsonl_lines(path):
                try:
                    located.append(Located(where, path, Record.from_json(line, where)))
                except InputError as error:
                    problems.append(Problem(where, str(error).removeprefix(f"{where}: ")))
        except InputError as error:
            problems.append(Problem(path.name, str(error)))
        except OSError as error:
            problems.append(Problem(path.name, f"cannot be read ({error.strerror})"))
    return located, problems


def check(paths: Iterable[Path], facts: Facts) -> Report:
    """Check files of records by themselves; `leaderboard.changes.changes` compares them with what was there before."""
    located, problems = read_submission(paths)
    notes: list[str] = []
    for item in located:
        problems += [Problem(item.where, what) for what in _record_problems(item.record, facts)]
        if item.record.made_by == "published" and item.path not in facts.published:
            problems.append(
                Problem(item.where, "made_by is 'published'; rows of papers come by transcription, say 'submitted'")
            )
    problems += _twice(located)
    problems += _incomplete(located, facts)
    untold = 0
    for item in located:
        key = key_of(item.record, facts)
        if key is None:
            untold += 1
        elif key != item.record.key:
            problems.append(
                Problem(
                    item.where,
                    f"key is {item.record.key[:12]!r}, this version makes {key[:12]!r} of this cell: "
                    "entry, scene or protocol are not those of this version; run the cell again",
                )
            )
    if untold:
        notes.append(f"{untold} of {len(located)} keys were not made again, since their scenes or entries are not here")
    return Report(tuple(item.record for item in located), tuple(problems), tuple(notes))


def key_of(record: Record, facts: Facts) -> str | None:
    """The key that a record must have, published ones too."""
    if record.made_by == "published":
        return published_key(record.cell, record.provenance)
    return facts.key_of(record)


def _record_problems(record: Record, facts: Facts) -> Iterator[str]:
    yield from _hidden(record)
    yield from _means(record)
    try:
        datetime.fromisoformat(record.created)
    except ValueError:
        yield f"created is {record.created!r:.60}; expected a time as 2026-01-31T12:00:00Z"
    if record.made_by == "published":
        return
    cell = record.cell
    if cell.protocol not in facts.protocols:
        yield f"cell.protocol '{cell.protocol}' is unknown; known are {', '.join(sorted(facts.protocols))}"
    baseline = cell.entry in facts.baselines
    if not baseline and cell.entry not in facts.entries:
        yield f"cell.entry '{cell.entry}' is not in the registry; add the entry in the same change"
    if cell.mode not in ({FREE} if baseline else facts.modes):
        yield f"cell.mode '{cell.mode}' does not belong to {'a baseline' if baseline else 'an entry'}"
    if cell.dataset not in facts.views:
        yield f"cell.dataset '{cell.dataset}' is unknown; known are {', '.join(sorted(facts.views))}"
        return
    if cell.scene not in facts.views[cell.dataset]:
        yield f"cell.scene '{cell.scene}' is no scene of '{cell.dataset}'"
        return
    expected = set(facts.views[cell.dataset][cell.scene])
    for name, measured in record.metrics.items():
        if measured.per_view and set(measured.per_view) != expected:
            yield f"metrics.{name}.per_view has {len(measured.per_view)} views that are not the {len(expected)} test views"


def _hidden(record: Record) -> Iterator[str]:
    """Characters that hide or reorder text, in any field."""
    texts: list[tuple[str, Any]] = [
        (part.name, getattr(record, part.name))
        for part in fields(record)
        if part.name in ("key", "created", "reason", "absent", "details", "provenance", "cost")
    ]
    texts += [(f"metrics.{name}.per_view", dict(measured.per_view)) for name, measured in record.metrics.items()]
    for name, value in texts:
        for path, text in flatten({name: value}):
            found = UNSAFE.search(path) or (UNSAFE.search(text) if isinstance(text, str) else _in_list(text))
            if found:
                sign = found.group()
                title = unicodedata.name(sign, f"U+{ord(sign):04X}")
                yield f"{UNSAFE.sub('?', path)[:80]} holds the character {title}, which hides or reorders text; remove it"


def _in_list(value: Any) -> Any:
    if isinstance(value, list):
        return next((found for item in value if (found := _in_list(item))), None)
    if isinstance(value, Mapping):
        return next((found for name, item in value.items() if (found := UNSAFE.search(name) or _in_list(item))), None)
    return UNSAFE.search(value) if isinstance(value, str) else None


def _means(record: Record) -> Iterator[str]:
    """An image metric is the mean of its views."""
    for name, measured in record.metrics.items():
        if not measured.per_view:
            continue
        low, high = METRICS[name].plausible
        for view, value in measured.per_view.items():
            if not low <= value <= high:
                yield f"metrics.{name}.per_view[{view!r:.60}] is {value}, outside of {low} to {high}"
        mean = fmean(measured.per_view.values())
        if METRICS[name].kind == "image" and not math.isclose(
            mean, measured.value, rel_tol=TOLERANCE, abs_tol=TOLERANCE
        ):
            yield f"metrics.{name}.value is {measured.value}, the mean of its views is {mean:.6g}"


def _twice(located: Sequence[Located]) -> Iterator[Problem]:
    first: dict[tuple[bool, Cell], str] = {}
    for item in located:
        identity = (item.record.made_by == "published", item.record.cell)
        if identity in first:
            yield Problem(item.where, f"{item.record.cell.label} is in {first[identity]} already; keep one")
        first.setdefault(identity, item.where)


def _incomplete(located: Sequence[Located], facts: Facts) -> Iterator[Problem]:
    """A row needs every scene of its dataset, in every seed that it has."""
    rows: dict[tuple[str, ...], dict[int, set[str]]] = {}
    where: dict[tuple[str, ...], str] = {}
    for item in located:
        cell = item.record.cell
        if item.record.made_by == "published" or cell.dataset not in facts.views:
            continue
        row: tuple[str, ...] = (
            cell.track,
            cell.protocol,
            cell.reconstruction,
            cell.entry,
            cell.dataset,
            cell.mode,
        )
        rows.setdefault(row, {}).setdefault(cell.seed, set()).add(cell.scene)
        where.setdefault(row, item.where)
    for name, seeds in sorted(rows.items()):
        for seed, scenes in sorted(seeds.items()):
            missing = sorted(set(facts.views[name[4]]) - scenes)
            if missing:
                yield Problem(
                    where[name],
                    f"{name[3]} on {name[4]} ({name[1]}, {name[5]}, seed {seed}) lacks {', '.join(missing[:5])}"
                    f"{' …' if len(missing) > 5 else ''}: a row needs every scene; a cell that failed says so in its record",
                )
