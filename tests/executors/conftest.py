"""Cells whose work is a stand-in, run by real processes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.cells import Cell, digest
from benchmark.plan import Task
from benchmark.protocols import LITE
from benchmark.scenes.spec import get_dataset

# A module that the slots' processes import; what a cell does is said by its entry. Every start is written down.
STAND_INS = """
import errno, os, signal, sys, time, types

from benchmark.executors.worker import run_task
from benchmark.records import Measurement, Record


def work(task, store, report):
    track = sys.modules["benchmark.feat2gs.track"] = types.ModuleType("benchmark.feat2gs.track")
    track.run_cell = run_cell
    return run_task(task, store, report)


def run_cell(cell, key, dataset, protocol, store, created, report):
    with (store.root / "starts").open("a") as starts:
        starts.write(f"{os.getpid()} {cell.entry}\\n")
    report("stage", 0, 1, None)
    name = cell.entry.split("-")[0]
    if name == "exit":
        os._exit(3)
    if name == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "raise":
        raise RuntimeError("two\\nlines")
    if name == "full":
        raise OSError(errno.ENOSPC, "No space left on device")
    if name == "memory":
        raise MemoryError
    if name == "slow":
        time.sleep(0.3)
    if name == "hang":
        store.publish("cells", key, lambda folder: time.sleep(600))
    record = Record(cell, key, "ok", "measured", created, metrics={"psnr": Measurement(20.0)})
    store.publish("cells", key, lambda folder: (folder / "record.json").write_text(record.to_json()))
"""

SCRIPT = """
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import stand_ins
from conftest_tasks import task
from benchmark.executors.slots import run_tasks
from benchmark.store import Store

if __name__ == "__main__":
    # As the command does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    store, entries = Store(Path(sys.argv[1])), sys.argv[2:]
    done = run_tasks([task(e) for e in entries], store, 2, 1, lambda event: None, stand_ins.work)
    print(" ".join(outcome.status for outcome in done))
"""

TASKS = """
from benchmark.cells import Cell, digest
from benchmark.plan import Task
from benchmark.protocols import LITE
from benchmark.scenes.spec import get_dataset


def task(entry):
    cell = Cell("feat2gs", entry, "motorcycle", "motorcycle", "geometry", "known", "lite", 0)
    return Task(cell, digest(entry), get_dataset("motorcycle"), LITE)
"""


def task(entry: str) -> Task:
    """The same as in `TASKS`."""
    cell = Cell("feat2gs", entry, "motorcycle", "motorcycle", "geometry", "known", "lite", 0)
    return Task(cell, digest(entry), get_dataset("motorcycle"), LITE)


@pytest.fixture
def make_task() -> Callable[[str], Task]:
    return task


@pytest.fixture
def stand_ins(tmp_path, monkeypatch) -> Path:
    """Folder of the stand-in module, on the path of this process and so of those that it spawns."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "stand_ins.py").write_text(textwrap.dedent(STAND_INS))
    (folder / "conftest_tasks.py").write_text(TASKS)
    (folder / "script.py").write_text(SCRIPT)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "stand_ins", raising=False)
    return folder


@pytest.fixture
def start(stand_ins) -> Callable[..., subprocess.Popen[str]]:
    """Start a run of its own, in a process group of its own."""

    def begin(store: Path, *entries: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-P", str(stand_ins / "script.py"), str(store), *entries],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return begin
