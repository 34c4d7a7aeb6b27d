"""What a cell costs: seconds a stage and the peak of memory."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Cost:
    """Stopwatch and memory gauge of one cell in this process."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = time.perf_counter()
        _reset_peak_memory()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside to the stage's sum."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began

    def values(self) -> dict[str, Any]:
        """Plain values for the record: seconds a stage and in all, peak host memory in MB of this process."""
        seconds = {name: round(value, 3) for name, value in self.seconds.items()}
        seconds["total"] = round(time.perf_counter() - self._began, 3)
        return {"seconds": seconds, "peak_memory_mb": round(peak_memory_mb())}


def peak_memory_mb() -> float:
    """Largest resident size of this process since the last reset (on Linux), else since its start."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _reset_peak_memory() -> None:
    # Writing 5 there resets VmHWM (proc(5)); where it cannot be, the peak is of the whole process.
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return
