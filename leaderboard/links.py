"""Where each page and file of the site lies, relative to its root. Names of cells are safe in paths as they are."""

from __future__ import annotations

import posixpath
from functools import lru_cache
from urllib.parse import quote

from leaderboard.aggregate import FREE, Board


def dataset_page(board: Board, dataset: str) -> str:
    """Rankings of a dataset on a board."""
    return f"board/{board.slug}/{dataset}.html"


def results_page(board: Board, dataset: str, entry: str) -> str:
    """Records of an entry on a dataset: all modes, scenes and seeds."""
    return f"board/{board.slug}/{dataset}~records/{entry}.html"


def entry_page(entry: str) -> str:
    """Card of an entry."""
    return f"entry/{entry}.html"


VIEWER_SCRIPT, VIEWER_STYLE, VIEWER_TERMS = "viewer/viewer.js", "viewer/viewer.css", "viewer/LICENSE.txt"


def scene_page(gaussians: str) -> str:
    """Page that shows a file of Gaussians in 3-D."""
    return gaussians.removesuffix(".ply") + ".html"


def scene_data(gaussians: str) -> str:
    """The same file as a script, which a page may load from a disk too."""
    return gaussians.removesuffix(".ply") + ".js"


def scores(board: Board, mode: str) -> str:
    """Name of the drawing of a board's scores in a mode."""
    return f"{board.slug}~scores~{mode}"


def drawing_file(name: str) -> str:
    """A figure as a file for a paper."""
    return f"figures/{name}.svg"


def comparison_page(board: Board) -> str:
    """Two entries of a board against each other."""
    return f"compare/{board.slug}.html"


def protocol_page(protocol: str) -> str:
    """Values of a protocol."""
    return f"protocol/{protocol}.html"


def table_file(board: Board, dataset: str, mode: str, extension: str) -> str:
    """A table as a file; ``~`` is in no name, so no two tables share it."""
    return f"board/{board.slug}/{dataset}~{mode}.{extension}"


def records_of(board: Board, dataset: str, entry: str, mode: str, reference: bool = False) -> str:
    """Records behind a number of a table."""
    shown = FREE if reference else mode
    if board.origin == "published":
        # There is a line to say of a published row, not a page.
        return f"{dataset_page(board, dataset)}#r~{entry}~{shown}"
    return f"{results_page(board, dataset, entry)}#{shown}"


@lru_cache(maxsize=100_000)
def between(folder: str, target: str) -> str:
    """Address of a page or file, with or without a fragment, as seen from a folder of the site."""
    path, mark, fragment = target.partition("#")
    return quote(posixpath.relpath(path, folder or "."), safe="/~+") + mark + quote(fragment, safe="~+")
