"""Masked autoencoder: a ViT-B/16 that learned to paint what was hidden from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfm_zoo.entry import Choice, Entry, Licence
from vfm_zoo.exposures import closed
from vfm_zoo.inputs import imagenet
from vfm_zoo.pins import unpinned

if TYPE_CHECKING:
    from torch import nn

CITATION = """@inproceedings{he2022mae,
  title = {Masked Autoencoders Are Scalable Vision Learners},
  author = {He, Kaiming and Chen, Xinlei and Xie, Saining and Li, Yanghao and Dollar, Piotr and Girshick, Ross},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2022},
  eprint = {2111.06377},
  archivePrefix = {arXiv},
}"""

MAE = Entry(
    name="mae_b16",
    title="MAE ViT-B/16",
    family="mae",
    loader=f"{__name__}:load",
    options={
        "timm_name": "vit_base_patch16_224.mae",
        "network": {"dynamic_img_size": True},
        "positions": "interpolated",
    },
    weights=unpinned("timm/vit_base_patch16_224.mae"),
    licence=Licence(
        "CC-BY-NC-4.0",
        commercial=False,
        source="LICENSE of facebookresearch/mae and timm's card (the card of facebook/vit-mae-base says Apache-2.0)",
    ),
    citation=CITATION,
    kind="learned",
    architecture="ViT-B/16",
    parameters=85_798_656,
    stride=16,
    channels=768,
    tokens="patch",
    layer=11,
    norm=True,
    choices={
        "paper": Choice(
            "fanegg/Feat2GS, evals/models/mae.py: hidden_states[11], the last block but one, on a table of positions "
            "made anew for the grid",
            layer=10,
            norm=False,
            options={"positions": "generated"},
        )
    },
    blocks=12,
    input=imagenet(16, native_side=224),
    supervision="masked pixels",
    training_data="2-D",
    trained_on=closed("ImageNet-1k alone, images only", "paper, section 4"),
)

ENTRIES = (MAE,)


def load(entry: Entry, device: str) -> nn.Module:
    """Tokens of the encoder without masking; ``options["positions"]`` is ``interpolated`` or ``generated``."""
    from vfm_zoo.loading.timm_models import build
    from vfm_zoo.loading.timm_tokens import TimmTokens
    from vfm_zoo.networks.mae import GeneratedPositions

    assert isinstance(entry.layer, int)
    if entry.options["positions"] == "generated":
        return GeneratedPositions(build(entry), entry.layer, entry.norm)
    return TimmTokens(build(entry), entry.layer, norm=entry.norm)
