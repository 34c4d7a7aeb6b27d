"""SqueezeNet 1.1: the smallest network here that was taught to name photographs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfm_zoo.entry import Entry, Licence, Weights
from vfm_zoo.exposures import closed
from vfm_zoo.inputs import imagenet

if TYPE_CHECKING:
    from torch import nn

CITATION = """@misc{iandola2016squeezenet,
  title = {{SqueezeNet}: {AlexNet}-level Accuracy with 50x Fewer Parameters and <0.5MB Model Size},
  author = {Iandola, Forrest N. and Han, Song and Moskewicz, Matthew W. and Ashraf, Khalid and Dally, William J. and
    Keutzer, Kurt},
  year = {2016},
  eprint = {1602.07360},
  archivePrefix = {arXiv},
}"""

SQUEEZENET = Entry(
    name="squeezenet1_1",
    title="SqueezeNet 1.1",
    family="squeezenet",
    loader=f"{__name__}:load",
    weights=Weights(
        source="web",
        id="https://github.com/forresti/SqueezeNet (SqueezeNet_v1.1), under torchvision's names",
        file="squeezenet1_1.safetensors",
        sha256="1ac0cf08c3cb8b23cc90806c8ec5d41bc7d6b56626a50934950d431cfee1a537",
        note="a conversion of DeepScale's Caffe model; not torchvision's own weights",
    ),
    licence=Licence("BSD-2-Clause", commercial=True, source="LICENSE of forresti/SqueezeNet"),
    citation=CITATION,
    kind="learned",
    architecture="SqueezeNet 1.1",
    parameters=722_496,
    stride=8,
    channels=256,
    tokens="map",
    # Of stride 8, the last.
    layer=7,
    input=imagenet(8, native_side=227),
    supervision="image labels",
    training_data="2-D",
    trained_on=closed("ImageNet-1k alone", "paper, section 4"),
)

ENTRIES = (SQUEEZENET, SQUEEZENET.untrained_twin())


def load(entry: Entry, device: str) -> nn.Module:
    """Output of the part ``layer`` of torchvision's network."""
    from vfm_zoo.loading.torchvision_maps import squeezenet_maps

    return squeezenet_maps(entry)
