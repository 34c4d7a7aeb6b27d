"""DeiT III: a ViT-B/16 taught to name photographs, the supervised counterpart of the others."""

from __future__ import annotations

from vfm_zoo.entry import Entry, Licence
from vfm_zoo.exposures import closed
from vfm_zoo.inputs import imagenet
from vfm_zoo.pins import unpinned

CITATION = """@inproceedings{touvron2022deit3,
  title = {{DeiT III}: Revenge of the {ViT}},
  author = {Touvron, Hugo and Cord, Matthieu and Jegou, Herve},
  booktitle = {European Conference on Computer Vision},
  year = {2022},
  eprint = {2204.07118},
  archivePrefix = {arXiv},
}"""

DEIT3 = Entry(
    name="deit3_b16",
    title="DeiT III ViT-B/16",
    family="deit",
    loader="vfm_zoo.loading.timm_models:load",
    options={"timm_name": "deit3_base_patch16_384.fb_in22k_ft_in1k", "network": {"dynamic_img_size": True}},
    weights=unpinned("timm/deit3_base_patch16_384.fb_in22k_ft_in1k"),
    licence=Licence("Apache-2.0", commercial=True, source="LICENSE of facebookresearch/deit"),
    citation=CITATION,
    kind="learned",
    architecture="ViT-B/16",
    parameters=86_108_160,
    stride=16,
    channels=768,
    tokens="patch",
    layer=11,
    norm=True,
    blocks=12,
    input=imagenet(16, native_side=384),
    supervision="image labels",
    training_data="2-D",
    trained_on=closed("ImageNet-22k, then ImageNet-1k", "name of the weights"),
)

ENTRIES = (DEIT3,)
