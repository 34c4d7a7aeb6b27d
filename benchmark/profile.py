"""Where the time of one cell goes: its stages by the clock, and the parts of a step by PyTorch's profiler."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import CellError
from benchmark.executors.slots import THREAD_VARIABLES
from benchmark.executors.worker import run_task
from benchmark.plan import Task
from benchmark.store import Store

# Steps of the joint fit that are looked at, and steps before them that are not.
SAMPLED, WARM = 40, 10
# What `benchmark.feat2gs.fit` marks, and the backward passes that PyTorch names after our functions.
PARTS: dict[str, tuple[str, ...]] = {
    "readout forward": ("readout",),
    "rasterise forward": ("render",),
    "loss forward": ("loss",),
    "readout backward": ("_FusedReadoutBackward", "_PixelReadoutBackward", "_CellReadoutBackward"),
    "rasterise backward": ("BlendBackward", "ShadeBackward", "ProjectBackward", "_RasterizeToPixelsBackward"),
    "backward in all": ("backward",),
    "optimiser": ("optimizer",),
}


@dataclass(frozen=True)
class Part:
    """Seconds of a part and their share of the stage or cell that holds it, in [0, 1]."""

    name: str
    seconds: float
    share: float


@dataclass(frozen=True)
class Profile:
    """Stages of a cell, and the parts of some ``steps`` of its joint fit."""

    stages: list[Part]
    parts: list[Part]
    steps: int


def profile_cell(task: Task) -> Profile:
    """Run a cell in this process, on one thread, in an empty store that is thrown away: nothing is found ready-made.

    Raises
    ------
    CellError
        If the cell fails.
    """
    # Its C++ part would write its own log between the lines of ours.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    # As a slot of the default executor has it; read when the libraries load, which is now.
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    import torch
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(ProfilerActivity.CUDA)
    sampler = _Sampler(profile(activities=activities))
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        outcome = run_task(task, store, sampler)
        sampler.stop()
        if outcome is None or outcome.status != "ok":
            raise CellError(f"{task.cell.label}: {outcome.reason if outcome else 'is run by another process'}")
        record = store.read_record(task.key)
    assert record is not None
    spent = {event.key: event for event in sampler.profiler.key_averages()} if sampler.steps else {}
    return Profile(
        stages_of(record.cost["seconds"]), parts_of({name: _seconds(spent[name]) for name in spent}), sampler.steps
    )


class _Sampler:
    """Listens to a cell's progress and lets the profiler see some steps of the joint fit: of all, it would see too much."""

    def __init__(self, profiler: Any):
        self.profiler = profiler
        self.steps = 0
        self._running = False

    def __call__(self, stage: str, step: int, steps: int, loss: float | None) -> None:
        if stage != "joint fit":
            return
        if self._running:
            self.steps += 1
            if self.steps == SAMPLED:
                self.stop()
        elif self.steps == 0 and step >= min(WARM, steps - 1):
            self.profiler.start()
            self._running = True

    def stop(self) -> None:
        """Stop looking, if that has begun."""
        if self._running:
            self.profiler.stop()
        self._running = False


def stages_of(seconds: Mapping[str, float]) -> list[Part]:
    """Stages of a record's cost and what is between them, of the whole cell."""
    total = seconds["total"]
    stages = {name: value for name, value in seconds.items() if name != "total"}
    stages["other"] = max(0.0, total - sum(stages.values()))
    return [Part(name, value, value / total if total else 0.0) for name, value in stages.items()]


def parts_of(seconds: Mapping[str, float]) -> list[Part]:
    """Parts of the steps, each of their sum; backward is counted once, and its own parts are of that sum too."""
    found = {name: sum(seconds.get(key, 0.0) for key in keys) for name, keys in PARTS.items()}
    whole = sum(found[name] for name in found if name not in ("readout backward", "rasterise backward"))
    return [Part(name, value, value / whole if whole else 0.0) for name, value in found.items()]


def _seconds(event: Any) -> float:
    return max(event.cpu_time_total, getattr(event, "device_time_total", 0.0)) / 1e6
