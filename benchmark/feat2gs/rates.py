"""Learning rates over time."""

from __future__ import annotations

import math


def log_linear(start: float, end: float, fraction: float) -> float:
    """Rate on the straight line between two rates in log space; ``fraction`` in [0, 1]."""
    return math.exp(math.log(start) * (1 - fraction) + math.log(end) * fraction)
