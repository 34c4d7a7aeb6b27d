"""Patch tokens of an open_clip model, projected as its class token is."""

from __future__ import annotations

from typing import Any

import open_clip
import torch
from jaxtyping import Float
from timm.layers import resample_abs_pos_embed
from torch import Tensor, nn

from vfm_zoo.entry import Entry
from vfm_zoo.loading.build import network_of


class OpenClipTokens(nn.Module):
    """Tokens of a block after the last normalisation, times the projection."""

    def __init__(self, visual: nn.Module, layer: int):
        super().__init__()
        self.visual: Any = visual
        self.layer = layer

    def forward(
        self, images: Float[Tensor, "batch 3 height width"], view_positions: Float[Tensor, "batch"]
    ) -> Float[Tensor, "batch channel row column"]:
        """Tokens of normalised images; ``view_positions`` is not looked at."""
        visual = self.visual
        patches = visual.conv1(images)
        grid = patches.shape[2:]
        tokens = patches.flatten(2).transpose(1, 2)
        start = visual.class_embedding.expand(len(images), 1, -1)
        # The library takes images of one size; the table of positions is resampled as timm resamples it.
        positions = resample_abs_pos_embed(
            visual.positional_embedding[None], list(grid), list(visual.grid_size), num_prefix_tokens=1
        )
        tokens = visual.ln_pre(torch.cat((start, tokens), dim=1) + positions)
        for block in visual.transformer.resblocks[: self.layer + 1]:
            tokens = block(tokens)
        tokens = visual.ln_post(tokens[:, 1:]) @ visual.proj
        return tokens.transpose(1, 2).unflatten(2, tuple(grid))


def open_clip_tokens(entry: Entry) -> nn.Module:
    """The visual half of an open_clip model with the entry's weights."""
    settings = dict(open_clip.get_model_config(entry.options["open_clip_name"]))
    if "depth" in entry.options:
        settings["vision_cfg"] = {**settings["vision_cfg"], "layers": entry.options["depth"]}
    prefix = "visual."

    def build() -> nn.Module:
        return open_clip.CLIP(**settings).visual

    network = network_of(
        entry,
        build,
        (prefix,),
        lambda tensors: {name.removeprefix(prefix): value for name, value in tensors.items()},
    )
    assert isinstance(entry.layer, int)
    return OpenClipTokens(network, entry.layer)
