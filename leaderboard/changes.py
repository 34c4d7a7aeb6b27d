"""What a change of the results does: rows added, changed, removed; and the comment that says so beside known rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmark.cells import Cell
from benchmark.records import METRICS, Record
from leaderboard.aggregate import FREE, Board, Row, Table, board_of, make_table, newest
from leaderboard.cards import Catalogue
from leaderboard.formats import number
from leaderboard.submissions import Problem

MOST_LISTED = 20


@dataclass(frozen=True)
class Changes:
    """Cells by what happened to them. A record made anew with the same numbers is no change."""

    added: tuple[Record, ...]
    changed: tuple[tuple[Record, Record], ...]
    removed: tuple[Record, ...]


def changes(before: Iterable[Record], after: Iterable[Record]) -> Changes:
    """Compare two states of the results, cell by cell; published and measured records of one cell are two."""
    old, new = ({_identity(record): record for record in newest(records)} for records in (before, after))
    return Changes(
        added=tuple(new[key] for key in sorted(set(new) - set(old))),
        changed=tuple(
            (old[key], new[key]) for key in sorted(set(old) & set(new)) if _says(old[key]) != _says(new[key])
        ),
        removed=tuple(old[key] for key in sorted(set(old) - set(new))),
    )


def _identity(record: Record) -> tuple[Board, Cell]:
    return board_of(record), record.cell


def _says(record: Record) -> tuple:
    # A published row also says where it was printed.
    source = record.provenance if record.made_by == "published" else {}
    return record.status, record.key, dict(record.metrics), dict(record.absent), dict(source)


def forbidden(found: Changes) -> list[Problem]:
    """What a submission may not do: remove a row, or touch a published one."""
    problems = [Problem("results", f"{record.cell.label} was removed; put it back") for record in found.removed]
    problems += [
        Problem("results", f"{after.cell.label} is a published row and was changed; take it from its source")
        for before, after in found.changed
        if before.made_by == "published"
    ]
    return problems


def comment(found: Changes, after: Sequence[Record], problems: Sequence[Problem], catalogue: Catalogue) -> str:
    """Markdown for a pull request: the verdict, and each new row beside the best and a baseline of its table."""
    lines = ["### Results check", ""]
    lines.append(f"**{len(problems)} problem{'s' if len(problems) != 1 else ''}.**" if problems else "**Accepted.**")
    counts = f"{len(found.added)} records added, {len(found.changed)} changed, {len(found.removed)} removed."
    lines += ["", counts, ""]
    lines += [f"- {_plain(str(problem))}" for problem in problems[:MOST_LISTED]]
    if len(problems) > MOST_LISTED:
        lines.append(f"- and {len(problems) - MOST_LISTED} more")
    touched = [*found.added, *(new for _, new in found.changed)]
    for table, entries in _tables(touched, after):
        lines += ["", *_comparison(table, entries, catalogue)]
    return "\n".join(lines).rstrip() + "\n"


def _plain(text: str) -> str:
    """Text in which nothing is markup: between backticks, without any."""
    return "`" + text.replace("`", "'").replace("\n", " ")[:400] + "`"


def _tables(touched: Sequence[Record], after: Sequence[Record]) -> list[tuple[Table, list[str]]]:
    wanted: dict[tuple[Board, str, str], set[str]] = {}
    for record in touched:
        wanted.setdefault((board_of(record), record.cell.dataset, record.cell.mode), set()).add(record.cell.entry)
    found = []
    for (board, dataset, mode), entries in sorted(wanted.items()):
        group = [
            record
            for record in newest(after)
            if board_of(record) == board and record.cell.dataset == dataset and record.cell.mode in (mode, FREE)
        ]
        found.append((make_table(group, board, dataset, mode), sorted(entries)))
    return found[:MOST_LISTED]


def _comparison(table: Table, entries: Sequence[str], catalogue: Catalogue) -> list[str]:
    heads = [f"{METRICS[name].title} {'↑' if METRICS[name].better == 'higher' else '↓'}" for name in table.metrics]
    board = table.board
    lines = [
        f"`{table.dataset}`, {table.mode}, protocol `{board.protocol}`, {board.reconstruction} reconstruction",
        "",
        "| Entry | Rank | " + " | ".join([*heads, ""]) + "|",
        "|:---|---:|" + "---:|" * len(heads) + ":---|",
    ]
    for row, why in [
        *((row, "this change") for row in table.rows if row.entry in entries),
        *_references(table, entries, catalogue),
    ]:
        standing = table.standings[table.headline].get(row.entry) if table.headline and not row.reference else None
        rank = str(standing.rank) if standing else "–"
        cells = [_cell(row, name) for name in table.metrics]
        lines.append("| " + " | ".join([f"`{row.entry}`", rank, *cells, why]) + " |")
    return lines


def _references(table: Table, entries: Sequence[str], catalogue: Catalogue) -> list[tuple[Row, str]]:
    """Two rows to compare with: the best of the others, and one that is no model."""
    others = [row for row in table.rows if row.entry not in entries]
    whole = [row for row in others if table.headline and row.scores[table.headline].value is not None]
    best = next((row for row in whole if not row.reference and not catalogue.kind(row.entry)[0]), None)
    control = next((row for row in whole if row.reference or catalogue.kind(row.entry)[0]), None)
    found: list[tuple[Row, str]] = [(best, "best model")] if best else []
    return [*found, (control, "no model")] if control else found


def _cell(row: Row, metric: str) -> str:
    score = row.scores[metric]
    return number(score.value, metric) if score.value is not None else f"{len(score.by_scene)} of {score.of}"


def merged(before: Iterable[Record], after: Iterable[Record]) -> Mapping[str, list[Record]]:
    """Records by the file of ``results/measured`` that they belong to; of one cell the newest."""
    files: dict[str, list[Record]] = {}
    for record in newest([*before, *after]):
        if record.made_by != "published":
            cell = record.cell
            files.setdefault(f"{cell.protocol}/{cell.track}/{cell.entry}/{cell.dataset}.jsonl", []).append(record)
    return files
