"""Which figures a site shows, each in a page and as a file of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmark.records import METRICS, Record
from leaderboard import charts, links
from leaderboard.aggregate import FREE, Table
from leaderboard.cards import Catalogue
from leaderboard.charts import Chart, HeatMap, Radar
from leaderboard.content import BoardContent, Content
from leaderboard.figures import summary_plots
from leaderboard.formats import mode_title
from leaderboard.matrices import Matrix, column, mean_column
from leaderboard.plot import DotPlot

MOST_WEBS = 12
MOST_MARKS = 40


@dataclass(frozen=True)
class Drawing:
    """A figure; ``name`` is that of its file."""

    name: str
    title: str
    chart: HeatMap | Radar | Chart | DotPlot


def heat(slug: str, matrix: Matrix) -> Drawing:
    """A correlation matrix."""
    values = {pair: found.value for pair, found in matrix.pairs.items()}
    few = any(found.few for found in matrix.pairs.values())
    which = f", without {', '.join(matrix.left_out)}" if matrix.left_out else ""
    chart = charts.heat_map(matrix.labels, values, few)
    return Drawing(f"{slug}~{matrix.name}", f"{matrix.kind}, {matrix.title}{which}: {len(matrix.entries)} rows", chart)


def score_drawings(content: Content, board: BoardContent) -> list[Drawing]:
    """Scores with the spread of their seeds, by mode: the dot plots that the index shows."""
    if not board.summary or not board.in_index:
        return []
    return [
        Drawing(links.scores(board.board, mode), f"{mode_title(mode)}: mean over datasets", plot)
        for mode, plot in summary_plots(content.catalogue, board.summary)
    ]


def board_drawings(content: Content, board: BoardContent) -> list[Drawing]:
    """Radar, score against parameters and against time, and curves of concatenation, as far as there is data."""
    by_mode: dict[str, list[Table]] = {}
    for modes in board.tables.values():
        for mode, table in modes.items():
            if mode != FREE:
                by_mode.setdefault(mode, []).append(table)
    slug = board.board.slug
    found: list[Drawing | None] = []
    if not board.repeats:
        found.append(_radar(slug, content.catalogue, by_mode))
        for mode, tables in by_mode.items():
            found += _costs(slug, content.catalogue, board, mode, tables)
    found += _curves(slug, board)
    return [drawing for drawing in found if drawing]


def _radar(slug: str, catalogue: Catalogue, by_mode: Mapping[str, Sequence[Table]]) -> Drawing | None:
    axes, columns = [], []
    for mode, tables in by_mode.items():
        for name in METRICS:
            if tables and all(name in table.metrics for table in tables):
                axes.append(f"{mode_title(mode)} {METRICS[name].title}")
                columns.append(mean_column([column(table, name) for table in tables]))
    if len(axes) < 3:
        return None
    entries = [entry for entry in columns[0] if all(entry in values for values in columns)]
    # Rows that are no learned model would stretch every axis.
    entries = [entry for entry in entries if not catalogue.kind(entry)[0]]
    entries.sort(key=lambda entry: -columns[0][entry])
    drawn = charts.radar(axes, {entry: [values[entry] for values in columns] for entry in entries[:MOST_WEBS]})
    return Drawing(f"{slug}~radar", "Mode by metric, mean over datasets", drawn) if drawn else None


def _costs(
    slug: str, catalogue: Catalogue, board: BoardContent, mode: str, tables: Sequence[Table]
) -> list[Drawing | None]:
    headline = next((name for name in METRICS if all(name in table.metrics for table in tables)), None)
    if headline is None:
        return []
    metric = METRICS[headline]
    sign = 1 if metric.better == "higher" else -1
    scores = {
        entry: sign * value for entry, value in mean_column([column(table, headline) for table in tables]).items()
    }
    side = f"{metric.title}{f' ({metric.unit})' if metric.unit else ''}, {metric.better} is better"
    found: list[Drawing | None] = []
    for name, axis, amounts in (
        ("parameters", "Parameters of the network", {e: _parameters(catalogue, e) for e in scores}),
        ("seconds", "Seconds a cell, mean", {e: _seconds(board, e, mode) for e in scores}),
    ):
        points = {
            entry: (amount, scores[entry], catalogue.shape(entry))
            for entry, amount in list(amounts.items())[:MOST_MARKS]
            if amount
        }
        chart = charts.scatter(points, axis, side)
        if chart:
            found.append(Drawing(f"{slug}~{name}~{mode}", f"{mode_title(mode)}: {metric.title} by {name}", chart))
    return found


def _parameters(catalogue: Catalogue, entry: str) -> float | None:
    amount = catalogue.entries.get(entry, {}).get("parameters")
    return float(amount) if isinstance(amount, int | float) and not isinstance(amount, bool) else None


def _seconds(board: BoardContent, entry: str, mode: str) -> float | None:
    """Mean over records of the sum over stages."""
    sums = [
        total
        for group in board.records.values()
        for record in group.get(entry, ())
        if record.cell.mode == mode and (total := _total(record)) is not None
    ]
    return fmean(sums) if sums else None


def _total(record: Record) -> float | None:
    stages = record.cost.get("seconds")
    values = list(stages.values()) if isinstance(stages, Mapping) else [stages]
    numbers = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return sum(numbers) if numbers and sum(numbers) > 0 else None


def _curves(slug: str, board: BoardContent) -> list[Drawing | None]:
    """Chains of concatenated features: records whose details name a curve and its members."""
    lines: dict[tuple[str, str], dict[str, dict[int, float]]] = {}
    for group in board.records.values():
        for records in group.values():
            for record in records:
                name, members = record.details.get("curve"), record.details.get("members")
                if not isinstance(name, str) or not isinstance(members, list) or record.status != "ok":
                    continue
                for metric, measured in record.metrics.items():
                    line = lines.setdefault((record.cell.mode, metric), {}).setdefault(name[:40], {})
                    line[len(members)] = measured.value
    found: list[Drawing | None] = []
    for (mode, metric), chains in sorted(lines.items(), key=lambda line: list(METRICS).index(line[0][1])):
        whole = {name: [v for _, v in sorted(chain.items())] for name, chain in chains.items() if _is_whole(chain)}
        names = METRICS[metric]
        side = f"{names.title}{f' ({names.unit})' if names.unit else ''}, {names.better} is better"
        chart = charts.curves(
            {name.replace("_", " "): values for name, values in whole.items()}, f"Number of features. {side}"
        )
        if chart:
            title = f"{mode_title(mode)}: {names.title} of concatenated features"
            found.append(Drawing(f"{slug}~concatenation~{metric}~{mode}", title, chart))
    return found


def _is_whole(chain: Mapping[int, float]) -> bool:
    return sorted(chain) == list(range(1, len(chain) + 1))
