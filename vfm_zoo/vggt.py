"""VGGT: its encoder in timm's DINOv2, its decoder through Meta's package where that is installed."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import TYPE_CHECKING

from vfm_zoo.entry import Choice, Entry, Exposure, Input, Licence, Weights
from vfm_zoo.errors import ZooError
from vfm_zoo.exposures import MEGADEPTH
from vfm_zoo.inputs import imagenet

if TYPE_CHECKING:
    from torch import nn

CITATION = """@inproceedings{wang2025vggt,
  title = {{VGGT}: Visual Geometry Grounded Transformer},
  author = {Wang, Jianyuan and Chen, Minghao and Karaev, Nikita and Vedaldi, Andrea and Rupprecht, Christian and
    Novotny, David},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2025},
  eprint = {2503.11651},
  archivePrefix = {arXiv},
}"""

DATA = "section 'Training Data' of the paper"

# Its own dependencies want an old NumPy; the network needs PyTorch alone.
INSTALL = (
    "pip install --no-deps 'git+https://github.com/facebookresearch/vggt.git@a288dd0f14786c93483e45524328726ab7b1b4ce'"
)

VGGT_ENCODER = Entry(
    name="vggt_encoder",
    title="VGGT encoder (ViT-L, 518)",
    family="vggt",
    loader="vfm_zoo.loading.timm_models:load",
    options={
        "timm_name": "vit_large_patch14_reg4_dinov2",
        "network": {"dynamic_img_size": True},
        "prefix": "aggregator.patch_embed.",
    },
    weights=Weights(
        source="hub",
        id="facebook/VGGT-1B",
        file="model.safetensors",
        revision="860abec7937da0a4c03c41d3c269c366e82abdf9",
        sha256="f164acf60724910d8fe1578bb499d800850c7bb0948db7555c413f9fbe60467e",
    ),
    licence=Licence(
        "CC-BY-NC-4.0",
        commercial=False,
        source="card of facebook/VGGT-1B; the code moved on to the VGGT License, under which a gated "
        "facebook/VGGT-1B-Commercial may be used commercially",
    ),
    citation=CITATION,
    kind="learned",
    architecture="ViT-L/14 with 4 registers",
    parameters=304_370_688,
    stride=14,
    channels=1024,
    tokens="patch",
    layer=23,
    norm=True,
    blocks=24,
    aliases=("vggt_e",),
    input=imagenet(14, native_side=518),
    supervision="cameras, depth, points and tracks of image sets",
    training_data="3-D",
    trained_on={
        "*": Exposure("unknown", f"not among its own data ({DATA}), but it starts from DINOv2, taught by a crawl"),
        "dl3dv": Exposure("seen", DATA),
        "tanks_and_temples": MEGADEPTH,
    },
)

VGGT_DECODER = replace(
    VGGT_ENCODER,
    name="vggt_decoder",
    title="VGGT decoder, each view alone",
    loader=f"{__name__}:load_decoder",
    options={"views": "alone"},
    choices={
        "paper": Choice(
            "fanegg/Feat2GS: all views of the scene in one pass", options={"views": "together"}, whole_scene=True
        )
    },
    layer=None,
    norm=False,
    blocks=None,
    aliases=("vggt_d",),
    hardware="a GPU is wanted: 0.9 billion parameters",
    architecture="ViT-L/14 with 4 registers, then 24 frame and 24 global blocks",
    parameters=909_111_296,
    channels=2048,
    # The package normalises.
    input=Input(multiple_of=14, native_side=518),
)

ENTRIES = (VGGT_ENCODER, VGGT_DECODER)


def load_decoder(entry: Entry, device: str) -> nn.Module:
    """Last tokens of the aggregator: what the frame blocks gave, then what the global blocks gave.

    ``options["views"]``: ``alone`` runs every image as a scene of its own, so that what it gives does not hang on the
    batch that it is in; ``together`` takes the batch for the views of one scene, as the paper does, and then wants
    all of them in one batch, the first as the reference.

    Raises
    ------
    ZooError
        If the package or the weights are missing; one line with the remedy.
    """
    from vfm_zoo.networks.vggt import AggregatedTokens

    together = entry.options["views"] == "together"
    return AggregatedTokens(_from_package(entry, "vggt.models.aggregator", "Aggregator", "aggregator."), together)


def load_vggt(device: str) -> nn.Module:
    """The whole network, for all views of a scene at once.

    Returns
    -------
    A module in evaluation mode, float32, without gradients: from ``[scene view 3 height width]`` in [0, 1], sides
    multiples of 14, to a dictionary with ``pose_enc``, ``depth`` and ``depth_conf``.

    Raises
    ------
    ZooError
        If the package or the weights are missing; one line with the remedy.
    """
    return _from_package(VGGT_ENCODER, "vggt.models.vggt", "VGGT").to(device)


def _from_package(entry: Entry, module: str, name: str, prefix: str = "") -> nn.Module:
    """A network of Meta's package with the tensors of the entry's file whose names begin with ``prefix``, without it."""
    from vfm_zoo.loading.build import filled
    from vfm_zoo.loading.files import weights_file
    from vfm_zoo.loading.tensors import read_tensors

    try:
        network = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ZooError(f"entry '{entry.name}': needs Meta's package vggt ({error}); {INSTALL}") from error
    if entry.weights is None:
        raise ZooError(f"entry '{entry.name}': has no form without its weights")
    path = weights_file(entry)
    read = read_tensors(path, (prefix,)) if prefix else read_tensors(path)
    tensors = {tensor.removeprefix(prefix): value for tensor, value in read.items()}
    return filled(network, tensors, str(path), built_on="cpu")
