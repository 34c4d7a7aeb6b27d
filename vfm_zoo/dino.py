"""DINO and iBOT: ViT-B/16, and DINO's ViT-S/16, that taught themselves on ImageNet-1k."""

from __future__ import annotations

from dataclasses import replace

from vfm_zoo.entry import Choice, Entry, Licence, Weights
from vfm_zoo.exposures import closed
from vfm_zoo.inputs import imagenet
from vfm_zoo.pins import UNSTATED, unpinned

CITATION = """@inproceedings{caron2021dino,
  title = {Emerging Properties in Self-Supervised Vision Transformers},
  author = {Caron, Mathilde and Touvron, Hugo and Misra, Ishan and Jegou, Herve and Mairal, Julien and Bojanowski,
    Piotr and Joulin, Armand},
  booktitle = {IEEE/CVF International Conference on Computer Vision},
  year = {2021},
  eprint = {2104.14294},
  archivePrefix = {arXiv},
}"""

IBOT_CITATION = """@inproceedings{zhou2022ibot,
  title = {{iBOT}: Image {BERT} Pre-Training with Online Tokenizer},
  author = {Zhou, Jinghao and Wei, Chen and Wang, Huiyu and Shen, Wei and Xie, Cihang and Yuille, Alan and Kong, Tao},
  booktitle = {International Conference on Learning Representations},
  year = {2022},
  eprint = {2111.07832},
  archivePrefix = {arXiv},
}"""

DINO = Entry(
    name="dino_b16",
    title="DINO ViT-B/16",
    family="dino",
    loader="vfm_zoo.loading.timm_models:load",
    options={"timm_name": "vit_base_patch16_224.dino", "network": {"dynamic_img_size": True}},
    weights=unpinned("timm/vit_base_patch16_224.dino"),
    licence=Licence("Apache-2.0", commercial=True, source="LICENSE of facebookresearch/dino"),
    citation=CITATION,
    kind="learned",
    architecture="ViT-B/16",
    parameters=85_798_656,
    stride=16,
    channels=768,
    tokens="patch",
    layer=11,
    norm=True,
    choices={"paper": Choice("fanegg/Feat2GS, evals/models/dino.py: last block before the norm", norm=False)},
    blocks=12,
    input=imagenet(16, native_side=224),
    supervision="self-distillation",
    training_data="2-D",
    trained_on=closed("ImageNet-1k alone, images only", "paper, section 4"),
)

SMALL = replace(
    DINO,
    name="dino_s16",
    title="DINO ViT-S/16",
    architecture="ViT-S/16",
    parameters=21_665_664,
    channels=384,
    options={**DINO.options, "timm_name": "vit_small_patch16_224.dino"},
    weights=unpinned("timm/vit_small_patch16_224.dino"),
    choices={},
)

IBOT = replace(
    DINO,
    name="ibot_b16",
    title="iBOT ViT-B/16",
    options={**DINO.options, "timm_name": "vit_base_patch16_224", "within": "state_dict"},
    weights=Weights(
        source="web",
        id="https://github.com/bytedance/ibot (checkpoint_teacher.pth of ViT-B/16)",
        file="ibot_vitb16_checkpoint_teacher.pth",
        note=UNSTATED,
    ),
    licence=Licence("Apache-2.0", commercial=True, source="LICENSE of bytedance/ibot"),
    citation=IBOT_CITATION,
    choices={},
    supervision="self-distillation and masked tokens",
)

ENTRIES = (DINO, SMALL, IBOT)
