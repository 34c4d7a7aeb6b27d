"""DINOv3, its ConvNeXt students, and ViTs of its architecture taught by others (EUPE, LingBot)."""

from __future__ import annotations

from dataclasses import replace

from vfm_zoo.entry import Entry, Licence, Weights
from vfm_zoo.exposures import crawled
from vfm_zoo.inputs import imagenet
from vfm_zoo.pins import unpinned

CITATION = """@misc{simeoni2025dinov3,
  title = {{DINOv3}},
  author = {Simeoni, Oriane and Vo, Huy V. and Seitzer, Maximilian and Baldassarre, Federico and Oquab, Maxime and
    others},
  year = {2025},
  eprint = {2508.10104},
  archivePrefix = {arXiv},
}"""

EUPE_CITATION = """@misc{zhu2026eupe,
  title = {Efficient Universal Perception Encoder},
  author = {Zhu, Chenchen and Suri, Saksham and Jose, Cijo and Oquab, Maxime and Szafraniec, Marc and Wen, Wei and
    Xiong, Yunyang and Labatut, Patrick and Bojanowski, Piotr and Krishnamoorthi, Raghuraman and Chandra, Vikas},
  year = {2026},
  eprint = {2603.22387},
  archivePrefix = {arXiv},
}"""

# As the card of robbyant/lingbot-vision-vit-base names it; no paper's number was found.
LINGBOT_CITATION = """@misc{fu2026lingbotvision,
  title = {{LingBot-Vision}: self-supervised vision transformers by masked boundary modeling},
  author = {Fu, Zelin and Tan, Bin and Sun, Changjiang and Liu, Shaohui and others},
  year = {2026},
  howpublished = {Model card of robbyant/lingbot-vision-vit-base},
}"""

NOTE = "revision and digest as public users of the file state them"
BASE = Entry(
    name="dinov3_b16",
    title="DINOv3 ViT-B/16",
    family="dinov3",
    loader="vfm_zoo.loading.timm_models:load",
    options={"timm_name": "vit_base_patch16_dinov3.lvd1689m"},
    weights=Weights(
        source="hub",
        id="timm/vit_base_patch16_dinov3.lvd1689m",
        file="model.safetensors",
        revision="c6a5fb7d12bbd3cf3b0079253141c3332aaed7da",
        sha256="1f9ed8a2378d65e24bb710ba522ac9fa7be4e036d7aefb4384ce022833926332",
        note=NOTE,
    ),
    licence=Licence(
        "LicenseRef-DINOv3",
        commercial=True,
        source="dinov3-license on the card; commercial use is allowed with terms; timm's copies are not gated",
    ),
    citation=CITATION,
    kind="learned",
    architecture="ViT-B/16 with rotary positions and 4 registers",
    parameters=85_641_216,
    stride=16,
    channels=768,
    tokens="patch",
    layer=11,
    norm=True,
    blocks=12,
    input=imagenet(16, native_side=256),
    supervision="self-distillation",
    training_data="2-D",
    trained_on=crawled("LVD-1689M: public posts and curated sets, not listed image by image", before_casual=False),
)

SMALL = replace(
    BASE,
    name="dinov3_s16",
    title="DINOv3 ViT-S/16",
    architecture="ViT-S/16 with rotary positions and 4 registers",
    parameters=21_586_944,
    channels=384,
    options={"timm_name": "vit_small_patch16_dinov3.lvd1689m"},
    weights=Weights(
        source="hub",
        id="timm/vit_small_patch16_dinov3.lvd1689m",
        file="model.safetensors",
        revision="3bf4720a82ec2066db88137180ff1f83a675cef0",
        sha256="2a1ec16ae28ffa07bc0ead0241ee7df9fc26451fe6f9f839b7b3afa0a906b040",
        note=NOTE,
    ),
)

LARGE = replace(
    BASE,
    name="dinov3_l16",
    title="DINOv3 ViT-L/16",
    architecture="ViT-L/16 with rotary positions and 4 registers",
    parameters=303_079_424,
    channels=1024,
    layer=23,
    blocks=24,
    options={"timm_name": "vit_large_patch16_dinov3.lvd1689m"},
    weights=Weights(
        source="hub",
        id="timm/vit_large_patch16_dinov3.lvd1689m",
        file="model.safetensors",
        revision="30c1109559f65dea34316b0d4842d35c5771fe11",
        sha256="45172f209c9583c40538afc26b60a07033e6fcc2e8c30228338e6b2e932e7941",
        note=NOTE,
    ),
)

CONVNEXT = replace(
    BASE,
    name="dinov3_convnext_b",
    title="DINOv3 ConvNeXt-B",
    architecture="ConvNeXt-B",
    parameters=87_566_464,
    channels=512,
    tokens="map",
    layer=2,
    norm=False,
    blocks=None,
    short={"depths": [1, 1, 1, 1]},
    options={"timm_name": "convnext_base.dinov3_lvd1689m"},
    weights=unpinned("timm/convnext_base.dinov3_lvd1689m"),
)

EUPE = replace(
    BASE,
    name="eupe_b16",
    title="EUPE ViT-B/16",
    options={"timm_name": "vit_base_patch16_dinov3_qkvb.eupe_lvd1689m"},
    parameters=85_659_648,
    weights=unpinned("timm/vit_base_patch16_dinov3_qkvb.eupe_lvd1689m"),
    licence=Licence(
        "LicenseRef-FAIR-Noncommercial-Research", commercial=False, source="license of timm's configuration"
    ),
    citation=EUPE_CITATION,
    supervision="distillation from several models",
    trained_on=crawled("LVD-1689M, and the data of its teachers", before_casual=False),
)

LINGBOT = replace(
    BASE,
    name="lingbot_b16",
    title="LingBot ViT-B/16",
    options={"timm_name": "vit_base_patch16_lingbot.robbyant"},
    parameters=85_659_648,
    weights=unpinned("belfner/vit_base_patch16_lingbot.robbyant"),
    licence=Licence("Apache-2.0", commercial=True, source="license of timm's configuration"),
    citation=LINGBOT_CITATION,
    input=imagenet(16, native_side=512),
    trained_on=crawled("its training data is not listed where this was looked up", before_casual=False),
)

LINGBOT_SMALL = replace(
    LINGBOT,
    name="lingbot_s16",
    title="LingBot ViT-S/16",
    architecture="ViT-S/16 with rotary positions and 4 registers",
    parameters=21_596_160,
    channels=384,
    options={"timm_name": "vit_small_patch16_lingbot.robbyant"},
    weights=unpinned("belfner/vit_small_patch16_lingbot.robbyant"),
)

ENTRIES = (BASE, SMALL, LARGE, CONVNEXT, EUPE, LINGBOT, LINGBOT_SMALL)
