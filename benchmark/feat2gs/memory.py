"""Refusing a fit that cannot fit into memory before it takes the machine down with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float

from benchmark.errors import CellError
from benchmark.features.feature_maps import FeatureMaps

# Copies of every attribute: value, start, gradient, two moments of Adam, what the rasteriser packs and hands back.
COPIES = 8
# Copies of the features: as read, as laid out for the readout, gradients of the first layers.
FEATURE_COPIES = 3


def check_memory(
    start: Mapping[str, Float[torch.Tensor, "gaussian size"]], features: FeatureMaps | None, device: str
) -> None:
    """`CellError` if the values of a fit alone are more than the memory that is free on the device; a lower bound."""
    needed = COPIES * sum(values.numel() * values.element_size() for values in start.values())
    if features is not None:
        needed += FEATURE_COPIES * features.grid.numel() * features.grid.element_size()
    free = free_memory(device)
    if free is not None and needed > free:
        raise CellError(
            f"{len(start['means'])} Gaussians take at least {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; "
            "choose a protocol of smaller images or fewer train views, or run fewer --slots"
        )


def free_memory(device: str) -> int | None:
    """Bytes that can still be had, or None where the system does not say (it does on Linux and on CUDA)."""
    if device.startswith("cuda"):
        return int(torch.cuda.mem_get_info()[0])
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
