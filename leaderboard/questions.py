"""The paper's questions, answered from the records, beside what the paper states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.records import METRICS
from leaderboard.aggregate import FREE, Board, Table
from leaderboard.content import BoardContent, Content
from leaderboard.contrasts import Contrast, contrast, groups, way_of_training
from leaderboard.correlation import Correlation, correlations, topsis
from leaderboard.formats import MINUS, decimal, number
from leaderboard.matrices import column, mean_column, shared
from leaderboard.ranking import fractional_ranks

TOP = 3
MEANS = "published_means"
DISTILLED = "distillation of several models"
# The entries of which the paper's statements speak; rows that were added later would change who is third.
PAPER_ENTRIES = ("dust3r", "mast3r", "midas", "dinov2", "dino", "sam", "clip", "radio", "mae", "sd")

QUESTIONS = {
    "training data": "Does 3-D awareness need 3-D data?",
    "supervision": "How much does the way of training matter?",
    "architecture": "Does the architecture matter?",
    "size": "Does size matter?",
}


@dataclass(frozen=True)
class Statement:
    """An order of entries that the paper states for a mode, the best first."""

    mode: str
    order: tuple[str, ...]


STATEMENTS = (
    Statement("geometry", ("radio", "mast3r", "dust3r")),
    Statement("texture", ("mae", "sam", "mast3r")),
    Statement("all", ("mast3r", "dust3r", "dino")),
)


@dataclass(frozen=True)
class Order:
    """First entries by one criterion on a board, with their numbers; ``stated`` says whether they are the paper's."""

    board: Board
    criterion: str
    entries: tuple[tuple[str, str], ...]
    stated: str


@dataclass(frozen=True)
class Checked:
    """A statement beside the numbers."""

    statement: Statement
    orders: tuple[Order, ...]


@dataclass(frozen=True)
class Family:
    """Contrasts of one attribute by one metric: by group, then by mode."""

    attribute: str
    metric: str
    contrasts: Mapping[str, Mapping[str, Contrast]]


@dataclass(frozen=True)
class BoardAnswers:
    """What a board says to the questions; ``unit`` is ``dataset`` or ``scene``."""

    board: Board
    modes: tuple[str, ...]
    unit: str
    families: Mapping[str, tuple[Family, ...]]
    duels: tuple[Duel, ...]
    relations: tuple[Relation, ...]


@dataclass(frozen=True)
class Duel:
    """A model that distils several others against a concatenation; ``differences`` by metric, positive if it wins."""

    distilled: str
    concatenation: str
    mode: str
    differences: Mapping[str, tuple[float, int]]


@dataclass(frozen=True)
class Relation:
    """Correlation of the All mode with another, by metric, over the paper's rows with and without those of no model."""

    metric: str
    mode: str
    whole: Correlation
    models: Correlation


def answers(content: Content, board: BoardContent) -> BoardAnswers | None:
    """All that a board has to say; None if that is nothing."""
    by_mode = _by_mode(board)
    cards = content.catalogue.entries
    unit = "dataset" if len(board.tables) > 1 else "scene"
    found = {
        attribute: tuple(_family(attribute, metric, by_mode, cards, unit) for metric in METRICS)
        for attribute in QUESTIONS
    }
    families = {attribute: kept for attribute, some in found.items() if (kept := tuple(f for f in some if f.contrasts))}
    duels = _duels(content, by_mode)
    relations = [] if board.repeats else _relations(content, by_mode)
    if not families and not duels and not relations:
        return None
    return BoardAnswers(board.board, tuple(by_mode), unit, families, tuple(duels), tuple(relations))


def _by_mode(board: BoardContent) -> dict[str, list[Table]]:
    found: dict[str, list[Table]] = {}
    for modes in board.tables.values():
        for mode, table in modes.items():
            if mode != FREE:
                found.setdefault(mode, []).append(table)
    return found


def _family(
    attribute: str,
    metric: str,
    by_mode: Mapping[str, Sequence[Table]],
    cards: Mapping[str, Mapping],
    unit: str,
) -> Family:
    found: dict[str, dict[str, Contrast]] = {}
    for mode, tables in by_mode.items():
        if not all(metric in table.metrics for table in tables):
            continue
        rows = _units(tables, metric, unit)
        if len(rows) < 2:
            continue
        entries = shared(rows)
        members = groups(entries, cards, attribute)
        known = sorted(entry for group in members.values() for entry in group)
        if len(members) < 2 or len(known) < 3:
            continue
        values = np.array([[row[entry] for entry in known] for row in rows])
        for group, inside in members.items():
            found.setdefault(group, {})[mode] = contrast(values, known, inside, group)
    return Family(attribute, metric, found)


def _units(tables: Sequence[Table], metric: str, unit: str) -> list[dict[str, float]]:
    """Scores by entry, larger is better: one mapping a dataset, or one a scene of the only dataset."""
    if unit == "dataset":
        return [column(table, metric) for table in tables]
    sign = 1.0 if METRICS[metric].better == "higher" else -1.0
    (table,) = tables
    rows = [row for row in table.rows if row.entry in column(table, metric) and not row.reference]
    scenes = sorted({scene for row in rows for scene in row.scores[metric].by_scene})
    return [{row.entry: sign * row.scores[metric].by_scene[scene] for row in rows} for scene in scenes]


