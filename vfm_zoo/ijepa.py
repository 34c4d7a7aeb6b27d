"""I-JEPA: learned to foretell the features of parts of an image from others."""

from __future__ import annotations

from vfm_zoo.entry import Entry, Licence, Weights
from vfm_zoo.exposures import closed
from vfm_zoo.inputs import imagenet
from vfm_zoo.pins import UNSTATED

CITATION = """@inproceedings{assran2023ijepa,
  title = {Self-Supervised Learning from Images with a Joint-Embedding Predictive Architecture},
  author = {Assran, Mahmoud and Duval, Quentin and Misra, Ishan and Bojanowski, Piotr and Vincent, Pascal and
    Rabbat, Michael and LeCun, Yann and Ballas, Nicolas},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2023},
  eprint = {2301.08243},
  archivePrefix = {arXiv},
}"""

IJEPA = Entry(
    name="ijepa_h14",
    title="I-JEPA ViT-H/14",
    family="ijepa",
    loader="vfm_zoo.loading.timm_models:load",
    options={
        "timm_name": "vit_huge_patch14_gap_224.in22k_ijepa",
        "network": {"dynamic_img_size": True},
        "within": "encoder",
        "prefix": "module.",
    },
    weights=Weights(
        source="web",
        id="https://dl.fbaipublicfiles.com/ijepa/IN22K-vit.h.14-900e.pth.tar",
        file="IN22K-vit.h.14-900e.pth.tar",
        note=UNSTATED,
    ),
    licence=Licence("CC-BY-NC-4.0", commercial=False, source="LICENSE of facebookresearch/ijepa"),
    citation=CITATION,
    kind="learned",
    architecture="ViT-H/14 without class token",
    parameters=630_762_240,
    stride=14,
    channels=1280,
    tokens="patch",
    layer=31,
    norm=True,
    blocks=32,
    input=imagenet(14, native_side=224),
    supervision="features of hidden parts",
    training_data="2-D",
    trained_on=closed("ImageNet-22k alone, images only", "name of the weights; paper, section 4"),
    hardware="a GPU is wanted: 0.63 billion parameters",
)

ENTRIES = (IJEPA,)
