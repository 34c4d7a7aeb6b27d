"""SigLIP 1 and 2: photographs and captions, each pair judged by itself."""

from __future__ import annotations

from dataclasses import replace

from vfm_zoo.entry import Entry, Licence
from vfm_zoo.exposures import crawled
from vfm_zoo.inputs import half
from vfm_zoo.pins import unpinned

CITATION = """@misc{tschannen2025siglip2,
  title = {{SigLIP} 2: Multilingual Vision-Language Encoders with Improved Semantic Understanding, Localization, and
    Dense Features},
  author = {Tschannen, Michael and Gritsenko, Alexey and Wang, Xiao and Naeem, Muhammad Ferjad and others},
  year = {2025},
  eprint = {2502.14786},
  archivePrefix = {arXiv},
}"""

SIGLIP_CITATION = """@inproceedings{zhai2023siglip,
  title = {Sigmoid Loss for Language Image Pre-Training},
  author = {Zhai, Xiaohua and Mustafa, Basil and Kolesnikov, Alexander and Beyer, Lucas},
  booktitle = {IEEE/CVF International Conference on Computer Vision},
  year = {2023},
  eprint = {2303.15343},
  archivePrefix = {arXiv},
}"""

SIGLIP2 = Entry(
    name="siglip2_b16",
    title="SigLIP 2 ViT-B/16",
    family="siglip",
    loader="vfm_zoo.loading.timm_models:load",
    options={"timm_name": "vit_base_patch16_siglip_512.v2_webli", "network": {"dynamic_img_size": True}},
    weights=unpinned("timm/vit_base_patch16_siglip_512.v2_webli"),
    licence=Licence("Apache-2.0", commercial=True, source="card of google/siglip2-base-patch16-512"),
    citation=CITATION,
    kind="learned",
    architecture="ViT-B/16 without class token",
    parameters=93_520_128,
    stride=16,
    channels=768,
    tokens="patch",
    layer=11,
    norm=True,
    blocks=12,
    input=half(16, native_side=512),
    supervision="captions",
    training_data="2-D",
    trained_on=crawled("WebLI, a crawl that is not published", before_casual=False),
)

SIGLIP = replace(
    SIGLIP2,
    name="siglip_b16",
    title="SigLIP ViT-B/16",
    options={**SIGLIP2.options, "timm_name": "vit_base_patch16_siglip_512.webli"},
    weights=unpinned("timm/vit_base_patch16_siglip_512.webli"),
    licence=Licence("Apache-2.0", commercial=True, source="card of google/siglip-base-patch16-512"),
    citation=SIGLIP_CITATION,
    trained_on=crawled("WebLI, a crawl that is not published"),
    superseded_by="siglip2_b16",
)

ENTRIES = (SIGLIP2, SIGLIP)
