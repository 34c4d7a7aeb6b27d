"""DINOv2, with and without registers, as timm holds it: self-supervised on a curated crawl."""

from __future__ import annotations

from dataclasses import replace

from vfm_zoo.entry import Choice, Entry, Licence, Weights
from vfm_zoo.exposures import crawled
from vfm_zoo.inputs import imagenet

CITATION = """@article{oquab2024dinov2,
  title = {{DINOv2}: Learning Robust Visual Features without Supervision},
  author = {Oquab, Maxime and Darcet, Timothee and Moutakanni, Theo and Vo, Huy and others},
  journal = {Transactions on Machine Learning Research},
  year = {2024},
  eprint = {2304.07193},
  archivePrefix = {arXiv},
}"""

REGISTERS = """@inproceedings{darcet2024registers,
  title = {Vision Transformers Need Registers},
  author = {Darcet, Timothee and Oquab, Maxime and Mairal, Julien and Bojanowski, Piotr},
  booktitle = {International Conference on Learning Representations},
  year = {2024},
  eprint = {2309.16588},
  archivePrefix = {arXiv},
}"""


def released(name: str, sha256: str) -> Weights:
    """Meta's own file; timm converts it, and has the same weights on the hub under another digest."""
    size = name.partition("_")[0]
    return Weights(
        source="web",
        id=f"https://dl.fbaipublicfiles.com/dinov2/dinov2_{size}/dinov2_{name}_pretrain.pth",
        file=f"dinov2_{name}_pretrain.pth",
        sha256=sha256,
        note="digest as finegrain-ai/refiners and others state it for this address",
    )


BASE = Entry(
    name="dinov2_b14",
    title="DINOv2 ViT-B/14",
    family="dinov2",
    loader="vfm_zoo.loading.timm_models:load",
    options={"timm_name": "vit_base_patch14_dinov2.lvd142m", "network": {"dynamic_img_size": True}},
    weights=released("vitb14", "0b8b82f85de91b424aded121c7e1dcc2b7bc6d0adeea651bf73a13307fad8c73"),
    licence=Licence("Apache-2.0", commercial=True, source="LICENSE of facebookresearch/dinov2, since August 2023"),
    citation=CITATION,
    kind="learned",
    architecture="ViT-B/14",
    parameters=86_579_712,
    stride=14,
    channels=768,
    tokens="patch",
    layer=11,
    norm=True,
    choices={"paper": Choice("fanegg/Feat2GS, evals/models/dino.py: last block before the norm", norm=False)},
    blocks=12,
    input=imagenet(14, native_side=518),
    supervision="self-distillation",
    training_data="2-D",
    trained_on=crawled("LVD-142M: a crawl, with ImageNet-22k, Google Landmarks and others as queries"),
)

SMALL = replace(
    BASE,
    name="dinov2_s14",
    title="DINOv2 ViT-S/14",
    architecture="ViT-S/14",
    parameters=22_056_192,
    channels=384,
    options={**BASE.options, "timm_name": "vit_small_patch14_dinov2.lvd142m"},
    weights=released("vits14", "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9"),
    choices={},
)

LARGE = replace(
    BASE,
    name="dinov2_l14",
    title="DINOv2 ViT-L/14",
    architecture="ViT-L/14",
    parameters=304_367_616,
    channels=1024,
    layer=23,
    blocks=24,
    options={**BASE.options, "timm_name": "vit_large_patch14_dinov2.lvd142m"},
    weights=released("vitl14", "d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428"),
    choices={},
)


def with_registers(entry: Entry, size: str, parameters: int, sha256: str) -> Entry:
    """The same size with four more tokens, which take the artefacts out of the patches."""
    return replace(
        entry,
        name=f"{entry.name}_reg",
        title=f"{entry.title} with registers",
        architecture=f"{entry.architecture} with 4 registers",
        parameters=parameters,
        citation=REGISTERS,
        options={**entry.options, "timm_name": f"vit_{size}_patch14_reg4_dinov2.lvd142m"},
        weights=released(f"vit{size[0]}14_reg4", sha256),
        choices={},
    )


ENTRIES = (
    BASE,
    SMALL,
    LARGE,
    with_registers(SMALL, "small", 22_057_344, "f433177089a681826f849f194ece3bb48f4d63fb38d32fc837e3dc7a4e5641fb"),
    with_registers(BASE, "base", 86_582_016, "73182a088cf94833c94b1666d1c99e02fe87e2007bff57b564fb6206e25dba71"),
    with_registers(LARGE, "large", 304_370_688, "36e4deffbaef061a2576705b0c36f93621e2ae20bf6274694821b0b492551b51"),
)
