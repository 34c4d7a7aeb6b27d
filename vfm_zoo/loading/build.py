"""From tensors, or from a seed, to a network, without drawing weights that would be thrown away."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from vfm_zoo.entry import Model
from vfm_zoo.errors import ZooError
from vfm_zoo.loading.files import weights_file, weights_files
from vfm_zoo.loading.tensors import read_tensors

Network = TypeVar("Network", bound=nn.Module)
Convert = Callable[[dict[str, Tensor]], Mapping[str, Tensor]]


def network_of(
    entry: Model,
    build: Callable[[], Network],
    prefixes: tuple[str, ...] = ("",),
    convert: Convert = lambda tensors: tensors,
    built_on: str = "meta",
) -> Network:
    """The network of an entry with its weights, or with weights drawn from ``options["seed"]`` where it has none.

    Parameters
    ----------
    build
        Makes the network.
    prefixes
        Of the tensors that are read from the file.
    convert
        From the file's names to the network's.
    built_on
        As `filled`.
    """
    if entry.weights is None:
        return untaught(build, int(entry.options.get("seed", 0)), built_on)
    path = weights_file(entry)
    tensors = read_tensors(path, prefixes, entry.options.get("within"))
    return filled(build, convert(tensors), str(path), built_on)


def networks_of(entry: Model, builds: Sequence[Callable[[], nn.Module]]) -> list[nn.Module]:
    """Several networks of an entry, one a file of its weights, in their order; drawn from the seed where it has none."""
    if entry.weights is None:
        return [untaught(build, int(entry.options.get("seed", 0))) for build in builds]
    files = weights_files(entry)
    return [filled(build, read_tensors(path), str(path)) for build, path in zip(builds, files, strict=True)]


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
    network = _unfilled(build, built_on)
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
        # Constants that are in no file, computed anew.
        absent = [name for name, buffer in module.named_buffers(recurse=False) if buffer.is_meta]
        for name in absent:
            setattr(module, name, torch.empty_like(getattr(module, name), device="cpu"))
        if absent:
            module.init_non_persistent_buffers()  # type: ignore[operator]
    return network.float().eval().requires_grad_(False)


def untaught(build: Callable[[], Network], seed: int, built_on: str = "meta") -> Network:
    """A network that has learned nothing: weights of variance one over the fan-in, biases 0, normalisations neutral."""
    shapes = _unfilled(build, "meta").state_dict()
    generator = np.random.Generator(np.random.PCG64(seed))
    return filled(build, {name: _drawn(name, value, generator) for name, value in shapes.items()}, "weights", built_on)


def _unfilled(build: Callable[[], Network], built_on: str) -> Network:
    # The caller's random state must not notice the weights that are replaced.
    with torch.random.fork_rng(devices=[]), torch.device(built_on):
        return build()


def _drawn(name: str, value: Tensor, generator: np.random.Generator) -> Tensor:
    if not value.is_floating_point():
        return torch.zeros(value.shape, dtype=value.dtype)
    if value.ndim < 2:
        # Factors of normalisations and variances are 1, what is added is 0.
        return torch.zeros(value.shape) if name.endswith(("bias", "mean")) else torch.ones(value.shape)
    # Positions and special tokens ([1, token, channel]) have no fan-in.
    fan_in = 1 if value.shape[0] == 1 else value[0].numel()
    drawn = generator.standard_normal(tuple(value.shape), dtype=np.float32)
    return torch.from_numpy(drawn) / math.sqrt(fan_in)


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
