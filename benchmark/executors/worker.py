"""Run one cell and leave its record in the store, whatever happens; used by every executor."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmark.errors import SplatbenchError
from benchmark.executors.events import Finished
from benchmark.plan import Task
from benchmark.provenance import machine, software
from benchmark.records import Record
from benchmark.report import Report
from benchmark.store import FULL, Store, is_full, write_durably

log = logging.getLogger(__name__)

OUT_OF_MEMORY = "out of memory: choose a protocol with smaller images, or run fewer --slots"


def run_task(task: Task, store: Store, report: Report) -> Finished | None:
    """Run a cell unless its record is there and ok; an error becomes a `failed` record with its reason.

    Returns
    -------
    outcome
        None if another process is at work on the very cell: ask again later.
    """
    try:
        with store.claim(task.key) as ours:
            if not ours:
                return None
            if is_done(task, store):
                return Finished(task, "ok", "", cached=True)
            reason = _attempt(task, store, report)
            return record_failure(task, store, reason) if reason else Finished(task, "ok", "", cached=False)
    except OSError as error:
        # The claim itself could not be written.
        return record_failure(task, store, _reason(error, store))


def _attempt(task: Task, store: Store, report: Report) -> str:
    """Run the cell; why it failed, or nothing."""
    try:
        # Only a process that really runs a cell pays for importing torch.
        run_cell = _track_of(task)
        run_cell(task.cell, task.key, task.dataset, task.protocol, store, now(), report)
    except (BrokenPipeError, ConnectionResetError):
        # Nobody listens to the reports any more: the process that handed out the cell is gone.
        raise
    except Exception as error:  # the cell ends, the others go on; the record keeps where it happened
        if not isinstance(error, SplatbenchError | MemoryError | OSError):
            log.exception("%s", task.cell.label)
        return _reason(error, store)
    return ""


def _track_of(task: Task) -> Callable[..., Record]:
    """The function that runs the task's cell."""
    if task.cell.track == "lrf":
        from benchmark.lrf.track import run_cell as run_latent_cell

        return run_latent_cell
    from benchmark.feat2gs.track import run_cell

    return run_cell


def _reason(error: Exception, store: Store) -> str:
    """One line, whatever a library makes of its errors."""
    if is_full(error):
        return f"store {store.root}: {FULL}"
    if isinstance(error, MemoryError):
        return OUT_OF_MEMORY
    text = " ".join(str(error).split())[:1500]
    if isinstance(error, SplatbenchError):
        return text
    if isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text):
        return f"{OUT_OF_MEMORY} ({text[:200]})"
    log.debug("%s", "".join(traceback.format_exception(error)))
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {text[:500]} ({place.name}, line {place.lineno} of {Path(place.filename).name})"


def is_done(task: Task, store: Store) -> bool:
    """Whether an ok record of the cell lies in the store; a damaged one counts as absent and is made again."""
    try:
        record = store.read_record(task.key)
    except SplatbenchError as error:
        log.warning("%s; the cell is run again", error)
        return False
    return record is not None and record.status == "ok"


def record_failure(task: Task, store: Store, reason: str) -> Finished:
    """Leave a `failed` record; never taken for a result, run again the next time, and never in the place of an ok one."""
    if is_done(task, store):
        return Finished(task, "ok", "", cached=True)
    record = Record(
        cell=task.cell,
        key=task.key,
        status="failed",
        made_by="measured",
        created=now(),
        reason=reason[:2000],
        provenance={"software": software(), "machine": machine()},
    )
    try:
        store.publish("cells", task.key, lambda folder: write_durably(folder / "record.json", record.to_json()))
    except (SplatbenchError, OSError) as error:
        reason = f"{reason} (and its record could not be written: {error})"
    return Finished(task, "failed", reason, cached=False)


def now() -> str:
    """UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
