"""Records sorted into what the pages show: boards, tables, and the pictures of each cell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from benchmark.records import METRICS, Record
from leaderboard.aggregate import FREE, Board, Table, board_of, in_order, make_table, newest
from leaderboard.cards import Catalogue
from leaderboard.pictures import EXTRAS, KINDS, Gallery, Picture
from leaderboard.summary import Summary, summarise

# By scene, then view, then kind of picture.
Views = Mapping[str, Mapping[str, Mapping[str, Picture]]]


@dataclass(frozen=True)
class BoardContent:
    """A board: a table for each dataset and mode, their summary, and the records behind them.

    Attributes
    ----------
    tables
        By dataset, then by mode.
    records
        By dataset, then by entry, one a cell.
    """

    board: Board
    tables: Mapping[str, Mapping[str, Table]]
    records: Mapping[str, Mapping[str, Sequence[Record]]]
    summary: Summary | None

    @property
    def repeats(self) -> bool:
        """A single printed table of image metrics: means that other published tables say in full."""
        tables = [table for modes in self.tables.values() for table in modes.values()]
        image = all(METRICS[name].kind == "image" for table in tables for name in table.metrics)
        return not self.in_index and image

    @property
    def in_index(self) -> bool:
        """Whether the index sums it up: a summary over one printed table would repeat that table."""
        return self.board.origin != "published" or len(self.tables) > 1


@dataclass(frozen=True)
class Content:
    """All boards, and what is known of the names in them."""

    boards: tuple[BoardContent, ...]
    catalogue: Catalogue

    def entries(self) -> list[str]:
        """Every entry that has a record."""
        return sorted({name for board in self.boards for group in board.records.values() for name in group})

    @cached_property
    def pages(self) -> frozenset[str]:
        """Entries that have a page: all but those of which nothing is known and nothing was measured."""
        known = set(self.catalogue.entries)
        measured = {
            name
            for board in self.boards
            if board.board.origin != "published"
            for group in board.records.values()
            for name in group
        }
        return frozenset(name for name in self.entries() if name in known or name in measured)

    def datasets(self) -> list[str]:
        """Every dataset that has a record."""
        return sorted({name for board in self.boards for name in board.records})

    def protocols(self) -> list[str]:
        """Every protocol that has a record."""
        return sorted({board.board.protocol for board in self.boards})


def collect(records: Iterable[Record], catalogue: Catalogue) -> Content:
    """Sort records into boards and tables."""
    grouped: dict[Board, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in newest(records):
        grouped[board_of(record)][record.cell.dataset].append(record)
    # What was measured comes before what papers print.
    boards = sorted(grouped, key=lambda board: (board.track, board.origin == "published", board))
    return Content(tuple(_board(board, grouped[board]) for board in boards), catalogue)


def _board(board: Board, datasets: Mapping[str, Sequence[Record]]) -> BoardContent:
    tables: dict[str, dict[str, Table]] = {}
    by_entry: dict[str, dict[str, list[Record]]] = {}
    for dataset in sorted(datasets):
        group = datasets[dataset]
        modes = in_order(record.cell.mode for record in group if record.cell.mode != FREE) or [FREE]
        tables[dataset] = {
            mode: make_table([r for r in group if r.cell.mode in (mode, FREE)], board, dataset, mode) for mode in modes
        }
        by_entry[dataset] = defaultdict(list)
        for record in group:
            by_entry[dataset][record.cell.entry].append(record)
    summary = summarise([table for modes in tables.values() for table in modes.values()])
    return BoardContent(board, tables, by_entry, summary)


def modes_of(records: Sequence[Record]) -> list[str]:
    """Modes of some records in their order, ``free`` last."""
    modes = in_order(record.cell.mode for record in records)
    return [mode for mode in modes if mode != FREE] + [FREE] * (FREE in modes)


class Shown(NamedTuple):
    """A record, its pictures by view and kind, and what lies beside them by name."""

    record: Record
    views: Mapping[str, Mapping[str, Picture]]
    extras: Mapping[str, Picture | str]


def pictures_of(
    records: Sequence[Record],
    cell_folder: Callable[[Record], Path | None] | None,
    gallery: Gallery,
    photographs: bool,
) -> dict[str, Shown]:
    """Pictures of an entry in one mode: by scene, those of the first seed that has any."""
    found: dict[str, Shown] = {}
    if cell_folder is None:
        return found
    # An error map beside its render would give the photograph away.
    kinds = KINDS if photographs else ("renders", "masks")
    for record in sorted(records, key=lambda record: record.cell):
        if record.status != "ok" or record.cell.scene in found:
            continue
        folder = cell_folder(record)
        names = sorted({view for measured in record.metrics.values() for view in measured.per_view})
        views = gallery.views(folder, names, kinds) if folder is not None else {}
        if views and folder is not None:
            # What shows or was fitted to photographs goes where they may go.
            extras = gallery.extras(folder, EXTRAS) if photographs else {}
            found[record.cell.scene] = Shown(record, views, extras)
    return found
