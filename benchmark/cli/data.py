"""`splatbench data`: get, check, list and add datasets, and import the authors' split."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.output import DEFAULT_STORE, JsonOption, StoreOption, console, print_json, print_table, split
from benchmark.errors import InputError, nearest
from benchmark.scenes.spec import DatasetSpec, get_dataset, list_datasets

app = typer.Typer(
    no_args_is_help=True,
    help="Get, check, list and add datasets. They lie in the folder `data`, or where SPLATBENCH_DATA says.\n\n"
    "Example: `splatbench data get llff`",
)

# What a dataset that is not ready needs, by the kind of its source.
_HOW = {
    "download": "data get",
    "manual": "data get (by hand)",
    "folder": "its files are gone",
    "generated": "",
    "package": "",
}

NameArgument = Annotated[str, typer.Argument(help="A dataset; see `splatbench data list`.")]


@app.command("get")
def get(
    name: NameArgument,
    scene: Annotated[list[str] | None, typer.Option(help="Only what these scenes need.")] = None,
) -> None:
    """Download and unpack a dataset, or tell what to do by hand and use what was put there.

    What is there already is not fetched again, and a download that broke off goes on where it stopped.

    Example: `splatbench data get llff --scene fern`
    """
    from benchmark.scenes.acquire.get import get as obtain

    spec = _base(name)
    if spec.source["kind"] in ("generated", "package", "folder"):
        console.print(f"{spec.name}: nothing to get, its files are here or are made when they are needed.")
        return
    scenes = split(scene, "--scene")
    for asked in scenes or ():
        if asked not in (known := _all_scenes(spec)):
            raise InputError(f"scene '{asked}' is not in dataset '{spec.name}'{nearest(asked, known)}")
    console.print(
        f"{spec.title}\nLicence {spec.licence.spdx}: {spec.licence.url}\nPlease cite: {spec.citation}", markup=False
    )
    done = obtain(spec, scenes, lambda text: console.print(text, markup=False, highlight=False))
    for archive, count in done.unpacked.items():
        console.print(f"{archive}: {count} files", markup=False, highlight=False)
    if done.steps:
        console.print("\nThis dataset asks for a few steps by hand:", markup=False)
        for number, step in enumerate(done.steps, start=1):
            console.print(f"  {number}. {step}", markup=False, highlight=False)
    elif not done.unpacked:
        console.print("All archives were unpacked before.")
    console.print(f"Next: splatbench data check {spec.name}", markup=False, highlight=False)


@app.command("check")
def check(
    name: Annotated[str, typer.Argument(help="A dataset, or one of its splits such as llff+every8.")],
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Look whether all files of a dataset are there, fit its split, and are as they were when they came.

    The exit code is 0 only if every scene can be used.

    Example: `splatbench data check llff`
    """
    from benchmark.scenes.acquire.check import check_dataset

    spec = get_dataset(name)
    reports = list(check_dataset(spec, store / "scenes"))
    if json:
        print_json([{**vars(report), "sizes": dict(report.sizes)} for report in reports])
    else:
        rows = [
            [
                report.scene,
                str(report.views),
                ", ".join(f"{count} x {size}" for size, count in report.sizes.items()),
                str(report.hashed) if report.hashed else "none recorded",
                "ok" if not report.problems else f"{len(report.problems)} problem(s)",
            ]
            for report in reports
        ]
        print_table(spec.title, ["scene", "views", "sizes", "files with the recorded hash", "state"], rows)
        for report in reports:
            for problem in report.problems[:10]:
                console.print(f"{report.scene}: {problem}", markup=False, highlight=False)
            if len(report.problems) > 10:
                console.print(f"{report.scene}: and {len(report.problems) - 10} more", highlight=False)
    if any(report.problems for report in reports):
        raise typer.Exit(1)


