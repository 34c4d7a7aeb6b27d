"""R2D2: descriptors of pixels taught on pairs of photographs of one place. Small, and runs without a hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfm_zoo.entry import Entry, Exposure, Licence, Weights
from vfm_zoo.inputs import imagenet

if TYPE_CHECKING:
    from torch import nn

CITATION = """@inproceedings{revaud2019r2d2,
  title = {{R2D2}: Repeatable and Reliable Detector and Descriptor},
  author = {Revaud, Jerome and Weinzaepfel, Philippe and De Souza, Cesar and Humenberger, Martin},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2019},
  eprint = {1906.06195},
  archivePrefix = {arXiv},
}"""

R2D2 = Entry(
    name="r2d2",
    title="R2D2 (WASF-N16)",
    family="r2d2",
    loader=f"{__name__}:load",
    options={"square": 8},
    weights=Weights(
        source="web",
        id="https://github.com/naver/r2d2 (models/r2d2_WASF_N16.pt, its tensors as safetensors)",
        file="r2d2_wasf_n16.safetensors",
        sha256="58d58e30927a926026f9637c2433cc150fbcfe51eb92a93f5be2beb9fb0af34d",
        note="the released file is a pickle that is not opened here",
    ),
    licence=Licence("CC-BY-NC-SA-3.0", commercial=False, source="LICENSE of naver/r2d2"),
    citation=CITATION,
    kind="learned",
    architecture="dilated L2-Net, four convolutions in place of one",
    parameters=484_000,
    # Descriptors of pixels, averaged over squares.
    stride=8,
    channels=128,
    tokens="map",
    input=imagenet(8),
    supervision="matches of image pairs",
    training_data="2-D",
    trained_on={"*": Exposure("not seen", "web images warped and restyled, and Aachen day-night (paper, section 4)")},
)

ENTRIES = (R2D2, R2D2.untrained_twin())


def load(entry: Entry, device: str) -> nn.Module:
    """Mean descriptors; the heads that find points are left out."""
    from vfm_zoo.loading.build import network_of
    from vfm_zoo.networks.r2d2 import R2D2 as Network

    return network_of(entry, lambda: Network(entry.options["square"]), ("ops.",))
