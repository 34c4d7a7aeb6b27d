"""`Record`: what a cell leaves behind, and the only thing that the leaderboard sees. No torch.

A record is one JSON object. Reading one trusts nothing: unknown fields, wrong types, numbers that are not finite and
names that could be a path are refused with the field's name.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from benchmark.cells import NAME, Cell
from benchmark.errors import InputError
from benchmark.metrics.table import METRICS, Metric

__all__ = ["METRICS", "SCHEMA", "Cell", "Measurement", "Metric", "Record", "read_jsonl", "write_jsonl"]

SCHEMA = 1
STATUSES = ("ok", "failed", "skipped")
ORIGINS = ("published", "measured", "submitted")
LONGEST_TEXT = 4000
LONGEST_LINE = 1_000_000
DEEPEST = 6
LARGEST_WHOLE = int(sys.float_info.max)
HALF_A_PAIR = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Measurement:
    """One metric of one cell.

    Attributes
    ----------
    value
        The number that is ranked: the mean over views for image metrics.
    per_view
        View name to number; empty where a metric has no views or none were published.
    """

    value: float
    per_view: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """A cell's outcome.

    Attributes
    ----------
    key
        Digest of everything that decides the number (`benchmark.cells.cell_key`).
    status
        ``ok``, ``failed`` or ``skipped``; the last two say why in ``reason``.
    metrics, absent
        Measurements by metric name; and, for a metric that could not be had, the reason.
    cost
        ``seconds`` a stage, ``peak_memory_mb``, ``gaussians``.
    details
        Facts about the run that are no metric: readout parameters, variance kept by the PCA, mask coverage ...
    provenance
        Versions, commit, digests, machine: what is needed to remake the number.
    created
        UTC, ISO 8601.
    """

    cell: Cell
    key: str
    status: Literal["ok", "failed", "skipped"]
    made_by: Literal["published", "measured", "submitted"]
    created: str
    reason: str = ""
    metrics: Mapping[str, Measurement] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    cost: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """One line of canonical JSON: sorted keys, no NaN."""
        values = {"schema": SCHEMA, **asdict(self)}
        return json.dumps(values, sort_keys=True, allow_nan=False, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, where: str = "record") -> Record:
        """Parse and check; `InputError` names ``where`` and the field."""
        if len(text) > LONGEST_LINE:
            raise InputError(f"{where}: {len(text)} characters in one record; at most {LONGEST_LINE} are accepted")
        try:
            values = _DECODER.decode(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: no valid JSON record: {error}") from None
        if not isinstance(values, dict):
            raise InputError(f"{where}: expected a JSON object, got {type(values).__name__}")
        return _parse(values, where)


_RECORD_FIELDS = {part.name for part in fields(Record)}
_CELL_FIELDS = {part.name for part in fields(Cell)}


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number; leave a missing metric out and say why under 'absent'")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # One copy of each name for all records: a hundred thousand of them repeat the same few.
    values = {sys.intern(name): value for name, value in pairs}
    if len(values) != len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"field {twice[0]!r:.80} appears twice")
    return values


# Made once: `json.loads` would make one for each record.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_refuse_duplicates)


def _parse(values: dict[str, Any], where: str) -> Record:
    schema = values.pop("schema", None)
    if schema != SCHEMA:
        raise InputError(f"{where}: schema is {schema!r:.40}, this version reads {SCHEMA}; update splatbench")
    _only(values, _RECORD_FIELDS, where)
    for name in ("cell", "key", "status", "made_by", "created"):
        if name not in values:
            raise InputError(f"{where}: field '{name}' is missing")
    status = _one_of(values["status"], STATUSES, f"{where}: status")
    metrics = _parse_metrics(_mapping(values.get("metrics", {}), f"{where}: metrics"), where)
    absent = _mapping(values.get("absent", {}), f"{where}: absent")
    reason = _text(values.get("reason", ""), f"{where}: reason")
    if status == "ok" and not metrics:
        raise InputError(f"{where}: status is 'ok' but there is no metric")
    if status != "ok" and not reason:
        raise InputError(f"{where}: status is '{status}' but 'reason' is empty")
    return Record(
        cell=_parse_cell(_mapping(values["cell"], f"{where}: cell"), where),
        key=_text(values["key"], f"{where}: key", longest=128),
        status=status,  # type: ignore[arg-type]
        made_by=_one_of(values["made_by"], ORIGINS, f"{where}: made_by"),  # type: ignore[arg-type]
        created=_text(values["created"], f"{where}: created", longest=64),
        reason=reason,
        metrics=metrics,
        absent={
            _text(name, f"{where}: absent: a metric's name", 200): sys.intern(
                _text(text, f"{where}: absent.{_shown(name)}")
            )
            for name, text in absent.items()
        },
        cost=_plain(values.get("cost", {}), f"{where}: cost"),
        details=_plain(values.get("details", {}), f"{where}: details"),
        provenance=_plain(values.get("provenance", {}), f"{where}: provenance"),
    )


def _parse_cell(values: dict[str, Any], where: str) -> Cell:
    _only(values, _CELL_FIELDS, f"{where}: cell")
    if missing := sorted(_CELL_FIELDS - set(values)):
        raise InputError(f"{where}: cell.{missing[0]} is missing")
    try:
        return Cell(**values)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _parse_metrics(values: dict[str, Any], where: str) -> dict[str, Measurement]:
    metrics = {}
    for name, value in values.items():
        here = f"{where}: metrics.{_shown(name)}"
        if name not in METRICS:
            raise InputError(f"{here}: no such metric; known are {', '.join(METRICS)}")
        measured = _mapping(value, here)
        _only(measured, {"value", "per_view"}, here)
        if "value" not in measured:
            raise InputError(f"{here}.value is missing")
        low, high = METRICS[name].plausible
        number = _number(measured["value"], f"{here}.value")
        if not low <= number <= high:
            raise InputError(f"{here}.value is {number}, outside of the plausible range {low} to {high}")
        views = _mapping(measured.get("per_view", {}), f"{here}.per_view")
        per_view = {}
        for view, entry in views.items():
            _text(view, f"{here}.per_view: a view's name", longest=200)
            per_view[view] = _number(entry, f"{here}.per_view[{view!r:.60}]")
        metrics[name] = Measurement(number, per_view)
    return metrics


def _shown(name: str) -> str:
    """A field's name as an error may print it: as it is if it is plain, else quoted and cut."""
    return name if NAME.fullmatch(name) and len(name) <= 40 else f"{name!r:.60}"


