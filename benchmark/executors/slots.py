"""The default executor: a spawned process a slot, respawned when it dies, with no server and no port.

Two one-thread processes side by side do more than one process of two threads, so on a CPU a slot is a core.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from benchmark.executors.events import Finished, OnEvent, Progress
from benchmark.executors.worker import is_done, record_failure, run_task
from benchmark.plan import Task
from benchmark.report import Report
from benchmark.store import Store

# What a slot does with a task; None if another process is at work on the same cell.
Work = Callable[[Task, Store, Report], Finished | None]

# A cell that another process works on is asked for again after this many seconds.
ASK_AGAIN = 1.0
# Progress is sent at most this often (seconds): a pipe and a terminal are slower than a step.
REPORT_EVERY = 0.1
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass
class _Slot:
    number: int
    process: BaseProcess
    pipe: Connection
    task: Task | None = None


def run_tasks(
    tasks: Sequence[Task], store: Store, slots: int, threads: int, on_event: OnEvent, work: Work = run_task
) -> list[Finished]:
    """Run every task whose record is not in the store yet; returns the outcomes in the order of ``tasks``.

    Parameters
    ----------
    slots
        Processes side by side.
    threads
        Threads of each.
    on_event
        Called in this process as work goes on.
    work
        A function of an importable module, for it is called in the slots' processes.

    Notes
    -----
    One task's failure never ends the others. What another run on the same store is doing is waited for, not done
    twice. On `KeyboardInterrupt` the workers are ended and the interrupt goes on;
    what was published stays, and what was not leaves nothing behind.
    """
    outcomes: dict[str, Finished] = {}
    waiting: list[Task] = []
    for task in tasks:
        if is_done(task, store):
            outcomes[task.key] = Finished(task, "ok", "", cached=True)
            on_event(outcomes[task.key])
        else:
            waiting.append(task)
    if waiting:
        _Pool(waiting, store, min(slots, len(waiting)), threads, on_event, outcomes, work).run()
    return [outcomes[task.key] for task in tasks]


class _Pool:
    def __init__(
        self,
        waiting: list[Task],
        store: Store,
        slots: int,
        threads: int,
        on_event: OnEvent,
        outcomes: dict[str, Finished],
        work: Work,
    ):
        self.waiting = waiting
        self.store = store
        self.on_event = on_event
        self.outcomes = outcomes
        self.threads = threads
        self.work = work
        self.last: dict[int, Task] = {}
        self.not_before: dict[str, float] = {}
        self.slots: list[_Slot] = []
        self.count = slots

    def run(self) -> None:
        try:
            for number in range(self.count):
                self.slots.append(self._spawn(number))
            while self.waiting or any(slot.task for slot in self.slots):
                for slot in self.slots:
                    if slot.task is None:
                        self._hand_out(slot)
                self._turn()
        finally:
            for slot in self.slots:
                slot.pipe.close()
                if slot.task is None:
                    # It leaves when it finds the pipe closed.
                    slot.process.join(timeout=5)
                # In the middle of a cell, or stuck: nothing is published half, so nothing is lost by ending it here.
                slot.process.kill()
                slot.process.join()
            self.store.clear_partial()

    def _turn(self) -> None:
        """Wait for a message or a death, and answer it."""
        busy = {slot.pipe: slot for slot in self.slots if slot.task}
        for ready in wait(list(busy), timeout=ASK_AGAIN if self.waiting else None):
            slot = busy[ready]  # type: ignore[index]
            try:
                message = slot.pipe.recv()
            except (EOFError, ConnectionResetError):
                self._bury(slot)
                continue
            if isinstance(message, Finished):
                self._finish(slot, message)
            elif message is None:
                self._put_back(slot)
            elif slot.task is not None:
                self.on_event(Progress(slot.number, slot.task, *message))

    def _put_back(self, slot: _Slot) -> None:
        """Another process is at work on the cell: others first."""
        assert slot.task is not None
        self.on_event(Progress(slot.number, slot.task, "another process is at it", 0, 1, None))
        self.not_before[slot.task.key] = time.monotonic() + ASK_AGAIN
        self.waiting.append(slot.task)
        slot.task = None

    def _finish(self, slot: _Slot, outcome: Finished) -> None:
        self.outcomes[outcome.task.key] = outcome
        self.on_event(outcome)
        slot.task = None

    def _bury(self, slot: _Slot) -> None:
        """A worker died in the middle of a cell: the cell has failed, the slot gets a new process."""
        slot.process.join(timeout=5)
        if slot.process.is_alive():
            # Its pipe is broken and it did not end: it hangs.
            slot.process.kill()
            slot.process.join()
        code = slot.process.exitcode
        how = f"signal {-code} ({signal.Signals(-code).name})" if code is not None and code < 0 else f"exit code {code}"
        hint = "; probably out of memory: run fewer --slots" if code == -signal.SIGKILL else ""
        assert slot.task is not None
        task = slot.task
        reborn = self._spawn(slot.number)
        slot.process, slot.pipe = reborn.process, reborn.pipe
        self._finish(slot, record_failure(task, self.store, f"the worker process ended with {how}{hint}"))

    def _hand_out(self, slot: _Slot) -> None:
        """Give the slot the waiting task nearest to its last one, so that it keeps its model and its scene."""
        now = time.monotonic()
        ready = [task for task in self.waiting if self.not_before.get(task.key, 0.0) <= now]
        if not ready:
            return
        last = self.last.get(slot.number)
        task = ready[0]
        if last is not None:
            task = min(
                ready,
                key=lambda t: (t.cell.scene != last.cell.scene, t.cell.entry != last.cell.entry),
            )
        self.waiting.remove(task)
        self.last[slot.number] = slot.task = task
        with suppress(BrokenPipeError):  # it died while idle: its pipe is found closed in the next turn
            slot.pipe.send(task)

    def _spawn(self, number: int) -> _Slot:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_serve, args=(theirs, self.store.root, self.threads, self.work), name=f"slot-{number}", daemon=True
        )
        with _environment(dict.fromkeys(THREAD_VARIABLES, str(self.threads))), _interrupts_later():
            process.start()
        theirs.close()
        return _Slot(number, process, ours)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Thread counts are read when the libraries load, so the child must find them in its environment."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Hold SIGINT back: a child is born with it blocked, so Ctrl-C cannot meet it before it has learned to ignore it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, root: Path, threads: int, work: Work) -> None:
    """A slot's process: run what comes through the pipe until the other end closes."""
    # Ctrl-C reaches the whole group; the parent decides and ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    _settle(threads)
    store = Store(root)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            task = pipe.recv()
            pipe.send(work(task, store, _reporter(pipe)))


def _end_with_parent() -> None:
    """End this process when its parent does, even if that was killed: nobody waits for its cell any more."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _settle(threads: int) -> None:
    import pycolmap  # noqa: F401
    import torch

    # pycolmap takes SIGTERM over when it is imported, to print a stack trace; to be told to end is no crash.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    torch.set_num_threads(threads)
    # Adam's second moments of idle weights decay into denormal numbers, which are many times slower.
    torch.set_flush_denormal(True)


def _reporter(pipe: Connection) -> Report:
    last = 0.0

    def report(stage: str, step: int, steps: int, loss: float | None) -> None:
        nonlocal last
        if step in (0, steps) or time.monotonic() - last >= REPORT_EVERY:
            last = time.monotonic()
            pipe.send((stage, step, steps, loss))

    return report
