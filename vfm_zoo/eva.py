"""EVA-02: masked patches, their targets from CLIP."""

from __future__ import annotations

from dataclasses import replace

from vfm_zoo.entry import Entry, Licence
from vfm_zoo.exposures import closed, crawled
from vfm_zoo.inputs import openai_clip
from vfm_zoo.pins import unpinned

CITATION = """@article{fang2024eva02,
  title = {{EVA-02}: A Visual Representation for Neon Genesis},
  author = {Fang, Yuxin and Sun, Quan and Wang, Xinggang and Huang, Tiejun and Wang, Xinlong and Cao, Yue},
  journal = {Image and Vision Computing},
  year = {2024},
  eprint = {2303.11331},
  archivePrefix = {arXiv},
}"""

BASE = Entry(
    name="eva02_b14",
    title="EVA-02 ViT-B/14",
    family="eva",
    loader="vfm_zoo.loading.timm_models:load",
    options={"timm_name": "eva02_base_patch14_224.mim_in22k", "network": {"dynamic_img_size": True}},
    weights=unpinned("timm/eva02_base_patch14_224.mim_in22k"),
    licence=Licence("MIT", commercial=True, source="LICENSE of baaivision/EVA"),
    citation=CITATION,
    kind="learned",
    architecture="ViT-B/14 with rotary positions",
    parameters=85_758_720,
    stride=14,
    channels=768,
    tokens="patch",
    # It has no final norm of the tokens.
    layer=11,
    blocks=12,
    input=openai_clip(14, native_side=224),
    supervision="masked features of CLIP",
    training_data="2-D",
    trained_on=closed("ImageNet-22k; its teacher EVA-CLIP has seen a crawl", "paper, section 3"),
)

LARGE = replace(
    BASE,
    name="eva02_l14",
    title="EVA-02 ViT-L/14",
    architecture="ViT-L/14 with rotary positions",
    parameters=303_268_800,
    channels=1024,
    layer=23,
    blocks=24,
    options={**BASE.options, "timm_name": "eva02_large_patch14_224.mim_m38m"},
    weights=unpinned("timm/eva02_large_patch14_224.mim_m38m"),
    trained_on=crawled("Merged-38M: ImageNet-22k, CC12M, CC3M, COCO, ADE20K, Object365, OpenImages; parts are a crawl"),
)

ENTRIES = (BASE, LARGE)
