"""FeatUp: tokens of three backbones at every pixel, by learned joint bilateral filters; the paper's rows with a plus."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vfm_zoo.clip import OPENAI
from vfm_zoo.dino import SMALL as DINO_SMALL
from vfm_zoo.dinov2 import SMALL as DINOV2_SMALL
from vfm_zoo.entry import Choice, Entry, Exposure, Weights
from vfm_zoo.inputs import imagenet
from vfm_zoo.pins import UNSTATED

if TYPE_CHECKING:
    from torch import nn

CITATION = """@inproceedings{fu2024featup,
  title = {{FeatUp}: A Model-Agnostic Framework for Features at Any Resolution},
  author = {Fu, Stephanie and Hamilton, Mark and Brandt, Laura E. and Feldmann, Axel and Zhang, Zhoutong and
    Freeman, William T.},
  booktitle = {International Conference on Learning Representations},
  year = {2024},
  eprint = {2403.10516},
  archivePrefix = {arXiv},
}"""

FILES = "https://marhamilresearch4.blob.core.windows.net/feature-upsampling-public/pretrained/"


def upsampled(plain: Entry, name: str) -> Entry:
    """The plain entry's tokens at every pixel, from one file that holds the backbone and its upsampler.

    The difference between both rows is the upsampler's, and what it has learned: the paper compares it with ViT-B
    instead (Q11). Its filters are taught by views of COCO-Stuff.

    Parameters
    ----------
    name
        Of the backbone in FeatUp's own words.
    """
    multiple = plain.stride
    file = f"{name}_jbu_stack_cocostuff.ckpt"
    return replace(
        plain,
        name=f"{plain.name}_featup",
        title=f"{plain.title}, FeatUp",
        loader=f"{__name__}:load",
        options={**plain.options, "prefix": "model.0.model.", "within": "state_dict"},
        weights=Weights(source="web", id=FILES + file, file=file, note=UNSTATED),
        citation=CITATION,
        stride=1,
        tokens="pixel",
        choices={
            "paper": Choice(
                "fanegg/Feat2GS: the photograph is stretched to 224 x 224", input=replace(imagenet(multiple), side=224)
            )
        },
        # All three were taught on photographs normalised so, CLIP's among them.
        input=imagenet(multiple, native_side=224),
        supervision=f"{plain.supervision}, then consistency of upsampled views",
        trained_on={**plain.trained_on, "cocostuff": Exposure("seen", "paper, section 4: the upsampler")},
        aliases=(f"{name}_featup",),
    )


DINO = upsampled(DINO_SMALL, "dino16")
DINOV2 = upsampled(DINOV2_SMALL, "dinov2")
CLIP = upsampled(OPENAI, "clip")

ENTRIES = (DINO, DINOV2, CLIP)


def load(entry: Entry, device: str) -> nn.Module:
    """The backbone's tokens, normalised, upsampled along the photograph."""
    from torch import nn

    from vfm_zoo.loading.build import network_of
    from vfm_zoo.loading.timm_models import build
    from vfm_zoo.loading.timm_tokens import ProjectedTokens, TimmTokens
    from vfm_zoo.networks.featup import ChannelNorm, JointBilateralStack, Upsampled

    def parts() -> nn.ModuleDict:
        return nn.ModuleDict({"norm": ChannelNorm(entry.channels), "upsampler": JointBilateralStack(entry.channels)})

    def renamed(tensors: dict) -> dict:
        return {name.replace("model.1.", "norm.", 1): value for name, value in tensors.items()}

    assert isinstance(entry.layer, int)
    backbone = build(entry)
    projected = entry.options.get("network", {}).get("num_classes")
    tokens = ProjectedTokens(backbone, entry.layer) if projected else TimmTokens(backbone, entry.layer, norm=True)
    return Upsampled(tokens, **network_of(entry, parts, ("model.1.norm.", "upsampler."), renamed))
