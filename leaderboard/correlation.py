"""Rank correlations between columns of numbers of the same entries, and what they are worth. Pure NumPy.

Columns are turned so that larger is better: a positive correlation always means that two columns agree on who is
better. Spearman's coefficient is used throughout, as in the paper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np

from leaderboard.ranking import LEVEL, Better, fractional_ranks

DRAWS = 2000
FEW = 8
# All orders are tried up to so many entries (5040 orders of 7).
EXACT = 7


@dataclass(frozen=True)
class Correlation:
    """Spearman's coefficient of two columns.

    Attributes
    ----------
    value
        In [-1, 1]; None where a column is constant or there are fewer than three entries.
    count
        Number of entries.
    interval
        Middle 95 % of a bootstrap over entries; None where ``value`` is.
    probability
        Of a coefficient at least as far from zero if the columns had nothing to do with each other: all permutations of
        up to seven entries, 2000 random ones of more.
    """

    value: float | None
    count: int
    interval: tuple[float, float] | None = None
    probability: float | None = None

    @property
    def few(self) -> bool:
        """Too few entries to rely on."""
        return self.count < FEW


def spearman(first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray) -> float | None:
    """Spearman's coefficient; ties share the mean of their ranks. None with a constant column or under three values."""
    found = correlations({"first": first, "second": second}, draws=0)
    return found["first", "second"].value


def oriented(values: Sequence[float] | np.ndarray, better: Better) -> np.ndarray:
    """Values turned so that larger is better."""
    turned = np.asarray(values, dtype=np.float64)
    return turned if better == "higher" else -turned


def correlations(
    columns: Mapping[str, Sequence[float] | np.ndarray], draws: int = DRAWS, seed: int = 0
) -> dict[tuple[str, str], Correlation]:
    """Every pair of columns, in their order; all pairs see the same draws.

    Parameters
    ----------
    columns
        By name: a number an entry, larger is better, the same entries in all of them.
    draws
        Of the bootstrap and of random permutations; 0 gives coefficients alone.

    Raises
    ------
    ValueError
        If columns differ in length or hold numbers that are not finite.
    """
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise ValueError(f"columns: expected equal lengths, got {sorted(lengths)}")
    count = lengths.pop() if lengths else 0
    pairs = list(combinations(columns, 2))
    if count < 3:
        return {pair: Correlation(None, count) for pair in pairs}
    values = {name: np.asarray(column, dtype=np.float64) for name, column in columns.items()}
    scores = {name: _scores(column) for name, column in values.items()}
    if not draws:
        return {(a, b): Correlation(_coefficient(scores[a], scores[b]), count) for a, b in pairs}
    random = np.random.default_rng(seed)
    picks = random.integers(count, size=(draws, count))
    drawn = {name: _scores(column[picks]) for name, column in values.items()}
    orders = _orders(count, draws, random)
    exact = count <= EXACT
    return {(a, b): _with_trust(scores[a], scores[b], drawn[a], drawn[b], orders, exact) for a, b in pairs}


def _scores(values: np.ndarray) -> np.ndarray:
    """Ranks along the last axis, centred and of unit length; zeros where all are equal."""
    ranks = fractional_ranks(values, "lower")
    ranks = ranks - ranks.mean(axis=-1, keepdims=True)
    length = np.sqrt((ranks**2).sum(axis=-1, keepdims=True))
    return np.divide(ranks, length, out=np.zeros_like(ranks), where=length > 0)


def _coefficient(first: np.ndarray, second: np.ndarray) -> float | None:
    if not first.any() or not second.any():
        return None
    return float(np.clip(first @ second, -1, 1))


def _orders(count: int, draws: int, random: np.random.Generator) -> np.ndarray:
    if count <= EXACT:
        return np.array(list(permutations(range(count))))
    return random.permuted(np.tile(np.arange(count), (draws, 1)), axis=1)


def _with_trust(
    first: np.ndarray,
    second: np.ndarray,
    drawn_first: np.ndarray,
    drawn_second: np.ndarray,
    orders: np.ndarray,
    exact: bool,
) -> Correlation:
    value = _coefficient(first, second)
    if value is None:
        return Correlation(None, len(first))
    # A draw in which a column is constant says nothing.
    told = drawn_first.any(axis=-1) & drawn_second.any(axis=-1)
    bootstrap = np.clip((drawn_first[told] * drawn_second[told]).sum(axis=-1), -1, 1)
    tails = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    low, high = np.quantile(bootstrap, tails) if told.any() else (-1.0, 1.0)
    # einsum and not a matrix product: its sums do not depend on the number of BLAS threads.
    chance = np.abs(np.einsum("dn,n->d", first[orders], second))
    beyond = int((chance >= abs(value) - 1e-12).sum())
    probability = beyond / len(orders) if exact else (beyond + 1) / (len(orders) + 1)
    return Correlation(value, len(first), (float(low), float(high)), probability)


def topsis(values: np.ndarray, better: Sequence[Better], weights: Sequence[float] | None = None) -> np.ndarray:
    """Closeness of each row to the ideal, in [0, 1]: the paper's combined score.

    C. L. Hwang and K. Yoon, "Multiple Attribute Decision Making", 1981: columns are divided by their Euclidean length
    and weighed; closeness is the distance to the worst over the sum of the distances to worst and best.

    Parameters
    ----------
    values
        ``[row, criterion]``.
    better
        Direction of each criterion.
    weights
        Of the criteria; equal by default.

    Returns
    -------
    closeness
        ``[row]``, 1 the best; all 0.5 where rows do not differ.
    """
    if values.ndim != 2 or values.shape[1] != len(better):
        raise ValueError(f"values: expected [row, {len(better)}], got shape {values.shape}")
    lengths = np.sqrt((values**2).sum(axis=0))
    shares = np.full(len(better), 1 / len(better)) if weights is None else np.asarray(weights, dtype=np.float64)
    turned = np.array([1.0 if direction == "higher" else -1.0 for direction in better])
    weighed = np.divide(values, lengths, out=np.zeros_like(values), where=lengths > 0) * shares * turned
    to_best = np.sqrt(((weighed - weighed.max(axis=0)) ** 2).sum(axis=1))
    to_worst = np.sqrt(((weighed - weighed.min(axis=0)) ** 2).sum(axis=1))
    whole = to_best + to_worst
    return np.divide(to_worst, whole, out=np.full(len(values), 0.5), where=whole > 0)


def agreement_without(scores: Mapping[str, Sequence[float] | np.ndarray]) -> dict[str, Correlation]:
    """Rank agreement that is left when a dataset is dropped.

    Parameters
    ----------
    scores
        By dataset: a number an entry, larger is better.

    Returns
    -------
    agreement
        By dataset: Spearman between the order by mean score over all datasets and over all but this one.
    """
    if len(scores) < 2:
        return {}
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in scores.items()}
    everything = np.mean(list(columns.values()), axis=0)
    found = {}
    for left_out in columns:
        rest = np.mean([values for name, values in columns.items() if name != left_out], axis=0)
        found[left_out] = Correlation(spearman(everything, rest), len(everything))
    return found
