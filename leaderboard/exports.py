"""A table as CSV, JSON, Markdown and LaTeX. CSV and JSON carry unrounded values."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

from benchmark.records import METRICS
from leaderboard.aggregate import Row, Table
from leaderboard.formats import number

ARROWS = {"higher": "↑", "lower": "↓"}


def to_csv(table: Table) -> str:
    """One line an entry; empty where there is no value."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    header = ["rank", "entry", "reference", "seeds", "scenes", "of"]
    for name in table.metrics:
        header += [name, f"{name}_seed_sd"]
    writer.writerow(header)
    for row in table.rows:
        head = row.scores[table.metrics[0]] if table.metrics else None
        line: list[Any] = [_rank(table, row), row.entry, "yes" if row.reference else "no", len(row.seeds)]
        line += [len(head.by_scene), head.of] if head else [0, 0]
        for name in table.metrics:
            line += [row.scores[name].value, row.scores[name].seed_deviation]
        writer.writerow(["" if value is None else value for value in line])
    return out.getvalue()


def to_json(table: Table) -> str:
    """Everything that the table says, by scene and by seed too; what is not known is left out."""
    rows = []
    for row in table.rows:
        metrics = {}
        for name in table.metrics:
            score, standing = row.scores[name], None if row.reference else table.standings[name].get(row.entry)
            found = {
                "value": score.value,
                "seed_deviation": score.seed_deviation,
                # One scene or one seed would say the same once more.
                "by_scene": dict(score.by_scene) if len(score.by_scene) > 1 or score.value is None else None,
                "by_seed": {str(seed): value for seed, value in score.by_seed.items()}
                if len(score.by_seed) > 1
                else None,
                "of": score.of,
                "rank": standing.rank if standing else None,
                "rank_interval": standing.interval if standing else None,
                "not_distinguishable_from_best": standing.near_best if standing else None,
                "absent": score.absent or None,
            }
            metrics[name] = {key: value for key, value in found.items() if value is not None}
        holes = [
            {"scene": hole.scene, "seed": hole.seed, "status": hole.status, "why": hole.reason} for hole in row.holes
        ]
        rows.append(
            {
                "entry": row.entry,
                "reference": row.reference,
                "seeds": list(row.seeds),
                "metrics": metrics,
                "holes": holes,
            }
        )
    resolution = {
        name: {"units": known.units, "count": known.count, "smallest_difference": known.smallest_difference}
        for name, known in table.resolution.items()
    }
    board = table.board
    values = {
        "track": board.track,
        "protocol": board.protocol,
        "reconstruction": board.reconstruction,
        "origin": board.origin,
        "dataset": table.dataset,
        "mode": table.mode,
        "scenes": list(table.scenes),
        "resolution": resolution,
        "rows": rows,
    }
    return json.dumps(values, separators=(",", ":"), allow_nan=False, ensure_ascii=False) + "\n"


def to_markdown(table: Table) -> str:
    """A table for a README; the best value of a column is bold."""
    heads = [f"{METRICS[name].title} {ARROWS[METRICS[name].better]}" for name in table.metrics]
    lines = ["| " + " | ".join(["Rank", "Entry", *heads]) + " |", "|---:|:---|" + "---:|" * len(heads)]
    for row in table.rows:
        cells = [_cell(table, row, name, "**{}**".format, " ± ") for name in table.metrics]
        lines.append("| " + " | ".join([str(_rank(table, row) or ""), f"`{row.entry}`", *cells]) + " |")
    return "\n".join(lines) + "\n"


def to_latex(table: Table) -> str:
    """A table for a paper, of plain LaTeX; the best value of a column is bold."""
    arrows = {"higher": r"$\uparrow$", "lower": r"$\downarrow$"}
    heads = [f"{METRICS[name].title} {arrows[METRICS[name].better]}" for name in table.metrics]
    lines = [
        r"\begin{tabular}{rl" + "r" * len(heads) + "}",
        r"\hline",
        " & ".join(["", "Entry", *heads]) + r" \\",
        r"\hline",
    ]
    for row in table.rows:
        cells = [_cell(table, row, name, r"\textbf{{{}}}".format, r" $\pm$ ") for name in table.metrics]
        name = r"\texttt{" + row.entry.replace("_", r"\_") + "}"
        lines.append(" & ".join([str(_rank(table, row) or ""), name, *cells]) + r" \\")
    return "\n".join([*lines, r"\hline", r"\end{tabular}"]) + "\n"


def _rank(table: Table, row: Row) -> int | None:
    if row.reference or table.headline is None:
        return None
    standing = table.standings[table.headline].get(row.entry)
    return standing.rank if standing else None


def _cell(table: Table, row: Row, metric: str, bold: Callable[[str], str], plus_minus: str) -> str:
    score = row.scores[metric]
    if score.value is None:
        return f"{len(score.by_scene)} of {score.of}" if score.by_scene else "absent"
    text = number(score.value, metric)
    standing = None if row.reference else table.standings[metric].get(row.entry)
    if standing and standing.rank == 1:
        text = bold(text)
    if score.seed_deviation is not None:
        text += plus_minus + number(score.seed_deviation, metric)
    return text


FORMATS: Mapping[str, tuple[str, Callable[[Table], str]]] = {
    "csv": ("CSV", to_csv),
    "json": ("JSON", to_json),
    "md": ("Markdown", to_markdown),
    "tex": ("LaTeX", to_latex),
}
