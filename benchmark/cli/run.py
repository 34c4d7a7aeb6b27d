"""`splatbench run`: choose cells, run them, show the results and where the page lies."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.output import (
    DEFAULT_SITE,
    DEFAULT_STORE,
    SiteOption,
    StoreOption,
    console,
    cores,
    print_table,
    split,
)
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
    reconstruction: Annotated[
        str, typer.Option(help="Where cameras and points come from: known, colmap, dust3r, mast3r, vggt.")
    ] = "known",
    seeds: Annotated[
        str | None, typer.Option(help="How many repetitions (3), or which (0..2 or 0,2); default as the protocol.")
    ] = None,
    slots: Annotated[int | None, typer.Option(min=1, help="Processes side by side; default one a core.")] = None,
    profile: Annotated[
        bool, typer.Option(help="Run the first cell alone, keep nothing, and print where its time goes.")
    ] = False,
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
        reconstruction=reconstruction,
        seeds=None if seeds is None else parse_seeds(seeds),
        track=track.value,
    )
    opened = Store(store)
    tasks = plan_all([selection], opened)
    if profile:
        print_profile(tasks[0])
        return
    execute(tasks, opened, slots or cores(), store, site)


def print_profile(task: Task) -> None:
    """Two tables: stages of the cell, and parts of some steps of its joint fit."""
    from benchmark.profile import profile_cell

    with console.status(f"Profiling {task.cell.label} ..."):
        found = profile_cell(task)
    for title, parts in (
        ("Stages", found.stages),
        (f"{found.steps} steps of the joint fit (backward's parts are in its sum)", found.parts),
    ):
        rows = [[part.name, f"{part.seconds:.2f}", f"{100 * part.share:.0f} %"] for part in parts]
        print_table(title, ["part", "seconds", "share"], rows)


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
