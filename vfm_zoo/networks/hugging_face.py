"""Tokens of networks that transformers has and timm has not. Configurations stand here: no remote code, no download."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from vfm_zoo.entry import Entry
from vfm_zoo.loading.build import network_of


class LastTokens(nn.Module):
    """The last hidden state, normalised, without the tokens before the first patch.

    Parameters
    ----------
    patch
        Side of a patch in pixels.
    first_patch
        How many tokens come before.
    side
        Of the square to which images are stretched, for a network that takes no other size; its grid is stretched
        back. None for one that takes any.
    """

    def __init__(self, network: nn.Module, patch: int, first_patch: int, side: int | None = None):
        super().__init__()
        self.network: Any = network
        self.patch = patch
        self.first_patch = first_patch
        self.side = side

    def forward(
        self, images: Float[Tensor, "batch 3 height width"], view_positions: Float[Tensor, "batch"]
    ) -> Float[Tensor, "batch channel row column"]:
        """Tokens of normalised images; ``view_positions`` is not looked at."""
        wanted = [length // self.patch for length in images.shape[2:]]
        if self.side is not None:
            images = functional.interpolate(images, (self.side, self.side), mode="bilinear", antialias=True)
        grid = [length // self.patch for length in images.shape[2:]]
        tokens = self.network(images).last_hidden_state[:, self.first_patch :]
        maps = tokens.transpose(1, 2).unflatten(2, grid)
        if grid == wanted:
            return maps
        return functional.interpolate(maps, wanted, mode="bilinear", antialias=True)


def dinov2_tokens(entry: Entry) -> nn.Module:
    """DINOv2's architecture under the names of transformers, alone in a file or as the ``backbone.`` of another."""
    from transformers import Dinov2Config, Dinov2Model

    prefix = entry.options.get("prefix", "")
    configuration = Dinov2Config(
        hidden_size=entry.channels,
        num_hidden_layers=entry.options.get("depth", entry.blocks),
        num_attention_heads=entry.channels // 64,
        image_size=entry.options.get("image_side", entry.input.native_side),
        patch_size=entry.stride,
        use_swiglu_ffn=entry.options.get("swiglu", False),
    )
    network = network_of(
        entry,
        lambda: Dinov2Model(configuration),
        (prefix,),
        lambda tensors: {name.removeprefix(prefix): value for name, value in tensors.items()},
    )
    return LastTokens(network, entry.stride, first_patch=1)


def sam3_tokens(entry: Entry) -> nn.Module:
    """The backbone of SAM 3's vision encoder, out of the file of the whole model."""
    from transformers import Sam3ViTConfig, Sam3ViTModel

    # Untaught ones need not be large to be tried.
    side, window = (entry.options["side"], 24) if entry.weights is not None else (6 * entry.stride, 3)
    depth = entry.options.get("depth", entry.blocks)
    configuration = Sam3ViTConfig(
        image_size=side,
        num_hidden_layers=depth,
        window_size=window,
        global_attn_indexes=[index for index in (7, 15, 23, 31) if index < depth] or [depth - 1],
    )

    def converted(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        mark = "vision_encoder.backbone."
        return {name.partition(mark)[2]: value for name, value in tensors.items() if mark in name}

    network = network_of(entry, lambda: Sam3ViTModel(configuration), ("",), converted, built_on="cpu")
    return LastTokens(network, entry.stride, first_patch=0, side=side)
