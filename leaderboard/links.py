"""Where each page and file of the site lies, relative to its root. Names of cells are safe in paths as they are."""

from __future__ import annotations

from leaderboard.aggregate import FREE, Board


def dataset_page(board: Board, dataset: str) -> str:
    """Rankings of a dataset on a board."""
    return f"dataset/{board.slug}/{dataset}.html"


def results_page(board: Board, dataset: str, entry: str) -> str:
    """Records of an entry on a dataset: all modes, scenes and seeds."""
    return f"results/{board.slug}/{dataset}/{entry}.html"


def entry_page(entry: str) -> str:
    """Card of an entry."""
    return f"entry/{entry}.html"


def protocol_page(protocol: str) -> str:
    """Values of a protocol."""
    return f"protocol/{protocol}.html"


def table_file(board: Board, dataset: str, mode: str, extension: str) -> str:
    """A table as a file; ``~`` is in no name, so no two tables share it."""
    return f"tables/{board.slug}/{dataset}~{mode}.{extension}"


def records_of(board: Board, dataset: str, entry: str, mode: str, reference: bool = False) -> str:
    """Records behind a number of a table."""
    return f"{results_page(board, dataset, entry)}#{FREE if reference else mode}"


def to_root(path: str) -> str:
    """What leads from a page back to the root."""
    return "../" * path.count("/")
