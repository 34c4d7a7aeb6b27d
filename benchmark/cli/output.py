"""Printing: tables for people, JSON for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmark.errors import InputError

console = Console(soft_wrap=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
StoreOption = Annotated[
    Path,
    typer.Option(
        "--store", envvar="SPLATBENCH_STORE", help="Folder of artifacts and records; made if absent.", file_okay=False
    ),
]
SiteOption = Annotated[Path, typer.Option("--site", help="Folder of the page; made anew.", file_okay=False)]

DEFAULT_STORE = Path("runs")
DEFAULT_SITE = Path("site")


def print_json(values: Any) -> None:
    """Plain values as indented JSON on stdout."""
    typer.echo(json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], whole: bool = False) -> None:
    """A table; nothing in a cell is read as markup.

    Parameters
    ----------
    whole
        As wide as its content, whatever the terminal: numbers are not folded. A file or a pipe always gets it so.
    """
    from rich.text import Text

    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    if whole or not console.is_terminal:
        # A console prints nothing wider than itself.
        Console(width=10_000).print(table, soft_wrap=True)
    else:
        console.print(table)


def split(values: list[str] | None, option: str) -> list[str] | None:
    """An option given several times, or once with commas or blanks; None stays None, empty text is an `InputError`."""
    if not values:
        return None
    parts = [part for value in values for part in value.replace(",", " ").split()]
    if not parts:
        raise InputError(f"{option} is empty: name something, or leave the option out to take the default")
    return parts


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
