"""MobileNetV2: a small network taught to name photographs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfm_zoo.entry import Entry, Licence, Weights
from vfm_zoo.exposures import closed
from vfm_zoo.inputs import half

if TYPE_CHECKING:
    from torch import nn

CITATION = """@inproceedings{sandler2018mobilenetv2,
  title = {{MobileNetV2}: Inverted Residuals and Linear Bottlenecks},
  author = {Sandler, Mark and Howard, Andrew and Zhu, Menglong and Zhmoginov, Andrey and Chen, Liang-Chieh},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2018},
  eprint = {1801.04381},
  archivePrefix = {arXiv},
}"""

MOBILENET = Entry(
    name="mobilenet_v2",
    title="MobileNetV2 1.0",
    family="mobilenet",
    loader=f"{__name__}:load",
    weights=Weights(
        source="web",
        id="Google's quantised MobileNetV2 1.0 224 (TensorFlow models), as float32 under torchvision's names",
        file="mobilenet_v2.safetensors",
        sha256="2ea55e20554f0058c2abd8b2c1e97e8f7416655b5c9e80fa7095fea10f47833b",
        note="a conversion of the released file, normalisations folded into convolutions; not torchvision's own weights",
    ),
    licence=Licence("Apache-2.0", commercial=True, source="LICENSE of tensorflow/models"),
    citation=CITATION,
    kind="learned",
    architecture="MobileNetV2",
    parameters=2_223_872,
    stride=16,
    channels=96,
    tokens="map",
    # Of stride 16, the last.
    layer=13,
    input=half(32, native_side=224),
    supervision="image labels",
    training_data="2-D",
    trained_on=closed("ImageNet-1k alone", "paper, section 6"),
)

ENTRIES = (MOBILENET, MOBILENET.untrained_twin())


def load(entry: Entry, device: str) -> nn.Module:
    """Output of the part ``layer`` of torchvision's network."""
    from vfm_zoo.loading.torchvision_maps import mobilenet_maps

    return mobilenet_maps(entry)
