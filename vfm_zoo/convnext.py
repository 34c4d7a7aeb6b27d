"""ConvNeXt: convolutional networks of today, by labels, by captions, by masked pixels. Their stage of stride 16."""

from __future__ import annotations

from dataclasses import replace

from vfm_zoo.entry import Entry, Licence
from vfm_zoo.exposures import closed, crawled
from vfm_zoo.inputs import imagenet, openai_clip
from vfm_zoo.pins import unpinned

CITATION = """@inproceedings{liu2022convnext,
  title = {A {ConvNet} for the 2020s},
  author = {Liu, Zhuang and Mao, Hanzi and Wu, Chao-Yuan and Feichtenhofer, Christoph and Darrell, Trevor and
    Xie, Saining},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2022},
  eprint = {2201.03545},
  archivePrefix = {arXiv},
}"""

V2_CITATION = """@inproceedings{woo2023convnextv2,
  title = {{ConvNeXt V2}: Co-designing and Scaling {ConvNets} with Masked Autoencoders},
  author = {Woo, Sanghyun and Debnath, Shoubhik and Hu, Ronghang and Chen, Xinlei and Liu, Zhuang and
    Kweon, In So and Xie, Saining},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2023},
  eprint = {2301.00808},
  archivePrefix = {arXiv},
}"""

LABELS = Entry(
    name="convnext_b",
    title="ConvNeXt-B (ImageNet-22k)",
    family="convnext",
    loader="vfm_zoo.loading.timm_models:load",
    options={"timm_name": "convnext_base.fb_in22k"},
    weights=unpinned("timm/convnext_base.fb_in22k"),
    licence=Licence("Apache-2.0", commercial=True, source="license of timm's configuration"),
    citation=CITATION,
    kind="learned",
    architecture="ConvNeXt-B",
    parameters=87_566_464,
    stride=16,
    channels=512,
    tokens="map",
    layer=2,
    short={"depths": [1, 1, 1, 1]},
    input=imagenet(16, native_side=224),
    supervision="image labels",
    training_data="2-D",
    trained_on=closed("ImageNet-22k alone", "name of the weights"),
)

CAPTIONS = replace(
    LABELS,
    name="convnext_b_clip",
    title="ConvNeXt-B (CLIP, LAION-2B)",
    options={"timm_name": "convnext_base.clip_laion2b"},
    weights=unpinned("timm/convnext_base.clip_laion2b"),
    input=openai_clip(16, native_side=256),
    supervision="captions",
    trained_on=crawled("LAION-2B, a crawl"),
)

MASKED = replace(
    LABELS,
    name="convnextv2_b",
    title="ConvNeXt V2-B (masked autoencoder)",
    architecture="ConvNeXt V2-B",
    parameters=87_692_800,
    options={"timm_name": "convnextv2_base.fcmae"},
    weights=unpinned("timm/convnextv2_base.fcmae"),
    licence=Licence("CC-BY-NC-4.0", commercial=False, source="LICENSE of facebookresearch/ConvNeXt-V2"),
    citation=V2_CITATION,
    supervision="masked pixels",
    trained_on=closed("ImageNet-1k alone, images only", "paper, section 3"),
)

ENTRIES = (LABELS, CAPTIONS, MASKED)
