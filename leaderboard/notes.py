"""Words beside a table: where its intervals come from, what is missing from it and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.records import METRICS
from leaderboard.aggregate import Hole, Table
from leaderboard.formats import number

LETTERS = "abcdefghijklmnopqrstuvwxyz"
MOST_HOLES = 5


@dataclass(frozen=True)
class Footnotes:
    """Reasons for absent values, lettered; ``letters`` by (metric, reason)."""

    letters: Mapping[tuple[str, str], str]

    def of(self, metric: str, reasons: Sequence[str]) -> str:
        """Letters of a cell."""
        return ", ".join(self.letters[metric, reason] for reason in reasons if (metric, reason) in self.letters)


def footnotes(table: Table) -> Footnotes:
    """A letter for each reason why a metric that some rows have is absent from others."""
    found = sorted(
        {(name, reason) for row in table.rows for name in table.metrics for reason in row.scores[name].absent}
    )
    return Footnotes({pair: _letters(i) for i, pair in enumerate(found)})


def _letters(index: int) -> str:
    return LETTERS[index % 26] * (index // 26 + 1)


def plural(count: int, word: str) -> str:
    """Count and noun."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def with_unit(value: float, metric: str) -> str:
    """A number with its unit."""
    unit = METRICS[metric].unit
    return f"{number(value, metric)} {unit}" if unit else number(value, metric)


def trust(table: Table) -> str:
    """One or two sentences on what the headline metric's differences are worth."""
    name = table.headline
    if name is None:
        return "No entry has a number yet."
    if len(table.standings[name]) < 2:
        return "Fewer than two complete entries: nothing to compare yet."
    known = table.resolution[name]
    title = METRICS[name].title
    if table.board.origin == "published" and known.units == "none":
        return "Means as they are printed: neither scenes nor seeds are known, so no interval can be given."
    if known.units == "none":
        return (
            "One scene and one seed: no interval can be given, so small differences may be chance. "
            "More seeds or scenes would tell."
        )
    smallest = "" if known.smallest_difference is None else with_unit(known.smallest_difference, name)
    count = plural(known.count, known.units.removesuffix("s"))
    told = f"Smallest difference in {title} that these {known.units} can tell: {smallest}."
    if known.units == "scenes":
        return f"Intervals: paired bootstrap over {count}. {told}"
    return (
        f"One scene: intervals come from its {count} alone. They say how repeatable the order is on this scene, "
        f"not whether it holds on others. {told}"
    )


def group(table: Table) -> list[str]:
    """Entries not distinguishable from the best by the headline metric, the best first; empty if that is unknown."""
    if table.headline is None:
        return []
    standings = table.standings[table.headline]
    near = [
        row.entry
        for row in table.rows
        if not row.reference and row.entry in standings and standings[row.entry].near_best
    ]
    return near if len(standings) > 1 else []


def hole_lines(holes: Sequence[Hole]) -> list[str]:
    """What an entry lacks, a line each; at most a handful."""
    lines = []
    for hole in holes[:MOST_HOLES]:
        seed = "" if hole.seed is None else f" seed {hole.seed}"
        reason = f": {hole.reason}" if hole.reason else ""
        lines.append(f"{hole.scene}{seed} {hole.status}{reason}")
    if len(holes) > MOST_HOLES:
        lines.append(f"and {len(holes) - MOST_HOLES} more")
    return lines
