"""Progress of a run: bars in a terminal, plain lines in a log."""

from __future__ import annotations

import time
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from benchmark.cli.output import console
from benchmark.executors.events import Event, Finished
from benchmark.executors.events import Progress as Step


class RunView:
    """A bar for all cells and one for each slot: stage, step, loss, time left. Called with every event."""

    def __init__(self, total: int):
        self.total = total
        self.done = 0
        self.cached = 0
        self.began = time.monotonic()
        self.live = console.is_terminal
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}", markup=False),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            disable=not self.live,
        )
        self.overall = self.progress.add_task("cells", total=total, loss="")
        self.bars: dict[int, tuple[TaskID, str]] = {}

    def __enter__(self) -> RunView:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()
        if self.cached:
            console.print(f"{self.cached} of {self.total} cells were done before.", highlight=False)

    def __call__(self, event: Event) -> None:
        if isinstance(event, Finished):
            self._finish(event)
        else:
            self._step(event)

    def _finish(self, event: Finished) -> None:
        self.done += 1
        self.progress.advance(self.overall)
        if event.cached:
            self.cached += 1
            return
        seconds = time.monotonic() - self.began
        line = f"[{self.done}/{self.total}] {event.status:<6} {event.task.cell.label} ({seconds:.0f} s)"
        console.print(line + (f": {event.reason}" if event.reason else ""), markup=False, highlight=False)

    def _step(self, event: Step) -> None:
        description = f"{event.task.cell.label}: {event.stage}"
        bar, shown = self.bars.get(event.slot, (None, ""))
        if bar is None:
            bar = self.progress.add_task(description, total=event.steps, loss="")
        elif shown != description:
            # A new stage: the time left is estimated afresh.
            self.progress.reset(bar, total=event.steps, description=description)
        self.bars[event.slot] = (bar, description)
        loss = "" if event.loss is None else f"loss {event.loss:.4f}"
        self.progress.update(bar, completed=event.step, total=event.steps, loss=loss)
