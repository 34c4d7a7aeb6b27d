"""Autoencoders of latent diffusion as diffusers builds them, halved, with the names of older files brought up to date."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import diffusers
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
from torch import Tensor, nn

from vfm_zoo.autoencoders.entry import AutoencoderEntry
from vfm_zoo.loading.autoencoder import Halves
from vfm_zoo.loading.build import network_of

# Names of the layers of attention in files from before diffusers 0.18.
OLD_ATTENTION = {".query.": ".to_q.", ".key.": ".to_k.", ".value.": ".to_v.", ".proj_attn.": ".to_out.0."}
CONVOLUTIONS = ("quant_conv.", "post_quant_conv.")


def halves(entry: AutoencoderEntry) -> Halves:
    """Encoder with its last 1x1 convolution and decoder with its first, where the network has them.

    ``options["class"]`` names the class of diffusers, ``options["network"]`` its arguments, and ``options["names"]``
    whose names the tensors of the file have: ``diffusers`` or ``latent-diffusion``.
    """
    make = getattr(diffusers, entry.options["class"])
    arguments = {**entry.options["network"], "latent_channels": entry.channels}
    names = renamed if entry.options.get("names") == "latent-diffusion" else brought_up_to_date

    def convert(tensors: dict[str, Tensor]) -> Mapping[str, Tensor]:
        return names(tensors, arguments)

    network: Any = network_of(entry, lambda: make(**arguments), ("encoder.", "decoder.", *CONVOLUTIONS, "bn."), convert)
    return Halves(
        nn.Sequential(network.encoder, *_there(network, "quant_conv")),
        nn.Sequential(*_there(network, "post_quant_conv"), network.decoder),
    )


def _there(network: nn.Module, name: str) -> list[nn.Module]:
    layer = getattr(network, name, None)
    return [] if layer is None else [layer]


def brought_up_to_date(tensors: Mapping[str, Tensor], arguments: Mapping[str, Any]) -> dict[str, Tensor]:
    """The same tensors, attention named as today."""
    found = {}
    for name, tensor in tensors.items():
        for old, new in OLD_ATTENTION.items():
            name = name.replace(old, new)
        found[name] = tensor
    return found


def renamed(tensors: Mapping[str, Tensor], arguments: Mapping[str, Any]) -> dict[str, Tensor]:
    """Tensors of the code of latent diffusion under diffusers' names; 1x1 convolutions of attention become matrices."""
    return convert_ldm_vae_checkpoint(dict(tensors), {"down_block_types": (), "up_block_types": (), **arguments})
