"""`splatbench study` and `splatbench plan`: named sets of cells, and what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.output import (
    DEFAULT_SITE,
    DEFAULT_STORE,
    JsonOption,
    SiteOption,
    StoreOption,
    console,
    cores,
    print_json,
)
from benchmark.cli.run import execute, plan_all
from benchmark.errors import SplatbenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.plan import Selection
    from benchmark.store import Store

NameArgument = Annotated[str, typer.Argument(help="A study; see `splatbench list studies`.")]
ProtocolOption = Annotated[str | None, typer.Option(help="Instead of the study's own, such as paper or lite.")]
SeedsOption = Annotated[str | None, typer.Option(help="Repetitions, instead of the study's own.")]
SlotsOption = Annotated[int | None, typer.Option(min=1, help="Processes side by side; default one a core.")]


def study(
    name: NameArgument,
    protocol: ProtocolOption = None,
    seeds: SeedsOption = None,
    slots: SlotsOption = None,
    store: StoreOption = DEFAULT_STORE,
    site: SiteOption = DEFAULT_SITE,
) -> None:
    """Run what is missing of a study, then rebuild the page; `splatbench plan` says first what it costs.

    Example: `splatbench study demo`
    """
    from benchmark.store import Store

    opened = Store(store)
    execute(plan_all(_chosen(name, protocol, seeds), opened), opened, slots or cores(), store, site)


def plan(
    name: NameArgument,
    protocol: ProtocolOption = None,
    seeds: SeedsOption = None,
    slots: SlotsOption = None,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """How many cells a study has, how many are done, and about how long the rest takes here.

    Datasets whose files are not on this machine are named, and their cells counted.

    Example: `splatbench plan controls`
    """
    from benchmark.store import Store
    from benchmark.studies import estimate

    opened = Store(store)
    present, absent = ready(_chosen(name, protocol, seeds), opened)
    tasks = plan_all(present, opened)
    found = estimate(tasks, {record.key: record for record in opened.records()})
    wall = None if found.seconds is None else found.seconds / (slots or cores())
    if json:
        missing = {dataset: {"cells": cells, "reason": reason} for dataset, (cells, reason) in absent.items()}
        print_json({"study": name, "cells": found.cells, "done": found.done, "seconds": wall, "absent": missing})
        return
    console.print(
        f"{name}: {found.cells} cells, {found.done} done, {found.cells - found.done} to run.", highlight=False
    )
    for dataset, (cells, reason) in absent.items():
        console.print(f"{dataset}: {cells} more cells; {reason}", highlight=False, markup=False)
    if found.cells == found.done:
        return
    if wall is None:
        console.print("No cell of this protocol has run here, so nothing tells how long they take.")
    else:
        console.print(
            f"About {_duration(wall)} in {slots or cores()} processes, from {found.measured} cells that ran here.",
            highlight=False,
        )


def ready(selections: Sequence[Selection], store: Store) -> tuple[list[Selection], dict[str, tuple[int, str]]]:
    """Selections that can be planned here, and by dataset how many cells the others have and why they cannot."""
    from benchmark.plan import cells_asked

    present: list[Selection] = []
    absent: dict[str, tuple[int, str]] = {}
    for selection in selections:
        cells = cells_asked(selection)  # a wrong name ends it here
        try:
            plan_all([selection], store)
        except SplatbenchError as error:
            before, _ = absent.get(selection.dataset, (0, ""))
            absent[selection.dataset] = before + cells, str(error)
        else:
            present.append(selection)
    return present, absent


def _chosen(name: str, protocol: str | None, seeds: str | None) -> tuple[Selection, ...]:
    from benchmark.plan import parse_seeds
    from benchmark.studies import get_study

    return get_study(name).under(protocol, None if seeds is None else parse_seeds(seeds)).selections


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
