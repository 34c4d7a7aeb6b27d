"""Run one cell and leave its record in the store, whatever happens; used by every executor."""

from __future__ import annotations

import errno
import logging
import traceback
from datetime import UTC, datetime
from pathlib import Path

from benchmark.errors import SplatbenchError
from benchmark.executors.events import Finished
from benchmark.feat2gs.report import Report
from benchmark.plan import Task
from benchmark.provenance import machine, software
from benchmark.records import Record
from benchmark.store import Store, write_durably

log = logging.getLogger(__name__)


def run_task(task: Task, store: Store, report: Report) -> Finished:
    """Run a cell unless its record is there and ok; an error becomes a `failed` record with its reason."""
    if is_done(task, store):
        return Finished(task, "ok", "", cached=True)
    # Only a process that really runs a cell pays for importing torch.
    from benchmark.feat2gs.track import run_cell

    try:
        run_cell(task.cell, task.key, task.dataset, task.protocol, store, now(), report)
        return Finished(task, "ok", "", cached=False)
    except (SplatbenchError, MemoryError) as error:
        reason = str(error) or "out of memory: choose a protocol with smaller images, or run fewer slots"
    except OSError as error:
        full = error.errno == errno.ENOSPC
        reason = f"store {store.root}: the disk is full; free some space and run again" if full else repr(error)
        log.debug("%s", traceback.format_exc())
    except Exception as error:  # the cell ends, the others go on; the record keeps where it happened
        log.exception("%s", task.cell.label)
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.name}, line {place.lineno} of {Path(place.filename).name}"
        # One line, whatever a library makes of its errors.
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:500]} ({where})"
    return record_failure(task, store, reason)


def is_done(task: Task, store: Store) -> bool:
    """Whether an ok record of the cell lies in the store; a damaged one counts as absent and is made again."""
    try:
        record = store.read_record(task.key)
    except SplatbenchError as error:
        log.warning("%s; the cell is run again", error)
        return False
    return record is not None and record.status == "ok"


def record_failure(task: Task, store: Store, reason: str) -> Finished:
    """Leave a `failed` record; never taken for a result, and run again the next time."""
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