@app.command("list")
def list_command(store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """List datasets: which are ready, how the others are got, and how much is to be downloaded.

    Example: `splatbench data list`
    """
    from benchmark.scenes.acquire.check import is_ready, missing_gigabytes

    specs = list_datasets()
    ready = {spec.name: is_ready(spec, store / "scenes") for spec in specs}
    size = {spec.name: 0.0 if ready[spec.name] else missing_gigabytes(spec) for spec in specs}
    if json:
        print_json(
            [
                {
                    "name": spec.name,
                    "title": spec.title,
                    "scenes": len(spec.scenes),
                    "split by": spec.split_origin,
                    "ready": ready[spec.name],
                    "how": _HOW[spec.source["kind"]],
                    "gigabytes to download": size[spec.name],
                    "licence": spec.licence.spdx,
                }
                for spec in specs
            ]
        )
        return
    rows = []
    for spec in specs:
        state = "ready" if ready[spec.name] else _HOW[spec.source["kind"]]
        amount = "" if ready[spec.name] else _amount(size[spec.name])
        rows.append([spec.name, str(len(spec.scenes)), spec.split_origin, state, amount])
    print_table("Datasets", ["name", "scenes", "split by", "state", "GB to get"], rows)
    # Splits share the files of their dataset.
    waiting = {spec.name: size[spec.name] for spec in specs if not ready[spec.name] and "+" not in spec.name}
    if waiting:
        unknown = [name for name, amount in waiting.items() if amount is None]
        more = f", and {', '.join(unknown)}, whose size was not published" if unknown else ""
        total = sum(amount for amount in waiting.values() if amount is not None)
        console.print(f"To get all: {total:.1f} GB{more}.", markup=False, highlight=False)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What the dataset shall be called.")],
    photos: Annotated[Path, typer.Option("--photos", help="Folder of photographs of one place.", file_okay=False)],
    train: Annotated[int | None, typer.Option(min=2, help="Train views; default about two for one.")] = None,
    test: Annotated[int | None, typer.Option(min=1, help="Test views.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Make one's own dataset of that name anew.")] = False,
    show: Annotated[bool, typer.Option("--open", help="Open the contact sheet in a browser.")] = False,
) -> None:
    """Make a dataset of a folder of photographs: cameras, a choice of views, and a page that shows it.

    The photographs stay where they are and are never changed.

    Example: `splatbench data add my-room --photos ~/pictures/room --train 6 --test 3`
    """
    from benchmark.scenes.own.add import add_dataset

    with console.status("Reading photographs ...") as status:
        added = add_dataset(name, photos, train, test, replace, status.update)
    solved, choice = added.solved, added.choice
    count = len(solved.names) + len(solved.left_out)
    console.print(
        f"{len(solved.names)} of {count} photographs have a camera, {len(solved.points)} points, "
        f"mean error {solved.error:.2f} pixels.",
        highlight=False,
    )
    for role, chosen in (("train", choice.train), ("test", choice.test)):
        names = ", ".join(solved.names[index] for index in chosen)
        console.print(f"{role}: {names}", markup=False, highlight=False)
    for warning in added.warnings:
        console.print(f"Note: {warning}", markup=False, highlight=False)
    console.print(f"Sheet: {added.sheet.as_uri()}", markup=False, highlight=False)
    console.print(f"Next: make bench VFM=efficientnet_lite0 DATASET={name}", markup=False, highlight=False)
    if show:
        webbrowser.open(added.sheet.as_uri())


@app.command("import-split")
def import_split(
    file: Annotated[Path, typer.Argument(help="The authors' dataset_split.json.", dir_okay=False)],
    name: Annotated[str, typer.Option(help="What the split shall be called.")] = "authors",
) -> None:
    """Take the view ids of Feat2GS' authors; each of their datasets is then also known as NAME+authors.

    A run of `llff+authors` is recorded under that name, so its numbers never mix with those of another split.

    Example: `splatbench data import-split dataset_split.json`
    """
    from benchmark.scenes.imported import import_split as bring

    known = {spec.name: spec for spec in list_datasets() if "+" not in spec.name}
    for dataset, scenes in bring(file, name, known).items():
        console.print(f"{dataset}+{name}: {', '.join(scenes)}", markup=False, highlight=False)
        if unknown := [scene for scene in scenes if scene not in _all_scenes(known[dataset])]:
            console.print(f"  not in {dataset}, left out: {', '.join(unknown)}", markup=False, highlight=False)


def _amount(gigabytes: float | None) -> str:
    return "not published" if gigabytes is None else f"{gigabytes:.1f}"


def _base(name: str) -> DatasetSpec:
    return get_dataset(name.split("+")[0])


def _all_scenes(spec: DatasetSpec) -> list[str]:
    """Scenes of the files, also those that only a named split uses."""
    scenes = dict.fromkeys(spec.scenes)
    for named in spec.splits:
        scenes |= dict.fromkeys(get_dataset(f"{spec.name}+{named}").scenes)
    return list(scenes)
