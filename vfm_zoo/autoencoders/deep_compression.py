"""DC-AE: an autoencoder of 32 pixels a latent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfm_zoo.autoencoders.entry import AutoencoderEntry, Scaling
from vfm_zoo.autoencoders.latent_diffusion import FILE
from vfm_zoo.entry import Licence, Weights
from vfm_zoo.exposures import crawled
from vfm_zoo.pins import UNSTATED

if TYPE_CHECKING:
    from vfm_zoo.loading.autoencoder import Halves

CITATION = """@inproceedings{chen2025deep,
  title = {Deep Compression Autoencoder for Efficient High-Resolution Diffusion Models},
  author = {Chen, Junyu and Cai, Han and Chen, Junsong and Xie, Enze and others},
  booktitle = {International Conference on Learning Representations},
  year = {2025},
  eprint = {2410.10733},
  archivePrefix = {arXiv},
}"""

ATTENTION = [[], [], [], [5], [5], [5]]
BLOCKS = ["ResBlock"] * 3 + ["EfficientViTBlock"] * 3

DC_AE = AutoencoderEntry(
    name="dc_ae_f32",
    title="DC-AE f32c32 of SANA 1.1",
    family="deep_compression",
    loader=f"{__name__}:load",
    options={
        "class": "AutoencoderDC",
        "network": {
            "encoder_block_types": BLOCKS,
            "decoder_block_types": BLOCKS,
            "encoder_qkv_multiscales": ATTENTION,
            "decoder_qkv_multiscales": ATTENTION,
            "downsample_block_type": "Conv",
            "upsample_block_type": "interpolate",
        },
    },
    short={
        "encoder_block_out_channels": [32, 32, 32, 32, 32, 32],
        "decoder_block_out_channels": [32, 32, 32, 32, 32, 32],
        "encoder_layers_per_block": [1] * 6,
        "decoder_layers_per_block": [1] * 6,
        "attention_head_dim": 8,
    },
    weights=Weights(source="hub", id="mit-han-lab/dc-ae-f32c32-sana-1.1-diffusers", file=FILE, note=UNSTATED),
    licence=Licence(
        "LicenseRef-DC-AE-unread", commercial=False, source="LICENSE.txt of the repository: to be read before use"
    ),
    citation=CITATION,
    kind="learned",
    architecture="residual blocks, then linear attention",
    parameters=312_250_275,
    channels=32,
    downscale=32,
    posterior=False,
    input_range=(-1.0, 1.0),
    output_range=(-1.0, 1.0),
    scaling=Scaling(0.41407, 0.0, "config of the repository"),
    supervision="reconstruction, perceptual and adversarial",
    training_data="2-D",
    trained_on=crawled("images that are not all named"),
    extra="zoo",
)

ENTRIES = (DC_AE,)


def load(entry: AutoencoderEntry, device: str) -> Halves:
    """Both halves of diffusers' network."""
    from vfm_zoo.networks.latent_diffusion import halves

    return halves(entry)
