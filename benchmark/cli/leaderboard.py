"""`splatbench leaderboard`: build the page from the records, and open it."""

from __future__ import annotations

import re
import shlex
import webbrowser
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from benchmark.cli.listing import plain, protocol_card
from benchmark.cli.output import DEFAULT_SITE, DEFAULT_STORE, SiteOption, StoreOption, console
from benchmark.errors import InputError
from benchmark.feat2gs.modes import BASELINES
from benchmark.lrf.modes import IMAGE_BASELINES
from benchmark.protocols import LATENT_PROTOCOLS, PROTOCOLS
from benchmark.records import Record, read_jsonl
from benchmark.scenes.spec import list_datasets, public_values
from leaderboard.viewer_package import fetch_viewer, viewer_package
from vfm_zoo import registry

if TYPE_CHECKING:
    from benchmark.store import Store
    from leaderboard.viewer import Pose

Cards = dict[str, dict[str, Any]]
# A digest, as cells have it.
KEY = re.compile(r"[0-9a-f]{64}")

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
    if (site / "scenes").is_dir() and not viewer_package().is_file():
        console.print("Fitted scenes are files to download; to turn them in the page: splatbench leaderboard viewer")
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


@app.command("viewer")
def viewer_command() -> None:
    """Get the viewer that shows fitted scenes in 3-D: one package of the npm registry, checked by its digest.

    Pages built afterwards have it. Example: `splatbench leaderboard viewer`
    """
    from leaderboard.viewer import LICENCE, NAME, VERSION, read_viewer

    path = viewer_package()
    if not path.is_file():
        fetch_viewer(path)
    read_viewer(path)
    console.print(f"{NAME} {VERSION} ({LICENCE}): {path}", highlight=False)


def build(store: Path, site: Path, results: Path | None = None, publish: bool = False) -> Path:
    """Records and what the registry knows, handed to the leaderboard; returns the index page."""
    from benchmark.store import Store
    from leaderboard.build import build_site
    from leaderboard.viewer import read_viewer

    opened = Store(store)
    records = list(opened.records())
    printed = published_cards(results)
    if results is not None:
        files = sorted(results.rglob("*.jsonl"))
        if not files:
            raise InputError(f"results {results}: no .jsonl file in this folder")
        records += [record for file in files for record in read_jsonl(file)]
    if not records:
        raise InputError(f"store {store}: no records yet; run `splatbench run --entry efficientnet_lite0` first")

    def folder(record: Record) -> Path | None:
        # A record from elsewhere may have any text for its key, even one that leads out of the store.
        if not KEY.fullmatch(record.key):
            return None
        path = opened.path("cells", record.key)
        return path if path.is_dir() else None

    package = viewer_package()
    return build_site(
        records,
        site,
        entries=_joined(printed["entries"], entry_cards()),
        datasets=_joined(printed["datasets"], {spec.name: plain(public_values(spec)) for spec in list_datasets()}),
        protocols=_joined(
            printed["protocols"], {name: protocol_card(name) for name in dict.fromkeys([*PROTOCOLS, *LATENT_PROTOCOLS])}
        ),
        cell_folder=folder,
        command=command,
        all_photographs=not publish,
        viewer=read_viewer(package) if package.is_file() else None,
        start_view=lambda record: _start_view(opened, record),
    )


def _start_view(store: Store, record: Record) -> Pose | None:
    """Where a record's scene is looked at from at first; None where its reconstruction is gone."""
    from benchmark.reconstruction.first_view import first_view
    from benchmark.reconstruction.io import load_reconstruction
    from leaderboard.viewer import Pose

    key = record.provenance.get("digests", {}).get("reconstruction")
    if not isinstance(key, str) or not KEY.fullmatch(key) or not store.has("reconstructions", key):
        return None
    view = first_view(load_reconstruction(store.path("reconstructions", key)))
    return Pose(view.position.tolist(), view.target.tolist(), view.up.tolist(), view.fov)


def entry_cards() -> dict[str, dict[str, Any]]:
    """What the page may say of each entry and baseline."""
    cards = {entry.name: plain(asdict(entry)) for entry in registry.list_entries()}
    cards |= {entry.name: plain(asdict(entry)) for entry in registry.list_autoencoders()}
    titles = {name: baseline.title for name, baseline in (BASELINES | IMAGE_BASELINES).items()}
    cards |= {name: {"name": name, "title": title, "kind": "baseline"} for name, title in titles.items()}
    return cards


@cache
def _dataset_names() -> frozenset[str]:
    return frozenset(spec.name for spec in list_datasets())


def published_cards(results: Path | None) -> dict[str, Cards]:
    """What stands in ``published/cards.yaml`` of a results folder about names that only papers use."""
    found: dict[str, Cards] = {"entries": {}, "datasets": {}, "protocols": {}}
    path = results / "published" / "cards.yaml" if results is not None else None
    if path is None or not path.is_file():
        return found
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: no valid YAML: {' '.join(str(error).split())}") from None
    for kind, cards in values.items() if isinstance(values, dict) else [("", None)]:
        if kind not in found or not isinstance(cards, dict) or not all(isinstance(c, dict) for c in cards.values()):
            raise InputError(f"{path}: expected cards under {', '.join(found)}; {str(kind)[:40]!r} is something else")
        found[kind] = {str(name): plain(card) for name, card in cards.items()}
    return found


def _joined(printed: Cards, ours: Cards) -> Cards:
    """Our own cards come first; of a printed one only what ours does not say is taken (``measured_as``)."""
    return printed | {name: printed.get(name, {}) | card for name, card in ours.items()}


def command(record: Record) -> str:
    """The line that remakes a record, for a POSIX shell.

    Where a folder of photographs lay is not in its record, so for one that is no dataset of the benchmark the line has
    ``path/to/`` before its name.
    """
    cell = record.cell
    known = cell.dataset in _dataset_names()
    words = ["splatbench", "run", *([] if cell.track == "feat2gs" else ["--track", cell.track]), "--entry", cell.entry]
    words += ["--dataset", cell.dataset if known else f"path/to/{cell.dataset}", "--scene", cell.scene]
    words += [] if cell.mode == "free" else ["--mode", cell.mode]
    words += ["--protocol", cell.protocol, "--seeds", f"{cell.seed}..{cell.seed}"]
    return shlex.join(words)
