"""Ranks, and how far a table can be trusted: paired bootstrap, groups, smallest difference. Pure NumPy.

Everywhere a matrix ``values`` is ``[unit, entry]``: the same units (scenes, or seeds where there is one scene) for all
entries, so that every draw compares entries on the same units ("paired").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

Better = Literal["higher", "lower"]

DRAWS = 2000
LEVEL = 0.95
Z = 1.959964
# 97.5 % quantiles of Student's t for 1 to 30 degrees of freedom; beyond, the expansion of Abramowitz & Stegun 26.7.5.
# fmt: off
T_QUANTILES = (
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
    2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
    2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
)
# fmt: on


def competition_ranks(values: Sequence[float] | np.ndarray, better: Better) -> np.ndarray:
    """Rank of each value along the last axis, 1 the best; equal values share the smaller rank (1, 2, 2, 4)."""
    scores = _ascending(values, better)
    order = np.argsort(scores, axis=-1, kind="stable")
    ordered = np.take_along_axis(scores, order, axis=-1)
    place = np.broadcast_to(np.arange(scores.shape[-1]), scores.shape)
    first = np.ones(scores.shape, dtype=bool)
    first[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    # The place at which each run of equal values begins, carried over the run.
    begins = np.maximum.accumulate(np.where(first, place, 0), axis=-1)
    ranks = np.empty(scores.shape, dtype=np.int64)
    np.put_along_axis(ranks, order, begins + 1, axis=-1)
    return ranks


def fractional_ranks(values: Sequence[float] | np.ndarray, better: Better) -> np.ndarray:
    """The same with equal values sharing the mean of their ranks (1, 2.5, 2.5, 4): what a mean rank is made of."""
    scores = _ascending(values, better)
    return (competition_ranks(scores, "lower") + scores.shape[-1] + 1 - competition_ranks(-scores, "lower")) / 2


def _ascending(values: Sequence[float] | np.ndarray, better: Better) -> np.ndarray:
    scores = np.asarray(values, dtype=np.float64)
    if not np.isfinite(scores).all():
        raise ValueError("values: only finite numbers can be ranked; leave missing ones out")
    return -scores if better == "higher" else scores


def t_quantile(freedom: int) -> float:
    """97.5 % quantile of Student's t."""
    if freedom < 1:
        raise ValueError(f"freedom: expected at least 1, got {freedom}")
    if freedom <= len(T_QUANTILES):
        return T_QUANTILES[freedom - 1]
    return Z + (Z**3 + Z) / (4 * freedom) + (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * freedom**2)


def widening(units: int) -> float:
    """Factor by which draws are spread about their mean before an interval is read off.

    With few units a percentile interval is too narrow: the bootstrap's variance lacks the factor n / (n - 1), and the
    normal shape stands in for Student's t (T. Hesterberg, "What Teachers Should Know About the Bootstrap", The American
    Statistician 2015, section 4.1, expands the percentiles; here the draws are scaled, which is the same for normal
    data and stays finite for two or three units).
    """
    return float(np.sqrt(units / (units - 1)) * t_quantile(units - 1) / Z)


def bootstrap_means(values: np.ndarray, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Means over units drawn with replacement, widened; every entry of a draw sees the same units.

    Parameters
    ----------
    values
        ``[unit, entry]``, at least two units.

    Returns
    -------
    means
        ``[draw, entry]``.
    """
    units = values.shape[0]
    if units < 2:
        raise ValueError(f"values: expected at least two units, got {units}")
    counts = np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), size=draws)
    means = values.mean(axis=0)
    # einsum and not a matrix product: its sums do not depend on the number of BLAS threads.
    moves = np.einsum("du,ue->de", counts / units, values - means)
    return means + widening(units) * moves


def rank_intervals(means: np.ndarray, better: Better) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest rank of each entry in the middle 95 % of the draws ``[draw, entry]``."""
    ranks = competition_ranks(means, better)
    low, high = np.quantile(ranks, _TAILS, axis=0, method="nearest")
    return low.astype(np.int64), high.astype(np.int64)


def indistinguishable(means: np.ndarray, best: int) -> np.ndarray:
    """Whether the 95 % interval of each entry's paired difference from entry ``best`` contains 0.

    No correction for the number of comparisons: the group is, if anything, too small.
    """
    low, high = np.quantile(means - means[:, [best]], _TAILS, axis=0)
    return (low <= 0) & (high >= 0)


def smallest_difference(values: np.ndarray) -> float | None:
    """What two entries must differ by to be told apart: the median over pairs of half a paired 95 % interval.

    Half the interval is Student's ``t * sd(differences) / sqrt(units)``; None with less than two units or two entries.
    """
    units, entries = values.shape
    if units < 2 or entries < 2:
        return None
    covariance = np.atleast_2d(np.cov(values, rowvar=False))
    spread = np.diag(covariance)
    variance = np.maximum(spread[:, None] + spread[None, :] - 2 * covariance, 0)
    pairs = variance[np.triu_indices(entries, k=1)]
    return float(t_quantile(units - 1) * np.median(np.sqrt(pairs / units)))


_TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
