"""How a long stage tells how far it is."""

from __future__ import annotations

from typing import Protocol


class Report(Protocol):
    """Called as work goes on; must be quick."""

    def __call__(self, stage: str, step: int, steps: int, loss: float | None) -> None:
        """Say that ``step`` of ``steps`` of a stage are done; ``loss`` is None where there is none."""
