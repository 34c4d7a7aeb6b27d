"""Franca: DINOv2's architecture taught on open data. Its authors evaluate it with Feat2GS."""

from __future__ import annotations

from dataclasses import replace

from vfm_zoo.dinov2 import BASE as DINOV2
from vfm_zoo.entry import Entry, Licence, Weights
from vfm_zoo.exposures import closed, crawled
from vfm_zoo.inputs import imagenet
from vfm_zoo.pins import UNSTATED

CITATION = """@misc{venkataramanan2025franca,
  title = {Franca: Nested Matryoshka Clustering for Scalable Visual Representation Learning},
  author = {Venkataramanan, Shashanka and Pariza, Valentinos and Salehi, Mohammadreza and Knobel, Lukas and
    Gidaris, Spyros and others},
  year = {2025},
  eprint = {2507.14137},
  archivePrefix = {arXiv},
}"""

RELEASE = "https://github.com/valeoai/Franca/releases"

FRANCA = replace(
    DINOV2,
    name="franca_b14",
    title="Franca ViT-B/14 (ImageNet-21k)",
    family="franca",
    loader="vfm_zoo.loading.dinov2_files:load",
    options={
        "timm_name": "vit_base_patch14_dinov2",
        "network": {"dynamic_img_size": True, "img_size": 224},
    },
    weights=Weights(source="web", id=RELEASE, file="franca_vitb14_In21K.pth", note=UNSTATED),
    licence=Licence(
        "LicenseRef-Franca",
        commercial=False,
        source="LICENSE_MODEL of valeoai/Franca, which is to be read; taken for non-commercial until then",
    ),
    citation=CITATION,
    parameters=85_724_928,
    input=imagenet(14, native_side=224),
    supervision="self-distillation and nested clustering",
    trained_on=closed("ImageNet-21k alone, images only", "README of valeoai/Franca"),
    choices={},
)

LARGE = replace(
    FRANCA,
    name="franca_l14",
    title="Franca ViT-L/14 (LAION-600M)",
    architecture="ViT-L/14",
    parameters=304_367_616,
    channels=1024,
    layer=23,
    blocks=24,
    options={
        "timm_name": "vit_large_patch14_dinov2",
        "network": {"dynamic_img_size": True, "img_size": 518},
    },
    weights=Weights(source="web", id=RELEASE, file="franca_vitl14_Laion600M.pth", note=UNSTATED),
    input=imagenet(14, native_side=518),
    trained_on=crawled("LAION-600M, a crawl"),
)

ENTRIES: tuple[Entry, ...] = (FRANCA, LARGE)
