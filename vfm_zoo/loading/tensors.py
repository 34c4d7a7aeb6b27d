"""Tensors by name out of released files. Nothing in a file is ever run."""

from __future__ import annotations

import argparse
import pickle
from pathlib import Path
from typing import Any

import safetensors
import torch
from torch import Tensor, nn

from vfm_zoo.errors import ZooError


def read_tensors(path: Path, prefixes: tuple[str, ...] = ("",), within: str | None = None) -> dict[str, Tensor]:
    """Tensors of a file whose names begin with one of the prefixes.

    Parameters
    ----------
    path
        safetensors, or by the name's ending (``.pth``, ``.pt``, ``.bin``, ``.tar``, ``.ckpt``) a file of ``torch.save``.
    within
        Of a file of ``torch.save``: the key under which the tensors stand.

    Raises
    ------
    ZooError
        If the file is of another format, is cut short, holds more than tensors and plain values (a pickle that would
        run something is refused), or holds no such tensor.
    """
    if path.suffix in (".pth", ".pt", ".bin", ".tar", ".ckpt"):
        tensors = {
            name: tensor for name, tensor in read_pickled_tensors(path, within).items() if name.startswith(prefixes)
        }
    else:
        try:
            with safetensors.safe_open(path, framework="pt") as file:
                names = [name for name in file.keys() if name.startswith(prefixes)]  # noqa: SIM118
                tensors = {name: file.get_tensor(name) for name in names}
        except (OSError, safetensors.SafetensorError) as error:
            raise ZooError(
                f"{path}: cannot be read as safetensors ({error}); give the whole model.safetensors of the release"
            ) from None
    if not tensors:
        raise ZooError(f"{path}: holds no tensor named {' or '.join(prefixes)}...; give the file of the release")
    return tensors


def read_pickled_tensors(path: Path, within: str | None = None) -> dict[str, Tensor]:
    """Tensors by name from a file of ``torch.save``; what stands beside them under other keys is left out.

    Raises
    ------
    ZooError
        If something in it is neither a tensor nor a plain value, or if there are no tensors where they should be.
    """
    try:
        # Some releases keep the arguments of their training beside the weights: a namespace of plain values.
        with torch.serialization.safe_globals([argparse.Namespace]):
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ZooError(f"{path}: holds something that is no tensor, and is not opened ({reason})") from None
    if within is not None:
        content = content.get(within) if isinstance(content, dict) else None
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        where = "" if within is None else f" under '{within}'"
        raise ZooError(f"{path.name}: expected tensors by name{where}")
    return dict(content)


def renamed_in_order(tensors: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """The tensors under the network's own names, where both list the same shapes in the same order.

    Raises
    ------
    ZooError
        At the first that differs.
    """
    own = network.state_dict()
    if len(tensors) != len(own):
        raise ZooError(f"weights: expected {len(own)} tensors, got {len(tensors)}")
    for (name, given), (own_name, value) in zip(tensors.items(), own.items(), strict=True):
        if given.shape != value.shape:
            raise ZooError(f"weights: '{name}' {tuple(given.shape)} does not fit '{own_name}' {tuple(value.shape)}")
    return dict(zip(own, tensors.values(), strict=True))
