"""MiDaS 3.0: the ViT-L/16 of a network that learned depth from ten sets of photographs."""

from __future__ import annotations

from vfm_zoo.entry import Entry, Exposure, Licence, Weights
from vfm_zoo.exposures import MEGADEPTH
from vfm_zoo.inputs import half

CITATION = """@article{ranftl2022midas,
  title = {Towards Robust Monocular Depth Estimation: Mixing Datasets for Zero-Shot Cross-Dataset Transfer},
  author = {Ranftl, Rene and Lasinger, Katrin and Hafner, David and Schindler, Konrad and Koltun, Vladlen},
  journal = {IEEE Transactions on Pattern Analysis and Machine Intelligence},
  year = {2022},
  eprint = {1907.01341},
  archivePrefix = {arXiv},
}"""

MIDAS = Entry(
    name="midas_l16",
    title="MiDaS 3.0 ViT-L/16 (DPT-Large)",
    family="midas",
    loader="vfm_zoo.loading.timm_models:load",
    options={
        "timm_name": "vit_large_patch16_384",
        "network": {"dynamic_img_size": True},
        "prefix": "pretrained.model.",
    },
    weights=Weights(
        source="web",
        id="https://github.com/isl-org/MiDaS/releases/download/v3/dpt_large_384.pt",
        file="dpt_large_384.pt",
        sha256="2f21e586477d90cb9624c7eef5df7891edca49a1c4795ee2cb631fd4daa6ca69",
        note="its older name dpt_large-midas-2f21e586.pt carries the first eight digits; in full as public users say",
    ),
    licence=Licence(
        "MIT", commercial=True, source="LICENSE of isl-org/MiDaS (the card of Intel/dpt-large: Apache-2.0)"
    ),
    citation=CITATION,
    kind="learned",
    architecture="ViT-L/16",
    parameters=303_690_752,
    stride=16,
    channels=1024,
    tokens="patch",
    # What its own decoder reads last, and the paper too.
    layer=23,
    blocks=24,
    input=half(16, native_side=384),
    supervision="depth",
    training_data="2.5-D",
    trained_on={
        "*": Exposure("not seen", "MIX 6, listed in the README of isl-org/MiDaS; before that ImageNet-21k"),
        "tanks_and_temples": MEGADEPTH,
    },
)

ENTRIES = (MIDAS,)
