"""Loader of networks of DINOv2's architecture whose files lack the token that marks DINOv2's own."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vfm_zoo.entry import Entry
from vfm_zoo.loading.build import network_of
from vfm_zoo.loading.timm_models import make, timm_tensors
from vfm_zoo.loading.timm_tokens import TimmTokens


def load(entry: Entry, device: str) -> nn.Module:
    """Tokens of the entry's layer; options as in `vfm_zoo.loading.timm_models.load`."""
    prefix = entry.options.get("prefix", "")

    def converted(tensors: dict[str, Tensor]) -> Mapping[str, Tensor]:
        named = {_without_chunks(name.removeprefix(prefix)): value for name, value in tensors.items()}
        # timm tells DINOv2's names by this token, which hides patches in training and is read by nothing here.
        named.setdefault("mask_token", torch.zeros(1, entry.channels))
        return timm_tensors(entry, named)

    assert entry.layer is not None
    return TimmTokens(network_of(entry, lambda: make(entry), (prefix,), converted), entry.layer, norm=entry.norm)


def _without_chunks(name: str) -> str:
    """``blocks.2.13.norm1.weight``, as a network of four groups of blocks names it, to ``blocks.13.norm1.weight``."""
    parts = name.split(".")
    chunked = len(parts) > 2 and parts[0] == "blocks" and parts[1].isdigit() and parts[2].isdigit()
    return ".".join([parts[0], *parts[2:]]) if chunked else name
