"""TIPSv2: captions and self-distillation together. It takes images as they are, without statistics."""

from __future__ import annotations

from vfm_zoo.entry import Entry, Input, Licence
from vfm_zoo.exposures import crawled
from vfm_zoo.pins import unpinned

CITATION = """@inproceedings{maninis2025tips,
  title = {{TIPS}: Text-Image Pretraining with Spatial Awareness},
  author = {Maninis, Kevis-Kokitsi and Chen, Kaifeng and Ghosh, Soham and Karpur, Arjun and Chen, Koert and others},
  booktitle = {International Conference on Learning Representations},
  year = {2025},
  eprint = {2410.16512},
  archivePrefix = {arXiv},
}"""


def tips(name: str, size: str, channels: int, depth: int, parameters: int) -> Entry:
    """One size."""
    timm_name = f"vit_{size}_patch14_reg1_tipsv2.webli"
    return Entry(
        name=name,
        title=f"TIPSv2, {size}",
        family="tips",
        loader="vfm_zoo.loading.timm_models:load",
        options={"timm_name": timm_name, "network": {"dynamic_img_size": True}},
        weights=unpinned(f"timm/{timm_name}"),
        licence=Licence("Apache-2.0", commercial=True, source="license of timm's configuration"),
        citation=CITATION,
        kind="learned",
        architecture=f"ViT-{size[0].upper()}/14 with a register",
        parameters=parameters,
        stride=14,
        channels=channels,
        tokens="patch",
        layer=depth - 1,
        norm=True,
        blocks=depth,
        input=Input(multiple_of=14, native_side=448),
        supervision="captions, self-distillation and masked tokens",
        training_data="2-D",
        trained_on=crawled("WebLI, a crawl that is not published", before_casual=False),
    )


ENTRIES = (
    tips("tipsv2_b14", "base", 768, 12, 86_314_752),
    tips("tipsv2_l14", "large", 1024, 24, 304_014_336),
)