def _only(values: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(set(values) - known):
        raise InputError(f"{where}: unknown field {unknown[0]!r:.60}")


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected an object, got {type(value).__name__}")
    return value


def _text(value: Any, where: str, longest: int = LONGEST_TEXT) -> str:
    if not isinstance(value, str):
        raise InputError(f"{where}: expected text, got {type(value).__name__}")
    if len(value) > longest:
        raise InputError(f"{where}: {len(value)} characters; at most {longest} are accepted")
    if not value.isascii() and HALF_A_PAIR.search(value):
        raise InputError(f"{where}: half a surrogate pair is no character and cannot be written")
    return value


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{where}: expected a number, got {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:
        raise InputError(f"{where}: this whole number is too large") from None
    if not math.isfinite(number):
        raise InputError(f"{where}: {value} is not finite")
    return number


def _one_of(value: Any, known: tuple[str, ...], where: str) -> str:
    if value not in known:
        raise InputError(f"{where} is {value!r:.60}; expected one of {', '.join(known)}")
    return value


def _plain(value: Any, where: str) -> dict[str, Any]:
    """Check a free-form object: finite numbers, bounded text, bounded depth."""
    checked = _mapping(value, where)
    if not _is_plain(checked, 0):
        _refuse(checked, where, 0)
    return checked


def _is_plain(value: Any, depth: int) -> bool:
    """Whether there is nothing to refuse. Most records are fine, so no place is spelled out here."""
    if depth > DEEPEST:
        return False
    kind = type(value)
    if kind is str:
        return len(value) <= LONGEST_TEXT and (value.isascii() or not HALF_A_PAIR.search(value))
    if kind is float:
        return math.isfinite(value)
    if kind is bool or value is None:
        return True
    if kind is dict:
        return all(
            len(name) <= 200 and _is_plain(name, 0) and _is_plain(item, depth + 1) for name, item in value.items()
        )
    if kind is list:
        return all(_is_plain(item, depth + 1) for item in value)
    return kind is int and abs(value) <= LARGEST_WHOLE


def _refuse(value: Any, where: str, depth: int) -> None:
    """Say what is wrong and where."""
    if depth > DEEPEST:
        raise InputError(f"{where}: nested deeper than {DEEPEST}")
    if isinstance(value, dict):
        for name, item in value.items():
            _text(name, f"{where}: a field's name", 200)
            _refuse(item, f"{where}.{_shown(name)}", depth + 1)
    elif isinstance(value, list):
        for item in value:
            _refuse(item, where, depth + 1)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        _number(value, where)
    elif value is not None and not isinstance(value, bool):
        _text(value, where)


def read_jsonl(path: Path) -> Iterator[Record]:
    """Records of one JSON Lines file, in order; `InputError` names the file and line."""
    try:
        for where, line in jsonl_lines(path):
            yield Record.from_json(line, where)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file") from None


def jsonl_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Where each line is that is not empty, and its text; a line that is too long is given in part and is the last."""
    with path.open("rb") as lines:
        number = 0
        # A character has four bytes at most, so what is cut off here is too long in characters too.
        while line := lines.readline(4 * LONGEST_LINE + 1):
            number += 1
            where = f"{path.name} line {number}"
            whole = len(line) <= 4 * LONGEST_LINE
            try:
                text = line.decode("utf-8", errors="strict" if whole else "ignore")
            except UnicodeDecodeError as error:
                raise InputError(f"{where}: byte {error.start + 1} is no UTF-8; save the file as UTF-8") from None
            if text.strip():
                yield where, text
            if not whole:
                return


def write_jsonl(path: Path, records: Iterable[Record]) -> None:
    """Write records sorted by cell, so that a diff shows what changed."""
    lines = sorted(records, key=lambda record: (record.cell, record.key))
    path.write_text("".join(record.to_json() + "\n" for record in lines), encoding="utf-8")
