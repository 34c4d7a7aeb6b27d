"""AIMv2: learned to write the patches and the caption that come next."""

from __future__ import annotations

from vfm_zoo.entry import Entry, Licence
from vfm_zoo.exposures import crawled
from vfm_zoo.inputs import openai_clip
from vfm_zoo.pins import unpinned

CITATION = """@inproceedings{fini2025aimv2,
  title = {Multimodal Autoregressive Pre-training of Large Vision Encoders},
  author = {Fini, Enrico and Shukor, Mustafa and Li, Xiujun and Dufter, Philipp and Klein, Michal and others},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2025},
  eprint = {2411.14402},
  archivePrefix = {arXiv},
}"""

AIMV2 = Entry(
    name="aimv2_l14",
    title="AIMv2 ViT-L/14",
    family="aimv2",
    loader="vfm_zoo.loading.timm_models:load",
    options={"timm_name": "aimv2_large_patch14_448.apple_pt", "network": {"dynamic_img_size": True}},
    weights=unpinned("timm/aimv2_large_patch14_448.apple_pt"),
    licence=Licence("LicenseRef-Apple-ASCL", commercial=False, source="apple-ascl on the card: research use"),
    citation=CITATION,
    kind="learned",
    architecture="ViT-L/14 without class token",
    parameters=309_984_256,
    stride=14,
    channels=1024,
    tokens="patch",
    layer=23,
    norm=True,
    blocks=24,
    input=openai_clip(14, native_side=448),
    supervision="next patch and next word",
    training_data="2-D",
    trained_on=crawled("DFN-2B, COYO and Apple's own pairs, crawls"),
)

ENTRIES = (AIMV2,)
