"""The photograph itself as a feature: position, and position with colour (the paper's IUV and IUVRGB rows)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vfm_zoo.entry import Entry, Exposure, Input, Licence

if TYPE_CHECKING:
    from vfm_zoo.loading.extractor import Tokens

CITATION = """@inproceedings{chen2025feat2gs,
  title = {{Feat2GS}: Probing Visual Foundation Models with {Gaussian} Splatting},
  author = {Chen, Yue and Chen, Xingyu and Chen, Anpei and Pons-Moll, Gerard and Xiu, Yuliang},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2025},
  eprint = {2412.09606},
  archivePrefix = {arXiv},
}"""

IUVRGB = Entry(
    name="iuvrgb",
    title="View, position and colour",
    family="raw",
    loader=f"{__name__}:load",
    options={"channels": "iuvrgb"},
    licence=Licence("Apache-2.0", commercial=True, source="no weights; code of this project"),
    citation=CITATION,
    kind="raw",
    architecture="none",
    parameters=0,
    stride=1,
    channels=6,
    tokens="pixel",
    input=Input(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    supervision="none",
    training_data="none",
    trained_on={"*": Exposure("not seen", "never trained")},
)

IUV = replace(IUVRGB, name="iuv", title="View and position", channels=3, options={"channels": "iuv"})

ENTRIES = (IUVRGB, IUV)


def load(entry: Entry, device: str) -> Tokens:
    """The view's place among the views, the pixel's place in the image (centres, in (0, 1)), colour in [-1, 1]."""
    import torch
    from torch import Tensor

    def tokens(images: Tensor, view_positions: Tensor) -> Tensor:
        batch, _, height, width = images.shape
        u = (torch.arange(width, device=images.device) + 0.5) / width
        v = (torch.arange(height, device=images.device) + 0.5) / height
        planes = (view_positions.view(batch, 1, 1), u.view(1, 1, width), v.view(1, height, 1))
        iuv = torch.stack([plane.expand(batch, height, width) for plane in planes], dim=1)
        return torch.cat([iuv, images], dim=1) if entry.options["channels"] == "iuvrgb" else iuv

    return tokens
