"""The network of CroCo v2: an encoder with rotary positions, and two decoders that look at each other's tokens.

Parts keep the names that the released files give their tensors.

References
----------
Weinzaepfel et al., CroCo v2: Improved Cross-view Completion Pre-training for Stereo Matching and Optical Flow, ICCV
2023, arXiv 2211.10408. The second branch: Wang et al., DUSt3R: Geometric 3D Vision Made Easy, CVPR 2024, arXiv
2312.14132, section 3.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from timm.layers import Mlp
from timm.models.eva import Eva
from torch import Tensor, nn
from torch.nn import functional

# Of every released CroCo v2, DUSt3R and MASt3R, in encoder and decoder.
HEAD_CHANNELS = 64
ROTARY_BASE = 100.0

LayerNorm = partial(nn.LayerNorm, eps=1e-6)
Rotation = tuple[Float[Tensor, "token 2 quarter"], Float[Tensor, "token 2 quarter"]]


@dataclass(frozen=True)
class Size:
    """Of a transformer: channels of a token, and blocks."""

    width: int
    depth: int

    @property
    def heads(self) -> int:
        """Attention heads."""
        return self.width // HEAD_CHANNELS


LARGE_ENCODER = Size(width=1024, depth=24)
BASE_DECODER = Size(width=768, depth=12)

ENCODER_NAMES = {"patch_embed.": "patch_embed.", "enc_blocks.": "blocks.", "enc_norm.": "norm."}


def build_encoder(size: Size = LARGE_ENCODER, patch: int = 16) -> Eva:
    """A timm network that computes what CroCo's encoder does, once `encoder_tensors` are in it.

    It takes images of any size whose sides are multiples of the patch.
    """
    return Eva(
        img_size=patch,
        dynamic_img_size=True,
        patch_size=patch,
        embed_dim=size.width,
        depth=size.depth,
        num_heads=size.heads,
        # The other kinds of attention have no bias of the keys.
        attn_type="rope",
        qkv_bias=True,
        qkv_fused=True,
        class_token=False,
        use_abs_pos_emb=False,
        use_rot_pos_emb=True,
        rope_type="cat",
        rope_temperature=ROTARY_BASE,
        num_classes=0,
        use_post_transformer_norm=True,
        use_fc_norm=False,
        norm_layer=LayerNorm,
    )


def encoder_tensors(official: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of the encoder, in the names and the order of rows that `build_encoder` wants; others are left out."""
    tensors = {}
    for name, tensor in official.items():
        for theirs, ours in ENCODER_NAMES.items():
            if name.startswith(theirs):
                tensors[ours + name.removeprefix(theirs)] = _in_timm_order(tensor) if ".attn.qkv." in name else tensor
    return tensors


def rotary_order(channels: int) -> list[int]:
    """Where timm wants the channels of a head from.

    CroCo turns channel ``i`` with channel ``i + channels / 4`` inside the half of the rows and the half of the
    columns; timm turns neighbours, the rows first. Attention is a sum over channels: any order does, the same in
    queries and keys.
    """
    quarter = channels // 4
    return [
        half * 2 * quarter + part * quarter + index for half in (0, 1) for index in range(quarter) for part in (0, 1)
    ]


def _in_timm_order(qkv: Tensor) -> Tensor:
    by_head = qkv.unflatten(0, (3, -1, HEAD_CHANNELS)).clone()
    by_head[:2] = by_head[:2, :, rotary_order(HEAD_CHANNELS)]
    return by_head.flatten(0, 2)


def rotation_of(grid: tuple[int, int], device: torch.device) -> Rotation:
    """Cosines and sines that turn a head's channels by a token's row and column.

    Parameters
    ----------
    grid
        Rows and columns of tokens; token ``row * columns + column``.

    Returns
    -------
    Float32, for the angles ``place * 100 ** (-i / quarter)``, rows at index 0 and columns at index 1.
    """
    rows, columns = grid
    quarter = HEAD_CHANNELS // 4
    frequencies = ROTARY_BASE ** (-torch.arange(quarter, device=device, dtype=torch.float32) / quarter)
    places = torch.cartesian_prod(torch.arange(rows, device=device), torch.arange(columns, device=device))
    angles = places.view(-1, 2, 1) * frequencies
    return angles.cos(), angles.sin()


def rotate(
    heads: Float[Tensor, "batch head token channel"], rotation: Rotation
) -> Float[Tensor, "batch head token channel"]:
    """Rotary position embedding in two dimensions (Su et al., arXiv 2104.09864; CroCo v2, section 3.2)."""
    cosine, sine = (value.to(heads.dtype) for value in rotation)
    first, second = heads.unflatten(-1, (2, 2, -1)).unbind(-2)
    turned = torch.stack((first * cosine - second * sine, second * cosine + first * sine), dim=-2)
    return turned.flatten(-3)


