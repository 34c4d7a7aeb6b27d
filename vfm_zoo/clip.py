"""CLIP by OpenAI, LAION and Apple: photographs and their captions. Patch tokens, projected as the class token is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vfm_zoo.entry import Choice, Entry, Licence, Weights
from vfm_zoo.exposures import crawled
from vfm_zoo.inputs import imagenet, openai_clip
from vfm_zoo.pins import UNSTATED, unpinned

if TYPE_CHECKING:
    from torch import nn

CITATION = """@inproceedings{radford2021clip,
  title = {Learning Transferable Visual Models From Natural Language Supervision},
  author = {Radford, Alec and Kim, Jong Wook and Hallacy, Chris and Ramesh, Aditya and Goh, Gabriel and others},
  booktitle = {International Conference on Machine Learning},
  year = {2021},
  eprint = {2103.00020},
  archivePrefix = {arXiv},
}"""

LAION_CITATION = """@inproceedings{cherti2023reproducible,
  title = {Reproducible Scaling Laws for Contrastive Language-Image Learning},
  author = {Cherti, Mehdi and Beaumont, Romain and Wightman, Ross and Wortsman, Mitchell and others},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2023},
  eprint = {2212.07143},
  archivePrefix = {arXiv},
}"""

DFN_CITATION = """@inproceedings{fang2024dfn,
  title = {Data Filtering Networks},
  author = {Fang, Alex and Jose, Albin Madappally and Jain, Amit and Schmidt, Ludwig and Toshev, Alexander and
    Shankar, Vaishaal},
  booktitle = {International Conference on Learning Representations},
  year = {2024},
  eprint = {2309.17425},
  archivePrefix = {arXiv},
}"""

OPENAI = Entry(
    name="clip_b16",
    title="CLIP ViT-B/16 (OpenAI)",
    family="clip",
    loader=f"{__name__}:load",
    options={
        # With the activation that it was trained with: under the plain name libraries build another.
        "timm_name": "vit_base_patch16_clip_quickgelu_224.openai",
        "network": {"dynamic_img_size": True, "num_classes": 512},
    },
    weights=Weights(
        source="hub",
        id="timm/vit_base_patch16_clip_224.openai",
        file="open_clip_model.safetensors",
        revision="977e3dd0ec55ab8da155f2fbeb6b5f54948b6e3d",
        sha256="4b8699299b1e8997753c64b052ba32031449d5d853f55a039148560ee02b820f",
        note="revision and digest as public users of the file state them",
    ),
    licence=Licence("MIT", commercial=True, source="LICENSE of openai/CLIP (timm's copy says Apache-2.0)"),
    citation=CITATION,
    kind="learned",
    architecture="ViT-B/16",
    parameters=86_192_640,
    stride=16,
    channels=512,
    tokens="patch",
    layer=11,
    norm=True,
    choices={
        "paper": Choice("fanegg/Feat2GS feeds every model ImageNet's statistics", input=imagenet(16, native_side=224))
    },
    blocks=12,
    input=openai_clip(16, native_side=224),
    supervision="captions",
    training_data="2-D",
    trained_on=crawled("WIT-400M, a crawl that is not published"),
)

LAION = replace(
    OPENAI,
    name="clip_b16_laion",
    title="CLIP ViT-B/16 (LAION-2B)",
    options={
        "timm_name": "vit_base_patch16_clip_224.laion2b",
        "network": {"dynamic_img_size": True, "num_classes": 512},
    },
    weights=unpinned("timm/vit_base_patch16_clip_224.laion2b"),
    licence=Licence("MIT", commercial=True, source="card of laion/CLIP-ViT-B-16-laion2B-s34B-b88K"),
    citation=LAION_CITATION,
    choices={},
    trained_on=crawled("LAION-2B, a crawl"),
)

DFN = replace(
    OPENAI,
    name="clip_b16_dfn",
    title="CLIP ViT-B/16 (DFN-2B)",
    loader=f"{__name__}:load_open_clip",
    options={"open_clip_name": "ViT-B-16-quickgelu", "prefix": "visual."},
    weights=Weights(source="hub", id="apple/DFN2B-CLIP-ViT-B-16", file="open_clip_pytorch_model.bin", note=UNSTATED),
    licence=Licence("LicenseRef-Apple-ASCL", commercial=False, source="apple-ascl on the card: research use"),
    citation=DFN_CITATION,
    choices={},
    trained_on=crawled("DFN-2B, a filtered crawl"),
    extra="zoo",
)

ENTRIES = (OPENAI, LAION, DFN)


def load(entry: Entry, device: str) -> nn.Module:
    """Normalised patch tokens times the projection of the class token, by timm."""
    from vfm_zoo.loading.timm_models import build
    from vfm_zoo.loading.timm_tokens import ProjectedTokens

    assert isinstance(entry.layer, int)
    return ProjectedTokens(build(entry), entry.layer)


def load_open_clip(entry: Entry, device: str) -> nn.Module:
    """The same by open_clip, for weights whose activation timm does not pair with them."""
    from vfm_zoo.networks.open_clip_tokens import open_clip_tokens

    return open_clip_tokens(entry)
