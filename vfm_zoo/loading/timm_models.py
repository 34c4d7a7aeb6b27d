"""The loader of every entry whose network timm has: strict, from a checked file, nothing fetched."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import timm
import torch
from torch import Tensor, nn

from vfm_zoo.entry import Entry
from vfm_zoo.loading.build import network_of
from vfm_zoo.loading.timm_tokens import TimmTokens


def load(entry: Entry, device: str) -> nn.Module:
    """Tokens of the entry's layer.

    Options
    -------
    timm_name
        As timm names the network, with the tag of the weights.
    network
        Further arguments of `timm.create_model`.
    prefix
        Of the names of its tensors in a file that holds more than this network; taken off.
    within
        Key under which a file of ``torch.save`` keeps the tensors.
    """
    assert entry.layer is not None
    return TimmTokens(build(entry), entry.layer, norm=entry.norm)


def build(entry: Entry) -> Any:
    """The network of a timm entry, without its classifier unless ``options["network"]`` asks for one."""
    prefix = entry.options.get("prefix", "")

    def converted(tensors: dict[str, Tensor]) -> Mapping[str, Tensor]:
        return timm_tensors(entry, {name.removeprefix(prefix): value for name, value in tensors.items()})

    return network_of(entry, lambda: make(entry), (prefix,), converted)


def make(entry: Entry) -> Any:
    """A new network of the entry's architecture."""
    arguments = {"num_classes": 0, **entry.options.get("network", {})}
    if "depth" in entry.options:
        arguments["depth"] = entry.options["depth"]
    return timm.create_model(entry.options["timm_name"], pretrained=False, **arguments)


def timm_tensors(entry: Entry, tensors: dict[str, Tensor]) -> Mapping[str, Tensor]:
    """Tensors of an official file under timm's names, by timm's own conversion, without those of a classifier."""
    name = entry.options["timm_name"]
    module = importlib.import_module(timm.models.model_entrypoint(name.partition(".")[0]).__module__)
    convert = getattr(module, "checkpoint_filter_fn", None)
    if convert is not None:
        # Conversions look at sizes, which needs a network, but none of its weights.
        with torch.device("meta"):
            sizes = make(entry)
        tensors = convert(tensors, sizes)
    if entry.options.get("network", {}).get("num_classes"):
        return tensors
    known = timm.models.get_pretrained_cfg(name)
    classifier: Any = (known.classifier if known else None) or ()
    heads = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    return {key: value for key, value in tensors.items() if not key.startswith(tuple(f"{head}." for head in heads))}
