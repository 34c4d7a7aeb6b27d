"""`splatbench run`: choose cells, run them, show the results and where the page lies."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.output import DEFAULT_SITE, DEFAULT_STORE, SiteOption, StoreOption, console, cores, split
from benchmark.cli.zoo import EntryFileOption

if TYPE_CHECKING:
    from benchmark.plan import Selection, Task
    from benchmark.store import Store


class Track(enum.StrEnum):
    """Which question is asked."""

    feat2gs = "feat2gs"
    lrf = "lrf"


def run(
    entry: Annotated[list[str], typer.Option("--entry", "-e", help="Entries or wildcards; several, or with commas.")],
    dataset: Annotated[
        str, typer.Option("--dataset", "-d", help="A dataset's name, or a folder with images/ and cameras.json.")
    ] = "studio",
    scene: Annotated[list[str] | None, typer.Option(help="Only these scenes.")] = None,
    mode: Annotated[
        list[str] | None, typer.Option(help="geometry, texture, all; without it all three. Of lrf: 3dgs_vae.")
    ] = None,
    protocol: Annotated[
        str, typer.Option(help="lite, strict, paper or a variation; see `splatbench list protocols`.")
    ] = "lite",
    seeds: Annotated[
        str | None, typer.Option(help="How many repetitions (3), or which (0..2 or 0,2); default as the protocol.")
    ] = None,
    slots: Annotated[int | None, typer.Option(min=1, help="Processes side by side; default one a core.")] = None,
    track: Annotated[
        Track, typer.Option(help="feat2gs probes features; lrf fits radiance fields to an autoencoder's latents.")
    ] = Track.feat2gs,
    entry_file: EntryFileOption = None,
    store: StoreOption = DEFAULT_STORE,
    site: SiteOption = DEFAULT_SITE,
) -> None:
    """Run what is missing of a selection of cells, then rebuild the page.

    What is in the store already is not run again. The exit code is 0 only if every cell that was asked for is ok.

    Example: `splatbench run --entry efficientnet_lite0 --entry iuvrgb --dataset motorcycle --mode geometry`
    """
    from benchmark.plan import Selection, parse_seeds
    from benchmark.store import Store

    selection = Selection(
        entries=split(entry, "--entry") or [],
        dataset=dataset,
        scenes=split(scene, "--scene"),
        modes=split(mode, "--mode"),
        protocol=protocol,
        seeds=None if seeds is None else parse_seeds(seeds),
        track=track.value,
    )
    opened = Store(store)
    execute(plan_all([selection], opened), opened, slots or cores(), store, site)


def plan_all(selections: Sequence[Selection], store: Store) -> list[Task]:
    """Cells of several selections, each once."""
    from benchmark.plan import plan

    with console.status("Preparing scenes ...") as status:

        def report(name: str) -> None:
            status.update(f"Preparing scene {name} ...")

        tasks = [task for selection in selections for task in plan(selection, store, report)]
    return list({task.key: task for task in tasks}.values())


def execute(tasks: Sequence[Task], opened: Store, slots: int, store: Path, site: Path) -> None:
    """Run cells, print what came out, rebuild the page; exit code 1 unless all are ok."""
    from benchmark.cli.leaderboard import build
    from benchmark.cli.progress import RunView
    from benchmark.cli.summary import print_failures, print_results
    from benchmark.executors.slots import run_tasks

    with RunView(len(tasks)) as view:
        outcomes = run_tasks(tasks, opened, slots, threads=1, on_event=view)
    print_results(tasks, opened)
    page = build(store=store, site=site)
    failed = print_failures(outcomes)
    console.print(f"Page: {page.resolve().as_uri()}", highlight=False)
    if failed:
        raise typer.Exit(1)
