"""Slots: whatever befalls one cell or one process, the others go on and nothing is lost or done twice."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from benchmark.executors.events import Finished
from benchmark.executors.slots import run_tasks
from benchmark.store import Store


def starts(store: Path) -> list[tuple[int, str]]:
    """Process and entry of every cell that was begun."""
    file = store / "starts"
    lines = file.read_text().splitlines() if file.exists() else []
    return [(int(line.split()[0]), line.split()[1]) for line in lines]


def wait_for_start(store: Path, count: int = 1) -> list[tuple[int, str]]:
    end = time.monotonic() + 60
    while len(starts(store)) < count and time.monotonic() < end:
        time.sleep(0.05)
    return starts(store)


def ended(pid: int) -> bool:
    """Whether the process is gone, or a corpse that nobody has collected yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until_ended(pids: list[int]) -> bool:
    end = time.monotonic() + 20
    while not all(ended(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.05)
    return all(ended(pid) for pid in pids)


REASONS = {
    "exit": "exit code 3",
    "kill": "SIGKILL",
    "raise": "RuntimeError: two lines",
    "full": "disk is full",
    "memory": "out of memory",
}


def test_cells_that_fail_or_kill_their_process_leave_a_reason_and_the_others_go_on(stand_ins, tmp_path, make_task):
    import stand_ins as module  # type: ignore[import-not-found]

    entries = ["ok-1", "exit", "kill", "raise", "full", "memory", "ok-2"]
    tasks = [make_task(entry) for entry in entries]
    store = Store(tmp_path / "store")
    events = []
    outcomes = run_tasks(tasks, store, 2, 1, events.append, module.work)
    assert [outcome.task.cell.entry for outcome in outcomes] == entries
    assert sum(isinstance(event, Finished) for event in events) == len(entries)
    for outcome, entry in zip(outcomes, entries, strict=True):
        record = store.read_record(outcome.task.key)
        assert record is not None
        if entry.startswith("ok"):
            assert (outcome.status, record.status) == ("ok", "ok")
        else:
            assert (outcome.status, record.status) == ("failed", "failed")
            assert REASONS[entry] in record.reason and record.reason == outcome.reason
            assert "\n" not in record.reason
    assert list((tmp_path / "store" / "partial").iterdir()) == []

    # What is ok is not run again, what failed is.
    again = run_tasks(tasks[:2], store, 2, 1, events.append, module.work)
    assert [(outcome.status, outcome.cached) for outcome in again] == [("ok", True), ("failed", False)]
    assert Counter(entry for _, entry in starts(tmp_path / "store"))["ok-1"] == 1


def test_two_runs_at_once_share_the_cells(start, tmp_path):
    store = tmp_path / "store"
    entries = [f"slow-{number}" for number in range(5)]
    runs = [start(store, *entries), start(store, *entries)]
    for run in runs:
        out, err = run.communicate(timeout=120)
        assert run.returncode == 0, err
        assert out.split() == ["ok"] * 5
    assert sorted(entry for _, entry in starts(store)) == entries


@pytest.mark.parametrize(
    ("number", "whole_group"), [(signal.SIGINT, True), (signal.SIGTERM, True), (signal.SIGKILL, False)]
)
def test_a_run_that_is_stopped_leaves_no_process_no_trace_and_nothing_half(start, tmp_path, number, whole_group):
    store = tmp_path / "store"
    run = start(store, "ok", "hang-1", "hang-2")
    pids = [pid for pid, _ in wait_for_start(store, 3)]
    assert len(pids) == 3
    (os.killpg if whole_group else os.kill)(run.pid, number)
    _, err = run.communicate(timeout=60)
    assert run.returncode != 0
    assert wait_until_ended(pids)
    # pycolmap would print the stack of a worker that is told to end.
    assert "***" not in err and "stack trace" not in err.lower()
    if number == signal.SIGINT:
        assert err.count("Traceback") == 1 and "KeyboardInterrupt" in err
    if number != signal.SIGKILL:
        assert list((store / "partial").iterdir()) == []
        return
    # Nobody could tidy up. The one that was finished stays; the next run does only the others: they are free to be taken.
    following = start(store, "ok", "hang-1")
    begun = wait_for_start(store, 4)
    os.killpg(following.pid, signal.SIGKILL)
    following.communicate(timeout=60)
    assert Counter(entry for _, entry in begun) == {"ok": 1, "hang-1": 2, "hang-2": 1}
    opened = Store(store)
    opened.clear_partial()
    assert list((store / "partial").iterdir()) == []
    assert [record.cell.entry for record in opened.records()] == ["ok"]


def test_a_failure_never_takes_the_place_of_a_result(stand_ins, tmp_path, make_task, monkeypatch):
    import stand_ins as module  # type: ignore[import-not-found]

    from benchmark.executors.worker import record_failure

    monkeypatch.setitem(sys.modules, "benchmark.feat2gs.track", None)
    store, task = Store(tmp_path / "store"), make_task("ok")
    module.work(task, store, lambda *step: None)
    assert record_failure(task, store, "its process died after the record was published").status == "ok"
    record = store.read_record(task.key)
    assert record is not None and record.status == "ok"
