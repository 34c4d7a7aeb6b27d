"""Web-SSL: DINOv2's recipe on a crawl of two billion images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfm_zoo.entry import Entry, Licence
from vfm_zoo.exposures import crawled
from vfm_zoo.inputs import imagenet
from vfm_zoo.pins import unpinned

if TYPE_CHECKING:
    from torch import nn

CITATION = """@misc{fan2025webssl,
  title = {Scaling Language-Free Visual Representation Learning},
  author = {Fan, David and Tong, Shengbang and Zhu, Jiachen and Sinha, Koustuv and Liu, Zhuang and others},
  year = {2025},
  eprint = {2504.01017},
  archivePrefix = {arXiv},
}"""

WEBSSL = Entry(
    name="webssl_dino_l14",
    title="Web-SSL DINO ViT-L/14 (300M)",
    family="webssl",
    loader=f"{__name__}:load",
    options={"swiglu": True, "image_side": 224},
    weights=unpinned("facebook/webssl-dino300m-full2b-224"),
    licence=Licence("CC-BY-NC-4.0", commercial=False, source="card of facebook/webssl-dino300m-full2b-224"),
    citation=CITATION,
    kind="learned",
    architecture="ViT-L/14 with gated perceptrons",
    parameters=303_655_168,
    stride=14,
    channels=1024,
    tokens="patch",
    layer=23,
    norm=True,
    blocks=24,
    input=imagenet(14, native_side=224),
    supervision="self-distillation",
    training_data="2-D",
    trained_on=crawled("MC-2B, a crawl", before_casual=False),
    extra="zoo",
)

ENTRIES = (WEBSSL,)


def load(entry: Entry, device: str) -> nn.Module:
    """Tokens after the norm, by transformers."""
    from vfm_zoo.networks.hugging_face import dinov2_tokens

    return dinov2_tokens(entry)
