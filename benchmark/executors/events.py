"""What an executor tells while it works; plain values, so that a terminal, a log or a page can show them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmark.plan import Task


@dataclass(frozen=True)
class Progress:
    """A cell is at some step of a stage; ``loss`` is None where there is none."""

    slot: int
    task: Task
    stage: str
    step: int
    steps: int
    loss: float | None


@dataclass(frozen=True)
class Finished:
    """A cell has ended.

    Attributes
    ----------
    status
        ``ok``, ``failed`` or ``skipped``.
    cached
        Whether the record was already in the store.
    """

    task: Task
    status: str
    reason: str
    cached: bool


Event = Progress | Finished
OnEvent = Callable[[Event], None]
