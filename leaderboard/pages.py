"""What each page shows, as values for its template. No markup here, no arithmetic there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.records import METRICS, Record
from leaderboard import cards, figures, links, notes
from leaderboard.aggregate import FREE, Board, Table
from leaderboard.beside import published_beside_measured
from leaderboard.comparison import comparison_page
from leaderboard.content import BoardContent, Content, modes_of, pictures_of
from leaderboard.exports import FORMATS
from leaderboard.figures import Album
from leaderboard.formats import flatten, number, text_of
from leaderboard.insights import insight_pages
from leaderboard.page import Page
from leaderboard.pictures import Gallery
from leaderboard.viewer import Scenes

CellFolder = Callable[[Record], Path | None]

# A page is for the eye; the files have the rest.
MOST_STRIPS = 6
TOP = 5


def site_pages(
    content: Content,
    gallery: Gallery,
    command: Callable[[Record], str],
    cell_folder: CellFolder | None,
    all_photographs: bool,
    scenes: Scenes | None = None,
) -> Iterator[Page]:
    """Every page of the site."""
    yield index_page(content)
    yield Page("data.html", "data.html.j2", {"metrics": METRICS.values()})
    for board in content.boards:
        albums: Album = {}
        for dataset, records in board.records.items():
            photographs = all_photographs or content.catalogue.may_show_photographs(dataset)
            album = {
                (dataset, entry, mode): pictures_of(
                    [record for record in group if record.cell.mode == mode], cell_folder, gallery, photographs
                )
                for entry, group in records.items()
                for mode in modes_of(group)
            }
            albums = {**albums, **album}
            yield dataset_page(content, board, dataset, album, photographs)
            if board.board.origin == "published":
                continue
            for entry in records:
                in_3d = _scene_pages(scenes, board, dataset, entry, album)
                yield from in_3d
                yield results_page(content, board, dataset, entry, album, command, photographs, bool(in_3d))
        if comparison := comparison_page(board, albums):
            yield comparison
    yield from insight_pages(content)
    for entry in sorted(content.pages):
        yield entry_page(content, entry)
    for protocol in content.protocols():
        yield protocol_page(content, protocol)


def _scene_pages(scenes: Scenes | None, board: BoardContent, dataset: str, entry: str, album: Album) -> list[Page]:
    if scenes is None:
        return []
    shown = [one for mode in modes_of(board.records[dataset][entry]) for one in album[dataset, entry, mode].values()]
    return [page for one in shown if (page := scenes.page(board.board, entry, one))]


def index_page(content: Content) -> Page:
    """Tracks, their boards, and for each the summary and the first entries of every dataset."""
    tracks: dict[str, tuple[list[dict[str, Any]], list[tuple[Board, str, int]]]] = {}
    for board in content.boards:
        boards, small = tracks.setdefault(board.board.track, ([], []))
        if not board.in_index:
            ((dataset, modes),) = board.tables.items()
            small.append((board.board, dataset, sum(len(table.rows) for table in modes.values())))
            continue
        boards.append(
            {
                "content": board,
                "summary": board.summary,
                "plots": figures.summary_plots(content.catalogue, board.summary) if board.summary else [],
                "leaders": {dataset: _leaders(modes) for dataset, modes in board.tables.items()},
            }
        )
    count = sum(len(group) for board in content.boards for group in board.records.values())
    cells = sum(len(cells) for board in content.boards for group in board.records.values() for cells in group.values())
    values = {"tracks": tracks, "entry_count": len(content.entries()), "cell_count": cells, "group_count": count}
    return Page("index.html", "index.html.j2", values)


def _leaders(modes: Mapping[str, Table]) -> dict[str, list[tuple[int, str, str]]]:
    """By mode: rank, entry and number of the first few."""
    leaders = {}
    for mode, table in modes.items():
        if table.headline is None:
            continue
        standings = table.standings[table.headline]
        rows = [row for row in table.rows if not row.reference and row.entry in standings]
        leaders[mode] = [
            (standings[row.entry].rank, row.entry, number(row.scores[table.headline].value or 0.0, table.headline))
            for row in rows[:TOP]
        ]
    return leaders


def dataset_page(content: Content, board: BoardContent, dataset: str, album: Album, photographs: bool) -> Page:
    """A dataset's card, and for each mode the ranking, its figure and the renders."""
    tables = board.tables[dataset]
    card = content.catalogue.datasets.get(dataset, {})
    plots = figures.table_plots(content.catalogue, tables)
    official = cards.official_scenes(card)
    covered = sorted({scene for table in tables.values() for scene in table.scenes})
    sections = []
    for mode, table in tables.items():
        strips = figures.strips(table, album)
        sections.append(
            {
                "mode": mode,
                "table": table,
                "plot": plots.get(mode),
                "trust": notes.trust(table),
                "group": notes.group(table),
                "footnotes": notes.footnotes(table),
                "strips": strips[:MOST_STRIPS],
                "strips_left_out": max(0, len(strips) - MOST_STRIPS),
                "files": [
                    (title, links.table_file(board.board, dataset, mode, key)) for key, (title, _) in FORMATS.items()
                ],
            }
        )
    others = [other for other in content.boards if dataset in other.records and other.board != board.board]
    values = {
        "board": board.board,
        "dataset": dataset,
        "card": card,
        "facts": cards.dataset_facts(card),
        "sections": sections,
        "others": others,
        "covered": covered,
        "uncovered": [scene for scene in official if scene not in covered],
        "photographs": photographs,
        "sources": _sources(board, dataset) if board.board.origin == "published" else [],
    }
    return Page(links.dataset_page(board.board, dataset), "dataset.html.j2", values)


