"""Does a property of entries matter? Differences between groups of entries, and how far they can be trusted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from math import comb
from typing import Any

import numpy as np

from leaderboard.ranking import LEVEL, bootstrap_means

MOST_SPLITS = 5000


@dataclass(frozen=True)
class Contrast:
    """Mean of a group of entries minus the mean of the others, on the same units; positive is better.

    Attributes
    ----------
    members, others
        Entries of the group, and all that have the property otherwise.
    interval
        95 %, paired bootstrap over units: would these entries differ on other scenes? None with one unit.
    units
        How many datasets or scenes.
    probability
        Of a difference at least as far from zero if the property were handed out at random among the entries: would
        other entries of the group differ? Never below one over the number of ways to hand it out.
    """

    group: str
    members: tuple[str, ...]
    others: tuple[str, ...]
    difference: float
    interval: tuple[float, float] | None
    units: int
    probability: float


def contrast(values: np.ndarray, entries: Sequence[str], members: Sequence[str], group: str = "") -> Contrast:
    """Compare some entries with the rest.

    Parameters
    ----------
    values
        ``[unit, entry]``, larger is better, in the order of ``entries``.

    Raises
    ------
    ValueError
        If a side is empty.
    """
    inside = np.array([entry in set(members) for entry in entries])
    if not inside.any() or inside.all():
        raise ValueError(f"members: expected some of {', '.join(entries)} and not all, got {', '.join(members)}")
    differences = values[:, inside].mean(axis=1) - values[:, ~inside].mean(axis=1)
    interval = None
    if len(differences) > 1:
        drawn = bootstrap_means(differences[:, None])[:, 0]
        low, high = np.quantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
        interval = float(low), float(high)
    return Contrast(
        group,
        tuple(entry for entry, there in zip(entries, inside, strict=True) if there),
        tuple(entry for entry, there in zip(entries, inside, strict=True) if not there),
        float(differences.mean()),
        interval,
        len(differences),
        _probability(values.mean(axis=0), inside),
    )


def _probability(scores: np.ndarray, inside: np.ndarray) -> float:
    """Two-sided permutation test of the difference of means; all splits if they are few, else random ones."""
    count, size = len(scores), int(inside.sum())
    observed = abs(scores[inside].mean() - scores[~inside].mean())
    whole = scores.sum()
    if comb(count, size) <= MOST_SPLITS:
        picks = np.array(list(combinations(range(count), size)))
    else:
        random = np.random.default_rng(0)
        picks = np.array([random.permutation(count)[:size] for _ in islice(range(MOST_SPLITS), 2000)])
    sums = scores[picks].sum(axis=1)
    found = np.abs(sums / size - (whole - sums) / (count - size))
    beyond = int((found >= observed - 1e-12).sum())
    return beyond / len(picks) if comb(count, size) <= MOST_SPLITS else (beyond + 1) / (len(picks) + 1)


def groups(entries: Sequence[str], cards: Mapping[str, Mapping[str, Any]], attribute: str) -> dict[str, list[str]]:
    """Learned entries by what their card says of an attribute; those of which it says nothing are left out."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        card = cards.get(entry, {})
        value = ATTRIBUTES[attribute](card) if card.get("kind") == "learned" else ""
        if value:
            found.setdefault(value, []).append(entry)
    return dict(sorted(found.items()))


def _word(name: str, card: Mapping[str, Any]) -> str:
    value = card.get(name)
    return value[:80] if isinstance(value, str) else ""


def way_of_training(card: Mapping[str, Any]) -> str:
    """The kind of supervision that a card words in detail; its own words where none of the known kinds is named."""
    words = _word("supervision", card)
    return next((kind for sign, kind in WAYS if re.search(sign, words)), words)


# The first that is found counts: "denoising, with captions" is denoising.
WAYS = (
    ("distillation (from|of several)", "distillation of several models"),
    ("image pairs|image sets|many views|from another", "several views"),
    ("depth|points of single", "depth or points of one view"),
    ("denoising", "denoising"),
    ("caption|text", "text"),
    ("self-distillation", "self-distillation"),
    ("masked|hidden", "masked images"),
    ("masks", "masks"),
)


def _architecture(card: Mapping[str, Any]) -> str:
    """The first word without its patch size: ViT-B, ViT-L, U-Net."""
    return re.split(r"[/, ]", _word("architecture", card), maxsplit=1)[0]


def _size(card: Mapping[str, Any]) -> str:
    count = card.get("parameters")
    if not isinstance(count, int | float) or isinstance(count, bool) or count <= 0:
        return ""
    return "up to 100 M" if count <= 1e8 else "100 M to 500 M" if count <= 5e8 else "over 500 M"


ATTRIBUTES = {
    "training data": lambda card: _word("training_data", card),
    "supervision": way_of_training,
    "architecture": _architecture,
    "size": _size,
}
