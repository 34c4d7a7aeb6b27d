"""XFeat: a small network taught to match photographs of one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfm_zoo.entry import Entry, Exposure, Input, Licence, Weights
from vfm_zoo.exposures import MEGADEPTH

if TYPE_CHECKING:
    from torch import nn

CITATION = """@inproceedings{potje2024xfeat,
  title = {{XFeat}: Accelerated Features for Lightweight Image Matching},
  author = {Potje, Guilherme and Cadar, Felipe and Araujo, Andre and Martins, Renato and Nascimento, Erickson R.},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2024},
  eprint = {2404.19174},
  archivePrefix = {arXiv},
}"""

XFEAT = Entry(
    name="xfeat",
    title="XFeat",
    family="xfeat",
    loader=f"{__name__}:load",
    weights=Weights(
        source="web",
        id="https://github.com/verlab/accelerated_features (weights/xfeat.pt, its tensors as safetensors)",
        file="xfeat.safetensors",
        sha256="b837b429c72e759c53e29bd1cfddde6db8847c6c9c5940dd8b4eba07ba2458fe",
        note="of a safetensors file without the tensors of fine_matcher",
    ),
    licence=Licence("Apache-2.0", commercial=True, source="LICENSE of verlab/accelerated_features"),
    citation=CITATION,
    kind="learned",
    architecture="convolutions of a grey image",
    parameters=633_140,
    stride=8,
    channels=64,
    tokens="map",
    input=Input(multiple_of=32),
    supervision="matches of image pairs",
    training_data="3-D",
    trained_on={
        "*": Exposure("not seen", "MegaDepth and warped images of COCO (paper, section 4)"),
        "tanks_and_temples": MEGADEPTH,
    },
)

ENTRIES = (XFEAT, XFEAT.untrained_twin())


def load(entry: Entry, device: str) -> nn.Module:
    """Dense descriptors; the heads that find points are left out."""
    import torch

    from vfm_zoo.loading.build import network_of
    from vfm_zoo.networks.xfeat import XFeat

    def counted(tensors: dict) -> dict:
        # The file leaves out how many batches its normalisations have seen, which nothing reads.
        means = [name for name in tensors if name.endswith("running_mean")]
        return tensors | {name.replace("running_mean", "num_batches_tracked"): torch.tensor(0) for name in means}

    return network_of(entry, XFeat, ("block", "skip"), counted)