def results_page(
    content: Content,
    board: BoardContent,
    dataset: str,
    entry: str,
    album: Album,
    command: Callable[[Record], str],
    photographs: bool,
    in_3d: bool = False,
) -> Page:
    """Records of an entry on a dataset: every number, view by view, its cost, its command and where it comes from."""
    records = board.records[dataset][entry]
    sections = []
    for mode in modes_of(records):
        cells = [record for record in records if record.cell.mode == mode]
        metrics = [name for name in METRICS if any(name in record.metrics for record in cells)]
        sections.append(
            {
                "mode": mode,
                "cells": cells,
                "metrics": metrics,
                "absent": _absent(cells),
                "pictures": album.get((dataset, entry, mode), {}),
                "views": [(record, _views(record)) for record in cells if _views(record)],
                "cost": _columns(cells, "cost"),
                "details": _columns(cells, "details"),
                "commands": [(record, command(record)) for record in cells],
            }
        )
    values = {
        "board": board.board,
        "dataset": dataset,
        "entry": entry,
        "sections": sections,
        "provenance": _provenance(records),
        "photographs": photographs,
        "in_3d": in_3d,
    }
    return Page(links.results_page(board.board, dataset, entry), "results.html.j2", values)


def _sources(board: BoardContent, dataset: str) -> list[tuple[tuple[str, str, str], list[Record]]]:
    """Published rows by the source, table and page that they were read from."""
    found: dict[tuple[str, str, str], list[Record]] = {}
    for group in board.records[dataset].values():
        for record in group:
            source, table, page = (text_of(record.provenance.get(name)) for name in ("source", "table", "page"))
            found.setdefault((source, table, page), []).append(record)
    return sorted(found.items(), key=lambda item: item[0])


def _views(record: Record) -> list[tuple[str, dict[str, float]]]:
    """View, then its number by metric."""
    names = sorted({view for measured in record.metrics.values() for view in measured.per_view})
    return [
        (
            view,
            {name: measured.per_view[view] for name, measured in record.metrics.items() if view in measured.per_view},
        )
        for view in names
    ]


def _absent(cells: Sequence[Record]) -> list[tuple[str, str]]:
    """Titles of the metrics that share a reason, and the reason."""
    reasons: dict[str, list[str]] = {}
    for name in METRICS:
        for reason in sorted({record.absent[name] for record in cells if name in record.absent}):
            reasons.setdefault(reason, []).append(METRICS[name].title)
    return [(", ".join(titles), reason) for reason, titles in reasons.items()]


@dataclass(frozen=True)
class Columns:
    """Free-form values of records: those that all share, once, and the others as a table."""

    shared: list[tuple[str, Any]]
    names: list[str]
    rows: list[tuple[Record, dict[str, Any]]]


def _columns(cells: Sequence[Record], part: str) -> Columns:
    rows = [(record, dict(flatten(getattr(record, part)))) for record in cells]
    finished = [values for record, values in rows if values or record.status == "ok"]
    names = sorted({name for values in finished for name in values})
    shared = []
    if len(finished) > 1:
        first = finished[0]
        shared = [
            (name, first[name])
            for name in names
            if name in first and all(name in values and values[name] == first[name] for values in finished)
        ]
    common = {name for name, _ in shared}
    return Columns(
        shared, [name for name in names if name not in common], [(record, values) for record, values in rows if values]
    )


def _provenance(records: Sequence[Record]) -> list[tuple[list[str], list[tuple[str, str]]]]:
    """Distinct provenance, each once, with the cells that share it."""
    shared: dict[str, tuple[Record, list[str]]] = {}
    for record in records:
        if record.provenance:
            cell = record.cell
            same = shared.setdefault(repr(record.provenance), (record, []))
            same[1].append(f"{cell.mode} {cell.scene} seed {cell.seed}")
    return [
        (cells, [(name, text_of(value)) for name, value in flatten(record.provenance)])
        for record, cells in shared.values()
    ]


def entry_page(content: Content, entry: str) -> Page:
    """An entry's card, and its numbers on every board."""
    card = content.catalogue.entries.get(entry, {})
    boards = []
    for board in content.boards:
        rows = []
        for dataset, tables in board.tables.items():
            seen_free = False
            for mode, table in tables.items():
                for row in table.rows:
                    # A baseline is the same in every mode: once is enough.
                    if row.entry != entry or (row.reference and seen_free):
                        continue
                    seen_free |= row.reference
                    rows.append((dataset, FREE if row.reference else mode, table, row))
        if rows:
            metrics = [name for name in METRICS if any(name in table.metrics for _, _, table, _ in rows)]
            boards.append({"board": board.board, "rows": rows, "metrics": metrics})
    values = {
        "entry": entry,
        "card": card,
        "facts": cards.entry_facts(card) if card else [],
        "pairs": published_beside_measured(content, entry),
        "exposures": cards.exposures(card, content.datasets()) if card.get("trained_on") else [],
        "boards": boards,
    }
    return Page(links.entry_page(entry), "entry.html.j2", values)


def protocol_page(content: Content, protocol: str) -> Page:
    """A protocol's values, and the boards measured by it."""
    values = content.catalogue.protocols.get(protocol, {})
    return Page(
        links.protocol_page(protocol),
        "protocol.html.j2",
        {
            "protocol": protocol,
            "description": text_of(values.get("description")),
            "groups": cards.protocol_groups(values),
            "boards": [board for board in content.boards if board.board.protocol == protocol],
        },
    )
