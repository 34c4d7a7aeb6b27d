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


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table as wide as its content; nothing in a cell is read as markup."""
    from rich.text import Text

    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def split(values: list[str] | None) -> list[str] | None:
    """Options given several times, or once with commas or blanks; None stays None."""
    if not values:
        return None
    return [part for value in values for part in value.replace(",", " ").split()]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
