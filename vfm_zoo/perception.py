"""Perception Encoder, the spatial branch: made for features of places."""

from __future__ import annotations

from vfm_zoo.entry import Entry, Licence
from vfm_zoo.exposures import crawled
from vfm_zoo.inputs import half
from vfm_zoo.pins import unpinned

CITATION = """@misc{bolya2025perception,
  title = {Perception Encoder: The Best Visual Embeddings Are Not at the Output of the Network},
  author = {Bolya, Daniel and Huang, Po-Yao and Sun, Peize and Cho, Jang Hyun and Madotto, Andrea and others},
  year = {2025},
  eprint = {2504.13181},
  archivePrefix = {arXiv},
}"""


def spatial(name: str, size: str, patch: int, side: int, channels: int, depth: int, parameters: int) -> Entry:
    """One size."""
    timm_name = f"vit_pe_spatial_{size}_patch{patch}_{side}.fb"
    return Entry(
        name=name,
        title=f"Perception Encoder spatial, {size}",
        family="perception",
        loader="vfm_zoo.loading.timm_models:load",
        options={"timm_name": timm_name, "network": {"dynamic_img_size": True}},
        weights=unpinned(f"timm/{timm_name}"),
        licence=Licence("Apache-2.0", commercial=True, source="LICENSE of facebookresearch/perception_models"),
        citation=CITATION,
        kind="learned",
        architecture=f"ViT-{size[0].upper()}/{patch} with rotary positions",
        parameters=parameters,
        stride=patch,
        channels=channels,
        tokens="patch",
        # It has no final norm.
        layer=depth - 1,
        blocks=depth,
        input=half(patch, native_side=side),
        supervision="captions, then masks of SAM and its own features",
        training_data="2-D",
        trained_on=crawled("MetaCLIP's crawl and SA-1B", before_casual=False),
    )


ENTRIES = (
    spatial("pe_spatial_s16", "small", 16, 512, 384, 12, 21_983_232),
    spatial("pe_spatial_b16", "base", 16, 512, 768, 12, 86_433_792),
    spatial("pe_spatial_l14", "large", 14, 448, 1024, 24, 303_964_160),
)
