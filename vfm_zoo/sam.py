"""Image encoders of Segment Anything 1, 2.1 and 3."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vfm_zoo.entry import Choice, Entry, Licence, Weights
from vfm_zoo.exposures import crawled
from vfm_zoo.inputs import half, imagenet
from vfm_zoo.pins import unpinned

if TYPE_CHECKING:
    from torch import nn

CITATION = """@inproceedings{kirillov2023segment,
  title = {Segment Anything},
  author = {Kirillov, Alexander and Mintun, Eric and Ravi, Nikhila and Mao, Hanzi and Rolland, Chloe and others},
  booktitle = {IEEE/CVF International Conference on Computer Vision},
  year = {2023},
  eprint = {2304.02643},
  archivePrefix = {arXiv},
}"""

SAM2_CITATION = """@misc{ravi2024sam2,
  title = {{SAM} 2: Segment Anything in Images and Videos},
  author = {Ravi, Nikhila and Gabeur, Valentin and Hu, Yuan-Ting and Hu, Ronghang and Ryali, Chaitanya and others},
  year = {2024},
  eprint = {2408.00714},
  archivePrefix = {arXiv},
}"""

SAM3_CITATION = """@misc{carion2025sam3,
  title = {{SAM} 3: Segment Anything with Concepts},
  author = {Carion, Nicolas and Gustafson, Laura and Hu, Yuan-Ting and others},
  year = {2025},
}"""

SAM = Entry(
    name="sam_b16",
    title="Segment Anything ViT-B/16",
    family="sam",
    loader="vfm_zoo.loading.timm_models:load",
    options={"timm_name": "samvit_base_patch16.sa1b"},
    weights=Weights(
        source="web",
        id="https://dl.fbaipublicfiles.com/segment_anything/sam_vit_b_01ec64.pth",
        file="sam_vit_b_01ec64.pth",
        sha256="ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        note="its name carries the first six digits; in full as many public users state it",
    ),
    licence=Licence("Apache-2.0", commercial=True, source="LICENSE of facebookresearch/segment-anything"),
    citation=CITATION,
    kind="learned",
    architecture="ViT-B/16, windows of 14 and 4 global blocks",
    parameters=89_670_912,
    stride=16,
    channels=256,
    tokens="patch",
    layer=11,
    # The two convolutions that make the image embedding.
    norm=True,
    choices={
        "paper": Choice("fanegg/Feat2GS, evals/models/sam.py: last block before the neck", norm=False, channels=768)
    },
    blocks=12,
    aliases=("sam_base",),
    input=imagenet(16, native_side=1024),
    supervision="masks",
    training_data="2-D",
    trained_on=crawled("SA-1B: licensed photographs, not listed image by image"),
)

SAM2 = replace(
    SAM,
    name="sam2_hiera_b",
    title="SAM 2.1 Hiera-B+",
    architecture="Hiera-B+",
    aliases=(),
    options={"timm_name": "sam2_hiera_base_plus.fb_r896_2pt1"},
    weights=unpinned("timm/sam2_hiera_base_plus.fb_r896_2pt1"),
    licence=Licence("Apache-2.0", commercial=True, source="LICENSE of facebookresearch/sam2"),
    citation=SAM2_CITATION,
    parameters=68_677_504,
    channels=448,
    tokens="map",
    # Stride 16.
    layer=2,
    norm=False,
    blocks=None,
    short={"stages": [1, 1, 1, 1], "global_att_blocks": []},
    choices={},
    input=imagenet(32, native_side=896),
    supervision="masks of images and videos",
    trained_on=crawled("SA-1B and SA-V, not listed image by image"),
)

SAM2_SMALL = replace(
    SAM2,
    name="sam2_hiera_s",
    title="SAM 2.1 Hiera-S",
    architecture="Hiera-S",
    options={"timm_name": "sam2_hiera_small.fb_r896_2pt1"},
    weights=unpinned("timm/sam2_hiera_small.fb_r896_2pt1"),
    parameters=33_948_864,
    channels=384,
)

SAM3 = replace(
    SAM,
    name="sam3_l14",
    title="SAM 3 image encoder",
    loader=f"{__name__}:load_sam3",
    architecture="ViT-L/14, windows and global blocks, rotary positions",
    aliases=(),
    # Its rotary positions are made for one size: photographs are stretched to it, and its tokens back.
    options={"side": 1008},
    weights=unpinned("facebook/sam3"),
    licence=Licence(
        "LicenseRef-SAM",
        commercial=True,
        source="SAM License on the card, read before use; gated: Meta reviews requests by hand and rejects many",
    ),
    citation=SAM3_CITATION,
    parameters=446_236_672,
    stride=14,
    channels=1024,
    layer=None,
    norm=True,
    choices={},
    input=half(14, native_side=1008),
    supervision="masks of concepts",
    trained_on=crawled("SA-Co and SA-V, not listed image by image", before_casual=False),
    blocks=32,
    extra="zoo",
    hardware="a GPU is wanted: 32 blocks of 1024 channels",
)

ENTRIES = (SAM, SAM2, SAM2_SMALL, SAM3)


def load_sam3(entry: Entry, device: str) -> nn.Module:
    """Last tokens of the vision encoder's backbone, by transformers."""
    from vfm_zoo.networks.hugging_face import sam3_tokens

    return sam3_tokens(entry)
