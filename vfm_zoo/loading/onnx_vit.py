"""A vision transformer out of the ONNX file of a larger network: its initialisers, under timm's names."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor, nn

from vfm_zoo.entry import Entry
from vfm_zoo.errors import ZooError
from vfm_zoo.loading.build import filled, untaught
from vfm_zoo.loading.files import weights_file
from vfm_zoo.loading.timm_models import make
from vfm_zoo.loading.timm_tokens import TimmTokens

BACKBONE = "backbone."
# From names of transformers' DINOv2 to timm's; queries, keys and values are joined afterwards.
NAMES = (
    (r"embeddings\.cls_token", "cls_token"),
    (r"embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
    (r"encoder\.layer\.", "blocks."),
    (r"attention\.attention\.(query|key|value)\.", r"attn.\1."),
    (r"attention\.output\.dense\.", "attn.proj."),
    (r"layer_scale(\d)\.lambda1", r"ls\1.gamma"),
    (r"^layernorm\.", "norm."),
)
PARTS = ("query", "key", "value")


def load(entry: Entry, device: str) -> nn.Module:
    """Tokens of the entry's layer."""
    assert entry.layer is not None
    if entry.weights is None:
        network = untaught(lambda: make(entry), int(entry.options["seed"]))
    else:
        path = weights_file(entry)
        network = filled(lambda: make(entry), timm_names(read_initialisers(path)), str(path))
    return TimmTokens(network, entry.layer, norm=entry.norm)


def read_initialisers(path: Path) -> dict[str, Tensor]:
    """Tensors of the backbone under transformers' names; nothing is executed.

    Weights of products have no names of their own in the file, but the nodes that use them have.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path), load_external_data=False).graph
    values = {value.name: torch.from_numpy(numpy_helper.to_array(value).copy()) for value in graph.initializer}
    named = {name: value for name, value in values.items() if name.startswith(BACKBONE)}
    for node in graph.node:
        if node.op_type == "MatMul" and node.name.startswith("/backbone/") and node.input[1] in values:
            place = node.name.removeprefix("/").removesuffix("/MatMul").replace("/", ".")
            # A product multiplies from the right what a linear layer multiplies from the left.
            named[f"{place}.weight"] = values[node.input[1]].T.contiguous()
    tables = [value for name, value in values.items() if value.ndim == 3 and value.shape[1] > 1]
    starts = [
        value
        for name, value in values.items()
        if tuple(value.shape) == (1, 1, tables[0].shape[2] if tables else 0) and not name.startswith(BACKBONE)
    ]
    if len(tables) != 1 or len(starts) != 1:
        raise ZooError(f"{path}: is not the network that is expected; give the file of the release")
    named[f"{BACKBONE}pos_embed"] = torch.cat((starts[0], tables[0]), dim=1)
    return named


def timm_names(official: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under timm's names, queries, keys and values in one."""
    tensors = {}
    for name, value in official.items():
        renamed = name.removeprefix(BACKBONE)
        for theirs, ours in NAMES:
            renamed = re.sub(theirs, ours, renamed)
        tensors[renamed] = value
    for name in [name for name in tensors if ".attn.query." in name]:
        parts = [tensors.pop(name.replace("query", part)) for part in PARTS]
        tensors[name.replace("query", "qkv")] = torch.cat(parts)
    return tensors
