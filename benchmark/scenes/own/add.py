"""A folder of photographs becomes a dataset like any other."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmark.errors import InputError
from benchmark.scenes.images import list_images
from benchmark.scenes.own.choose import MIN_COVERAGE, Choice, choose_views, default_counts
from benchmark.scenes.own.motion import Solved, solve
from benchmark.scenes.own.sheet import write_sheet
from benchmark.scenes.places import own_folder
from benchmark.scenes.spec import DatasetSpec, datasets_folder, read_spec

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
SHEET = "contact-sheet.html"


@dataclass(frozen=True)
class Added:
    """What `add_dataset` made.

    Attributes
    ----------
    sheet
        Page that shows the choice.
    warnings
        What a user should know before believing a number.
    """

    spec: DatasetSpec
    sheet: Path
    solved: Solved
    choice: Choice
    warnings: tuple[str, ...]


def add_dataset(
    name: str,
    photographs: Path,
    train: int | None = None,
    test: int | None = None,
    replace: bool = False,
    report: Callable[[str], None] = lambda text: None,
) -> Added:
    """Make a dataset of one scene from a folder of photographs; the photographs stay where they are.

    Cameras come from structure from motion, views by spread and overlap (`choose_views`). The YAML file, the COLMAP
    model and the sheet are put into a folder of that name among the user's own datasets, all at once.

    Parameters
    ----------
    photographs
        Folder with image files, or with a folder ``images``.
    train, test
        How many views; None takes `default_counts`.
    replace
        Whether an earlier dataset of one's own of that name may be replaced.

    Raises
    ------
    InputError
        If the name is taken or no name, the folder holds too few photographs, or their cameras cannot be found.
    """
    target = _target(name, replace)
    folder = photographs.expanduser().resolve()
    if not folder.is_dir():
        raise InputError(f"{photographs}: no such folder; name the one with your photographs")
    files = list_images(folder / "images" if (folder / "images").is_dir() else folder)
    solved = solve(files, report)
    counts = _counts(len(solved.names), train, test, folder)
    choice = choose_views(solved.seen, solved.camera_to_world, *counts)
    report("Writing the contact sheet ...")
    partial = target.with_name(f".{name}-{uuid.uuid4().hex}")
    try:
        (partial / "sparse" / "0").mkdir(parents=True)
        solved.model.write_binary(partial / "sparse" / "0")
        write_sheet(partial / SHEET, name, {path.name: path for path in files}, solved, choice)
        text = yaml.safe_dump(_values(name, folder, files[0].parent, target, solved, choice), sort_keys=False)
        (partial / f"{name}.yaml").write_text(text, encoding="utf-8")
        read_spec(partial / f"{name}.yaml")
        _publish(partial, target)
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror}); set SPLATBENCH_DATA elsewhere") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Added(read_spec(target / f"{name}.yaml"), target / SHEET, solved, choice, _warnings(solved, choice))


def _target(name: str, replace: bool) -> Path:
    if not NAME.fullmatch(name):
        raise InputError(f"dataset name '{name:.120}': use letters, digits, '_', '.' and '-', such as 'my-room'")
    if (datasets_folder() / f"{name}.yaml").is_file():
        raise InputError(f"dataset name '{name}': taken by a dataset of the benchmark; choose another")
    target = own_folder() / name
    if target.exists() and not replace:
        raise InputError(f"dataset '{name}': you have one already in {target}; choose another name or add --replace")
    return target


def _counts(usable: int, train: int | None, test: int | None, folder: Path) -> tuple[int, int]:
    default_train, default_test = default_counts(usable)
    if train is None:
        train = default_train if test is None else max(2, min(default_train, usable - test))
    if test is None:
        test = max(1, min(default_test, usable - train))
    if train < 2 or test < 1 or train + test > usable:
        raise InputError(
            f"{folder}: {usable} photographs have cameras, which do not give {train} train and {test} test views; ask "
            "for fewer (at least 2 and 1)"
        )
    return train, test


def _values(name: str, folder: Path, images: Path, target: Path, solved: Solved, choice: Choice) -> dict[str, object]:
    return {
        "name": name,
        "version": 1,
        "title": f"Photographs in the folder {folder.name}"[:200],
        "task": "nvs",
        "citation": "",
        # Of photographs of one's own nothing is known: the page leaves them out when it is published.
        "licence": {"spdx": "LicenseRef-own-photographs", "url": "", "redistribute": False},
        "source": {"kind": "folder", "folder": str(target)},
        "layout": "colmap",
        "split_origin": "ours",
        "split_rule": (
            "Spread and overlap: of the views that share points with a chosen one the farthest is train, of the rest "
            "those that train views cover are test."
        ),
        "scenes": {
            name: {
                "train": [solved.names[index] for index in choice.train],
                "test": [solved.names[index] for index in choice.test],
                "options": {"images": str(images)},
            }
        },
        "notes": (
            f"Cameras by structure from motion: {len(solved.names)} of {len(solved.names) + len(solved.left_out)} "
            f"photographs, mean error {solved.error:.2f} pixels; the unit of length is arbitrary."
        ),
    }


def _publish(partial: Path, target: Path) -> None:
    """Put the new folder in the place of the old one, which is kept until the new one is there."""
    old = target.with_name(f".{target.name}-old-{uuid.uuid4().hex}")
    if target.exists():
        target.rename(old)
    try:
        partial.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _warnings(solved: Solved, choice: Choice) -> tuple[str, ...]:
    warnings = []
    if solved.left_out:
        warnings.append(f"{len(solved.left_out)} photographs have no camera: {', '.join(solved.left_out[:6])} ...")
    poor = [solved.names[index] for index in choice.test if choice.coverage[index] < MIN_COVERAGE]
    if poor:
        warnings.append(f"train views see little of {', '.join(poor)}: add train views or photographs beside them")
    if solved.error > 1.5:
        warnings.append(f"the mean error of {solved.error:.2f} pixels is large: cameras may be wrong")
    return tuple(warnings)
