"""RADIO: one student of several teachers (CLIP, DINO, SAM, SigLIP). The paper's v2, and its commercial successors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vfm_zoo.entry import Choice, Entry, Licence, Weights
from vfm_zoo.exposures import crawled
from vfm_zoo.inputs import imagenet, openai_clip
from vfm_zoo.pins import UNSTATED, unpinned

if TYPE_CHECKING:
    from torch import nn

CITATION = """@inproceedings{ranzinger2024amradio,
  title = {{AM-RADIO}: Agglomerative Vision Foundation Model -- Reduce All Domains Into One},
  author = {Ranzinger, Mike and Heinrich, Greg and Kautz, Jan and Molchanov, Pavlo},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2024},
  eprint = {2312.06709},
  archivePrefix = {arXiv},
}"""

V4_CITATION = """@misc{ranzinger2026cradiov4,
  title = {{C-RADIOv4}},
  author = {{NVIDIA}},
  year = {2026},
  eprint = {2601.17237},
  archivePrefix = {arXiv},
}"""

RADIO_V2 = Entry(
    name="radio_v2_h16",
    title="RADIO v2 ViT-H/16",
    family="radio",
    aliases=("radio",),
    loader=f"{__name__}:load_v2",
    options={
        "timm_name": "naflexvit_huge_patch16_radio_v3",
        "network": {"reg_tokens": 2},
        "within": "state_dict",
    },
    weights=Weights(
        source="hub",
        id="nvidia/RADIO",
        file="radio_v2.pth.tar",
        note=UNSTATED + "; it is a pickle of tensors and of a namespace of plain values, which is all that is opened",
    ),
    licence=Licence(
        "LicenseRef-NSCL", commercial=False, source="NVIDIA Source Code License, README of NVlabs/RADIO: RADIO*"
    ),
    citation=CITATION,
    kind="learned",
    architecture="ViT-H/16 with cropped positions",
    parameters=651_637_760,
    stride=16,
    channels=1280,
    tokens="patch",
    layer=31,
    choices={
        "paper": Choice("fanegg/Feat2GS feeds every model ImageNet's statistics", input=imagenet(16, native_side=432))
    },
    blocks=32,
    input=openai_clip(16, native_side=432),
    supervision="distillation from CLIP, DINOv2 and SAM",
    training_data="2-D",
    trained_on=crawled("DataComp-1B, a crawl, and the data of its teachers"),
    hardware="a GPU is wanted: 0.65 billion parameters",
    superseded_by="cradio_v4_h16",
)

NVIDIA_OPEN = Licence(
    "LicenseRef-NVIDIA-Open-Model",
    commercial=True,
    source="NVIDIA Open Model License, README of NVlabs/RADIO: C-RADIO*",
)


def successor(name: str, title: str, architecture: str, timm_name: str, channels: int, depth: int, count: int) -> Entry:
    """A C-RADIO, which timm holds with RADIO's own handling of positions at any size."""
    return replace(
        RADIO_V2,
        name=name,
        title=title,
        aliases=(),
        loader="vfm_zoo.loading.timm_models:load",
        options={"timm_name": timm_name},
        weights=unpinned(f"timm/{timm_name}"),
        licence=NVIDIA_OPEN,
        citation=V4_CITATION if "v4" in name else CITATION,
        architecture=architecture,
        parameters=count,
        channels=channels,
        layer=depth - 1,
        blocks=depth,
        choices={},
        input=openai_clip(16, native_side=512),
        trained_on=crawled("DataComp-1B, a crawl, and the data of its teachers", before_casual=False),
        superseded_by=None,
        hardware="" if count < 2e8 else "a GPU is wanted: large",
    )


V3, V4 = "naflexvit_{}_patch16_radio_v3.c_radio", "naflexvit_{}_patch16_radio_v4.c_radio"
ENTRIES = (
    RADIO_V2,
    successor("cradio_v3_b16", "C-RADIOv3 ViT-B/16", "ViT-B/16", V3.format("base"), 768, 12, 98_252_544),
    successor("cradio_v3_l16", "C-RADIOv3 ViT-L/16", "ViT-L/16", V3.format("large"), 1024, 24, 319_931_392),
    successor("cradio_v4_so16", "C-RADIOv4 SO400M/16", "ViT-SO400M/16", V4.format("so400m"), 1152, 27, 431_238_384),
    successor("cradio_v4_h16", "C-RADIOv4 ViT-H/16", "ViT-H/16", V4.format("huge"), 1280, 32, 651_646_720),
)


def load_v2(entry: Entry, device: str) -> nn.Module:
    """Patch tokens of the student, in timm's network of its successor, which has the same parts."""
    from vfm_zoo.loading.build import network_of
    from vfm_zoo.loading.timm_models import make, timm_tensors
    from vfm_zoo.loading.timm_tokens import TimmTokens

    prefix = "base_model."

    def converted(tensors: dict) -> dict:
        # The names under which timm's conversion of the successors looks for the same parts.
        renamed = {f"radio_model.model.{name.removeprefix(prefix)}": value for name, value in tensors.items()}
        return dict(timm_tensors(entry, renamed))

    assert entry.layer is not None
    return TimmTokens(network_of(entry, lambda: make(entry), (prefix,), converted), entry.layer, norm=entry.norm)