def _split(tokens: Tensor) -> Tensor:
    """``[batch token channel]`` to ``[batch head token channel]``."""
    return tokens.unflatten(-1, (-1, HEAD_CHANNELS)).transpose(1, 2)


def _attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    attended: Tensor = functional.scaled_dot_product_attention(queries, keys, values)
    return attended.transpose(1, 2).flatten(2)


class SelfAttention(nn.Module):
    """Attention among the tokens of one view."""

    def __init__(self, width: int):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Float[Tensor, "batch token channel"], rotation: Rotation) -> Tensor:
        """Attended tokens."""
        queries, keys, values = (_split(part) for part in self.qkv(tokens).chunk(3, dim=-1))
        return self.proj(_attend(rotate(queries, rotation), rotate(keys, rotation), values))


class CrossAttention(nn.Module):
    """Attention of the tokens of one view to those of the other."""

    def __init__(self, width: int):
        super().__init__()
        self.projq = nn.Linear(width, width)
        self.projk = nn.Linear(width, width)
        self.projv = nn.Linear(width, width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor, others: Tensor, rotation: Rotation, others_rotation: Rotation) -> Tensor:
        """Attended tokens."""
        queries = rotate(_split(self.projq(tokens)), rotation)
        keys = rotate(_split(self.projk(others)), others_rotation)
        return self.proj(_attend(queries, keys, _split(self.projv(others))))


class DecoderBlock(nn.Module):
    """Self-attention, attention to the other view, and a perceptron, each on normalised tokens and added."""

    def __init__(self, width: int):
        super().__init__()
        self.norm1 = LayerNorm(width)
        self.attn = SelfAttention(width)
        self.norm_y = LayerNorm(width)
        self.norm2 = LayerNorm(width)
        self.cross_attn = CrossAttention(width)
        self.norm3 = LayerNorm(width)
        self.mlp = Mlp(width, 4 * width)

    def forward(
        self,
        tokens: Float[Tensor, "batch token channel"],
        others: Float[Tensor, "batch other channel"],
        rotation: Rotation,
        others_rotation: Rotation,
    ) -> Float[Tensor, "batch token channel"]:
        """Tokens of this view, having looked at the ``others`` of the other view."""
        tokens = tokens + self.attn(self.norm1(tokens), rotation)
        tokens = tokens + self.cross_attn(self.norm2(tokens), self.norm_y(others), rotation, others_rotation)
        return tokens + self.mlp(self.norm3(tokens))


class TwoBranchDecoder(nn.Module):
    """One decoder a view; block by block, each sees what the other's last block gave."""

    def __init__(self, encoder_width: int, size: Size = BASE_DECODER):
        super().__init__()
        self.decoder_embed = nn.Linear(encoder_width, size.width)
        self.dec_blocks = nn.ModuleList([DecoderBlock(size.width) for _ in range(size.depth)])
        self.dec_blocks2 = nn.ModuleList([DecoderBlock(size.width) for _ in range(size.depth)])
        self.dec_norm = LayerNorm(size.width)

    def forward(
        self,
        first: Float[Tensor, "batch token channel"],
        second: Float[Tensor, "batch other channel"],
        first_grid: tuple[int, int],
        second_grid: tuple[int, int],
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Decode encoded tokens of two views together.

        Returns
        -------
        For each view what every block gave, the encoded tokens first; the last is normalised.
        """
        layers: tuple[list[Tensor], list[Tensor]] = ([first], [second])
        rotation, other_rotation = (rotation_of(grid, first.device) for grid in (first_grid, second_grid))
        first, second = self.decoder_embed(first), self.decoder_embed(second)
        for block, other_block in zip(self.dec_blocks, self.dec_blocks2, strict=True):
            first, second = (
                block(first, second, rotation, other_rotation),
                other_block(second, first, other_rotation, rotation),
            )
            layers[0].append(first)
            layers[1].append(second)
        for kept in layers:
            kept[-1] = self.dec_norm(kept[-1])
        return layers


def encoder_size(official: Mapping[str, Tensor]) -> Size:
    """Size of the encoder whose tensors these are."""
    return Size(official["enc_norm.weight"].shape[0], _count(r"enc_blocks\.(\d+)\.norm1\.weight", official))


def decoder_size(official: Mapping[str, Tensor]) -> Size:
    """Size of the decoder whose tensors these are."""
    return Size(official["dec_norm.weight"].shape[0], _count(r"dec_blocks\.(\d+)\.norm1\.weight", official))


def _count(pattern: str, names: Mapping[str, Tensor]) -> int:
    return sum(re.fullmatch(pattern, name) is not None for name in names)