def _duels(content: Content, by_mode: Mapping[str, Sequence[Table]]) -> list[Duel]:
    cards = content.catalogue.entries
    found = []
    for mode, tables in by_mode.items():
        names = [name for name in METRICS if all(name in table.metrics for table in tables)]
        means = {name: mean_column([column(table, name) for table in tables]) for name in names}
        entries = shared(list(means.values()))
        distilled = [e for e in entries if way_of_training(cards.get(e, {})) == DISTILLED]
        joined = [e for e in entries if cards.get(e, {}).get("kind") == "concatenation"]
        for first in distilled:
            for second in joined:
                differences = {name: (means[name][first] - means[name][second], len(tables)) for name in names}
                found.append(Duel(first, second, mode, differences))
    return found


def _relations(content: Content, by_mode: Mapping[str, Sequence[Table]]) -> list[Relation]:
    """How the All mode goes with the other two."""
    found = []
    for metric in METRICS:
        for mode in ("geometry", "texture"):
            tables = [by_mode.get("all", []), by_mode.get(mode, [])]
            if not all(some and all(metric in table.metrics for table in some) for some in tables):
                continue
            columns = [mean_column([column(table, metric) for table in some]) for some in tables]
            entries = shared(columns)
            models = [entry for entry in entries if not content.catalogue.kind(entry)[0]]
            if len(models) > 2:
                found.append(Relation(metric, mode, _between(columns, entries), _between(columns, models)))
    return found


def _between(columns: Sequence[Mapping[str, float]], entries: Sequence[str]) -> Correlation:
    values = {str(i): [column[entry] for entry in entries] for i, column in enumerate(columns)}
    return correlations(values)["0", "1"]


def check_statements(content: Content) -> list[Checked]:
    """Every statement beside the first entries of each board that has its mode, by each criterion."""
    found = []
    for statement in STATEMENTS:
        orders = [order for board in content.boards for order in _orders(content, board, statement)]
        if orders:
            found.append(Checked(statement, tuple(orders)))
    return found


def _orders(content: Content, board: BoardContent, statement: Statement) -> list[Order]:
    tables = _by_mode(board).get(statement.mode, [])
    published = board.board.origin == "published"
    # The paper's statements are about its means over all datasets, which it prints.
    if board.board.track != "feat2gs" or (published and board.board.protocol != MEANS):
        return []
    names = [name for name in METRICS if tables and all(name in table.metrics for table in tables)]
    columns = {name: mean_column([column(table, name) for table in tables]) for name in names}
    entries = [
        entry
        for entry in shared(list(columns.values()))
        if not content.catalogue.kind(entry)[0] and (not published or entry in PAPER_ENTRIES)
    ]
    if len(entries) <= TOP:
        return []
    return [
        Order(board.board, criterion, _first(criterion, scores, entries), _verdict(scores, entries, statement))
        for criterion, scores in criteria(columns, entries).items()
    ]


def criteria(columns: Mapping[str, Mapping[str, float]], entries: Sequence[str]) -> dict[str, np.ndarray]:
    """Scores of entries, larger is better, as they are printed: metrics, mean rank and TOPSIS over the image metrics."""
    found = {
        METRICS[name].title: np.array([float(_printed(values[entry], name)) for entry in entries])
        for name, values in columns.items()
    }
    image = [name for name in columns if METRICS[name].kind == "image"]
    if len(image) > 1:
        matrix = np.array([[columns[name][entry] for name in image] for entry in entries])
        ranks = np.array([fractional_ranks(matrix[:, i], "higher") for i in range(len(image))])
        found["mean rank"] = -ranks.mean(axis=0).round(2)
        signs = np.array([1.0 if METRICS[name].better == "higher" else -1.0 for name in image])
        found["TOPSIS"] = topsis(matrix * signs, [METRICS[name].better for name in image]).round(3)
    return found


def _printed(value: float, metric: str) -> str:
    return number(value, metric).replace(MINUS, "-")


def _first(criterion: str, scores: np.ndarray, entries: Sequence[str]) -> tuple[tuple[str, str], ...]:
    metric = next((metric for metric in METRICS.values() if metric.title == criterion), None)
    decimals = metric.decimals if metric else 2 if criterion == "mean rank" else 3
    order = sorted(range(len(entries)), key=lambda i: (-scores[i], entries[i]))[:TOP]
    return tuple((entries[i], decimal(abs(float(scores[i])), decimals)) for i in order)


def _verdict(scores: np.ndarray, entries: Sequence[str], statement: Statement) -> str:
    if not set(statement.order) <= set(entries):
        return "not the same entries"
    score = dict(zip(entries, scores.tolist(), strict=True))
    for place, entry in enumerate(statement.order):
        better = [other for other in entries if score[other] > score[entry]]
        if set(better) - set(statement.order[:place]):
            return "no"
    shared_with = [
        other for entry in statement.order for other in entries if other != entry and score[other] == score[entry]
    ]
    return f"yes, but for ties ({', '.join(sorted(set(shared_with)))})" if shared_with else "yes"
