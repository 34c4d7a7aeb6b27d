"""`splatbench features`, `check` and `new-entry`: look at an extractor, try it, begin one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.output import console
from benchmark.errors import InputError, MissingError
from vfm_zoo import registry
from vfm_zoo.errors import ZooError


def read_entry_files(files: list[Path] | None) -> list[Path] | None:
    """Register the entries of files before a command looks for names; for ``--entry-file``."""
    for path in files or []:
        registry.load_entry_file(path)
    return files


EntryFileOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--entry-file",
        help="A Python file with entries of your own; it is run. Several are allowed.",
        callback=read_entry_files,
        is_eager=True,
    ),
]
DeviceOption = Annotated[str, typer.Option(help="As PyTorch names it: cpu, cuda, cuda:1.")]


def features(
    name: Annotated[str, typer.Argument(help="An entry.")],
    images: Annotated[Path, typer.Option(help="Folder of photographs of one size.")],
    out: Annotated[Path | None, typer.Option(help="The picture; default NAME.png here.")] = None,
    protocol: Annotated[str, typer.Option(help="Whose image sizes are taken.")] = "lite",
    choice: Annotated[str, typer.Option(help="recommended or paper: whose layer and statistics.")] = "recommended",
    device: DeviceOption = "cpu",
    entry_file: EntryFileOption = None,
) -> None:
    """Show what a model sees: the principal components of its features as colours, beside the photographs.

    Example: `splatbench features efficientnet_lite0 --images photographs/`
    """
    from benchmark.features.picture import feature_picture, views_of
    from benchmark.protocols import get_protocol

    entry = registry.get_entry(name).chosen(choice)
    sizes = get_protocol(protocol).images
    views = views_of(images)
    picture = feature_picture(entry, views, sizes, device)
    out = out or Path(f"{entry.name}.png")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        from PIL import Image

        Image.fromarray(picture).save(out)
    except (OSError, ValueError) as error:
        raise InputError(f"--out {out}: cannot be written ({error}); name a .png file in a folder of yours") from None
    console.print(f"{len(views)} photographs: {out}", highlight=False, markup=False)


def check(
    name: Annotated[str, typer.Argument(help="An entry.")],
    device: DeviceOption = "cpu",
    entry_file: EntryFileOption = None,
) -> None:
    """Try whether an entry keeps what every entry promises, and say in plain words what it breaks.

    Where its weights are absent, its network is tried with drawn weights. The exit code is 1 if a promise is broken.

    Example: `splatbench check my_extractor --entry-file my_extractor.py`
    """
    from vfm_zoo import card

    entry = registry.get_entry(name)
    broken = [("the card is complete", text) for text in card.problems(entry)]
    _say("the card is complete", [text for _, text in broken])
    try:
        extractor = registry.load(entry, device)
    except ZooError as absent:
        if entry.weights is None:
            raise MissingError(str(absent)) from absent
        console.print(f"note: {absent}; tried with drawn weights", highlight=False, markup=False)
        entry = entry.untaught()
        try:
            extractor = registry.load(entry, device)
        except ZooError as error:
            raise MissingError(str(error)) from error
    except Exception as error:
        raise InputError(f"entry '{name}': its loader raises {_one_line(error)}; mend {entry.loader}") from error
    from vfm_zoo.loading.contract import PROMISES

    for promise in PROMISES:
        try:
            problem = promise.broken(extractor, lambda: registry.load(entry, device))
        except Exception as error:
            problem = f"it raises {_one_line(error)}"
        _say(promise.text, [problem] if problem else [])
        broken += [(promise.text, problem)] if problem else []
    if broken:
        console.print(f"{name}: {len(broken)} broken", highlight=False, markup=False)
        raise typer.Exit(1)
    console.print(f"{name}: every promise is kept", highlight=False, markup=False)


def _say(promise: str, problems: list[str]) -> None:
    console.print(f"{'broken' if problems else 'kept  '}  {promise}", highlight=False, markup=False)
    for problem in problems:
        console.print(f"        {problem}", highlight=False, markup=False)


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def new_entry(
    name: Annotated[str, typer.Argument(help="Lower case, as family_size: my_model_b16.")],
    folder: Annotated[Path, typer.Option(help="Where the files are written.")] = Path(),
) -> None:
    """Begin an extractor: a file with an entry that works, its test, and a page about it.

    Example: `splatbench new-entry my_model_b16 --folder my_model`
    """
    from benchmark.cli.entry_templates import ENTRY, PAGE, TEST

    if not re.fullmatch(r"[a-z][a-z0-9_]{0,60}", name):
        raise InputError(f"name '{name}': use lower case letters, digits and _, the first a letter")
    taken = {entry.name for entry in registry.list_entries()}
    if name in taken:
        raise InputError(f"name '{name}': is taken by {registry.source_of(name)}; choose another")
    files = {f"{name}.py": ENTRY, f"test_{name}.py": TEST, f"{name}.md": PAGE}
    present = [file for file in files if (folder / file).exists()]
    if present:
        raise InputError(f"{folder / present[0]}: exists and is not written over; choose another --folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).write_text(text.replace("NAME", name), encoding="utf-8")
    except OSError as error:
        raise InputError(f"--folder {folder}: cannot be written ({error.strerror}); name a folder of yours") from None
    for file in files:
        console.print(str(folder / file), highlight=False, markup=False)
    path = folder / f"{name}.py"
    console.print(f"Next: splatbench check {name} --entry-file {path}", highlight=False, markup=False)
