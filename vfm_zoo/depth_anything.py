"""Depth Anything V2: DINOv2 taught on to see depth, from synthetic scenes and its own labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vfm_zoo.dinov2 import BASE as DINOV2_BASE
from vfm_zoo.dinov2 import LARGE as DINOV2_LARGE
from vfm_zoo.dinov2 import SMALL as DINOV2_SMALL
from vfm_zoo.entry import Entry, Licence
from vfm_zoo.exposures import crawled
from vfm_zoo.pins import unpinned

if TYPE_CHECKING:
    from torch import nn

CITATION = """@inproceedings{yang2024depthanythingv2,
  title = {Depth Anything {V2}},
  author = {Yang, Lihe and Kang, Bingyi and Huang, Zilong and Zhao, Zhen and Xu, Xiaogang and Feng, Jiashi and
    Zhao, Hengshuang},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2024},
  eprint = {2406.09414},
  archivePrefix = {arXiv},
}"""


def depth_anything(started_as: Entry, name: str, size: str, licence: Licence) -> Entry:
    """One size, by transformers."""
    return replace(
        started_as,
        name=name,
        title=f"Depth Anything V2 {size}",
        family="depth_anything",
        loader=f"{__name__}:load",
        options={"prefix": "backbone."},
        weights=unpinned(f"depth-anything/Depth-Anything-V2-{size}-hf"),
        licence=licence,
        citation=CITATION,
        choices={},
        supervision="depth",
        training_data="2.5-D",
        trained_on=crawled(
            "five synthetic sets, and labels of its teacher on eight real ones that were not checked one by one; "
            "starts from DINOv2"
        ),
        extra="zoo",
    )


FREE = Licence("Apache-2.0", commercial=True, source="README of DepthAnything/Depth-Anything-V2: Small")
CLOSED = Licence("CC-BY-NC-4.0", commercial=False, source="README of DepthAnything/Depth-Anything-V2: Base, Large")

ENTRIES = (
    depth_anything(DINOV2_SMALL, "depth_anything_v2_s14", "Small", FREE),
    depth_anything(DINOV2_BASE, "depth_anything_v2_b14", "Base", CLOSED),
    depth_anything(DINOV2_LARGE, "depth_anything_v2_l14", "Large", CLOSED),
)


def load(entry: Entry, device: str) -> nn.Module:
    """Tokens of the backbone after its norm."""
    from vfm_zoo.networks.hugging_face import dinov2_tokens

    return dinov2_tokens(entry)
