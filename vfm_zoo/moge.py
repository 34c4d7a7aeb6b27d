"""MoGe: DINOv2's ViT-L, taught on to see points of a scene in one photograph."""

from __future__ import annotations

from dataclasses import replace

from vfm_zoo.dinov2 import LARGE as DINOV2
from vfm_zoo.entry import Entry, Licence, Weights
from vfm_zoo.exposures import crawled
from vfm_zoo.pins import UNSTATED

CITATION = """@inproceedings{wang2025moge,
  title = {{MoGe}: Unlocking Accurate Monocular Geometry Estimation for Open-Domain Images with Optimal Training
    Supervision},
  author = {Wang, Ruicheng and Xu, Sicheng and Dai, Cassie and Xiang, Jianfeng and Deng, Yu and Tong, Xin and
    Yang, Jiaolong},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2025},
  eprint = {2410.19115},
  archivePrefix = {arXiv},
}"""

MOGE = replace(
    DINOV2,
    name="moge_l14",
    title="MoGe ViT-L/14",
    family="moge",
    loader="vfm_zoo.loading.dinov2_files:load",
    options={**DINOV2.options, "within": "model", "prefix": "backbone."},
    weights=Weights(source="hub", id="Ruicheng/moge-vitl", file="model.pt", note=UNSTATED),
    licence=Licence("MIT", commercial=True, source="LICENSE of microsoft/MoGe"),
    citation=CITATION,
    supervision="points of single photographs",
    training_data="2.5-D",
    trained_on=crawled(
        "21 sets of the paper (MegaDepth among them) that were not checked one by one; starts from DINOv2"
    ),
)

ENTRIES: tuple[Entry, ...] = (MOGE,)
