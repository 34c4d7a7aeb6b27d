"""`splatbench leaderboard`: build the page from the records, and open it."""

from __future__ import annotations

import webbrowser
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmark.cli.listing import plain
from benchmark.cli.output import DEFAULT_SITE, DEFAULT_STORE, SiteOption, StoreOption, console
from benchmark.errors import InputError
from benchmark.feat2gs.modes import BASELINES
from benchmark.protocols import PROTOCOLS
from benchmark.records import Record, read_jsonl
from benchmark.scenes.spec import list_datasets, public_values
from vfm_zoo import registry

app = typer.Typer(no_args_is_help=True, help="Build or open the page. Example: `splatbench leaderboard build`")

ResultsOption = Annotated[
    Path | None,
    typer.Option("--results", help="Folder of JSON Lines with further records, such as the repository's results/."),
]


@app.command("build")
def build_command(
    store: StoreOption = DEFAULT_STORE,
    site: SiteOption = DEFAULT_SITE,
    results: ResultsOption = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Leave out photographs whose licence forbids to pass them on.")
    ] = False,
) -> None:
    """Build the page from the records in the store, and from JSON Lines files if a folder is given.

    Example: `splatbench leaderboard build --store runs --site site`
    """
    page = build(store, site, results, publish)
    console.print(f"Page: {page.resolve().as_uri()}", highlight=False)


@app.command("open")
def open_command(site: SiteOption = DEFAULT_SITE) -> None:
    """Open the page in a browser.

    Example: `splatbench leaderboard open`
    """
    page = site / "index.html"
    if not page.is_file():
        raise InputError(f"site {site}: there is no page yet; run `splatbench leaderboard build --site {site}`")
    console.print(f"Page: {page.resolve().as_uri()}", highlight=False)
    webbrowser.open(page.resolve().as_uri())


def build(store: Path, site: Path, results: Path | None = None, publish: bool = False) -> Path:
    """Records and what the registry knows, handed to the leaderboard; returns the index page."""
    from benchmark.store import Store
    from leaderboard.build import build_site

    opened = Store(store)
    records = list(opened.records())
    if results is not None:
        files = sorted(results.rglob("*.jsonl"))
        if not files:
            raise InputError(f"results {results}: no .jsonl file in this folder")
        records += [record for file in files for record in read_jsonl(file)]
    if not records:
        raise InputError(f"store {store}: no records yet; run `splatbench run --entry efficientnet_lite0` first")

    def folder(record: Record) -> Path | None:
        path = opened.path("cells", record.key)
        return path if path.is_dir() else None

    return build_site(
        records,
        site,
        entries=entry_cards(),
        datasets={spec.name: plain(public_values(spec)) for spec in list_datasets()},
        protocols={name: plain(asdict(protocol)) for name, protocol in PROTOCOLS.items()},
        cell_folder=folder,
        command=command,
        all_photographs=not publish,
    )


def entry_cards() -> dict[str, dict[str, Any]]:
    """What the page may say of each entry and baseline."""
    cards = {entry.name: plain(asdict(entry)) for entry in registry.list_entries()}
    cards |= {name: {"name": name, "title": title, "kind": "baseline"} for name, title in BASELINES.items()}
    return cards


def command(record: Record) -> str:
    """The line that remakes a record."""
    cell = record.cell
    mode = "" if cell.mode == "free" else f" --mode {cell.mode}"
    return (
        f"splatbench run --entry {cell.entry} --dataset {cell.dataset} --scene {cell.scene}{mode}"
        f" --protocol {cell.protocol} --seeds {cell.seed}..{cell.seed}"
    )
