"""From a released file to a network, without drawing weights that would be thrown away."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import huggingface_hub
import safetensors
import torch
from torch import Tensor, nn

from vfm_zoo.entry import Entry
from vfm_zoo.errors import ZooError

Network = TypeVar("Network", bound=nn.Module)
FOLDER = "SPLATBENCH_WEIGHTS"


def released_file(entry: Entry) -> Path:
    """The entry's file of a repository on the Hugging Face hub, its digest checked.

    It is looked for in the folder that the environment's ``SPLATBENCH_WEIGHTS`` names (a sub-folder with the name of
    the repository), then in the hub's cache. Nothing is fetched: the files are gigabytes and their licences are to be
    read first.

    Raises
    ------
    ZooError
        If it is in neither or is not the file that the entry names; one line with the remedy.
    """
    weights = entry.weights
    if weights is None:
        raise ValueError(f"entry: '{entry.name}' has no weights")
    fetch = f"hf download {weights.id} {weights.file} --revision {weights.revision}"
    wanted = Path(weights.id.partition("/")[2]) / weights.file
    path = Path(os.environ[FOLDER]) / wanted if os.environ.get(FOLDER) else None
    if path is None or not path.is_file():
        cached = huggingface_hub.try_to_load_from_cache(weights.id, weights.file, revision=weights.revision)
        if not isinstance(cached, str):
            raise ZooError(
                f"entry '{entry.name}': its weights ({entry.licence.spdx}) are not on this machine; run `{fetch}`, "
                f"or put the file at {wanted} in the folder that {FOLDER} names"
            )
        path = Path(cached)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != weights.sha256:
        raise ZooError(
            f"entry '{entry.name}': {path} has the SHA-256 {found[:12]}..., not {weights.sha256[:12]}...; "
            f"remove it and run `{fetch}`"
        )
    return path


def read_tensors(path: Path, prefixes: tuple[str, ...] = ("",)) -> dict[str, Tensor]:
    """Tensors of a safetensors file whose names begin with one of the prefixes.

    Raises
    ------
    ZooError
        If the file is of another format (a pickle is never opened), is cut short, or holds no such tensor.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys() if name.startswith(prefixes)}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError) as error:
        raise ZooError(
            f"{path}: cannot be read as safetensors ({error}); give the whole model.safetensors of the release"
        ) from None
    if not tensors:
        raise ZooError(f"{path}: holds no tensor named {' or '.join(prefixes)}...; give the file of the release")
    return tensors


def filled(build: Callable[[], Network], tensors: Mapping[str, Tensor], source: str, built_on: str = "meta") -> Network:
    """A network of its own tensors, in evaluation mode, float32 and without gradients.

    Parameters
    ----------
    build
        Makes the network.
    source
        Of the tensors, for the message.
    built_on
        ``meta``, so that neither time nor memory goes into weights that are replaced, or ``cpu`` for a network that
        cannot be made there.

    Raises
    ------
    ZooError
        At a name that is missing or not known, or a shape that differs.
    """
    # The caller's random state must not notice the weights that are replaced.
    with torch.random.fork_rng(devices=[]), torch.device(built_on):
        network = build()
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in tensors.items()}
    wrong = sorted(name for name in expected.keys() | given.keys() if expected.get(name) != given.get(name))
    if wrong:
        name = wrong[0]
        raise ZooError(
            f"{source}: {len(wrong)} tensors do not fit the network: first '{name}' is {given.get(name, 'absent')}, "
            f"expected {expected.get(name, 'none of that name')}; give the file of the release"
        )
    network.load_state_dict(dict(tensors), assign=True)
    for module in network.modules():
        if any(buffer.is_meta for buffer in module.buffers(recurse=False)):
            # Constants that are in no file, computed anew.
            module.to_empty(device="cpu", recurse=False)
            module.init_non_persistent_buffers()  # type: ignore[operator]
    return network.float().eval().requires_grad_(False)
