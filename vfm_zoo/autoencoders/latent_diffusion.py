"""Autoencoders of diffusion models, of the family that latent diffusion began: a KL term, 8 pixels a latent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vfm_zoo.autoencoders.entry import AutoencoderEntry, Scaling
from vfm_zoo.entry import Exposure, Licence, Weights
from vfm_zoo.exposures import crawled
from vfm_zoo.pins import UNSTATED

if TYPE_CHECKING:
    from vfm_zoo.loading.autoencoder import Halves

ROMBACH = """@inproceedings{rombach2022high,
  title = {High-Resolution Image Synthesis with Latent Diffusion Models},
  author = {Rombach, Robin and Blattmann, Andreas and Lorenz, Dominik and Esser, Patrick and Ommer, Bj{\\"o}rn},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2022},
  eprint = {2112.10752},
  archivePrefix = {arXiv},
}"""
PODELL = """@inproceedings{podell2024sdxl,
  title = {{SDXL}: Improving Latent Diffusion Models for High-Resolution Image Synthesis},
  author = {Podell, Dustin and English, Zion and Lacey, Kyle and others},
  booktitle = {International Conference on Learning Representations},
  year = {2024},
  eprint = {2307.01952},
  archivePrefix = {arXiv},
}"""
ESSER = """@inproceedings{esser2024scaling,
  title = {Scaling Rectified Flow Transformers for High-Resolution Image Synthesis},
  author = {Esser, Patrick and Kulal, Sumith and Blattmann, Andreas and others},
  booktitle = {International Conference on Machine Learning},
  year = {2024},
  eprint = {2403.03206},
  archivePrefix = {arXiv},
}"""
FLUX = """@misc{flux2024,
  title = {{FLUX.1}},
  author = {{Black Forest Labs}},
  year = {2024},
  howpublished = {https://github.com/black-forest-labs/flux},
}"""
FLUX2 = """@misc{flux2025,
  title = {{FLUX.2}},
  author = {{Black Forest Labs}},
  year = {2025},
  howpublished = {https://github.com/black-forest-labs/flux2},
}"""
KOUZELIS = """@inproceedings{kouzelis2025eqvae,
  title = {{EQ-VAE}: Equivariance Regularized Latent Space for Improved Generative Image Modeling},
  author = {Kouzelis, Theodoros and Kakogeorgiou, Ioannis and Gidaris, Spyros and Komodakis, Nikos},
  booktitle = {International Conference on Machine Learning},
  year = {2025},
  eprint = {2502.09509},
  archivePrefix = {arXiv},
}"""
ZHOU = """@inproceedings{zhou2025latent,
  title = {Latent Radiance Fields with {3D}-aware {2D} Representations},
  author = {Zhou, Chaoyi and Liu, Xi and Luo, Feng and Huang, Siyu},
  booktitle = {International Conference on Learning Representations},
  year = {2025},
  eprint = {2502.09613},
  archivePrefix = {arXiv},
}"""

KL: dict[str, Any] = {
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [128, 256, 512, 512],
    "layers_per_block": 2,
}
WITHOUT_1X1 = {"use_quant_conv": False, "use_post_quant_conv": False}
SHORT = {"block_out_channels": [32, 32, 32, 32], "layers_per_block": 1}
# As diffusers writes its files.
FILE = "diffusion_pytorch_model.safetensors"


def _hub(repository: str, folder: str = "") -> Weights:
    return Weights(source="hub", id=repository, file=f"{folder}/{FILE}" if folder else FILE, note=UNSTATED)


SD_FT_MSE = AutoencoderEntry(
    name="sd_vae_ft_mse",
    title="Stable Diffusion 1, decoder fine-tuned for MSE",
    family="latent_diffusion",
    loader=f"{__name__}:load",
    options={"class": "AutoencoderKL", "network": KL},
    short=SHORT,
    weights=_hub("stabilityai/sd-vae-ft-mse"),
    licence=Licence("MIT", commercial=True, source="card of stabilityai/sd-vae-ft-mse (not read anew)"),
    citation=ROMBACH,
    kind="learned",
    architecture="convolutions with attention in the middle, KL",
    parameters=83_653_863,
    channels=4,
    downscale=8,
    posterior=True,
    input_range=(-1.0, 1.0),
    output_range=(-1.0, 1.0),
    scaling=Scaling(0.18215, 0.0, "config of the repository"),
    supervision="reconstruction, perceptual and adversarial",
    training_data="2-D",
    trained_on=crawled("OpenImages, then parts of LAION, a crawl"),
    extra="zoo",
)

SDXL = replace(
    SD_FT_MSE,
    name="sdxl_vae",
    title="Stable Diffusion XL",
    weights=_hub("stabilityai/sdxl-vae"),
    licence=Licence("MIT", commercial=True, source="card of stabilityai/sdxl-vae"),
    citation=PODELL,
    scaling=Scaling(0.13025, 0.0, "config of the repository"),
    trained_on=crawled("data that are not published"),
)

SD35 = replace(
    SD_FT_MSE,
    name="sd35_vae",
    title="Stable Diffusion 3.5",
    options={"class": "AutoencoderKL", "network": {**KL, **WITHOUT_1X1}},
    weights=_hub("stabilityai/stable-diffusion-3.5-medium", "vae"),
    licence=Licence(
        "LicenseRef-Stability-Community",
        commercial=True,
        source="card of the repository (gated): free below a yearly revenue of one million dollars",
    ),
    citation=ESSER,
    parameters=83_819_683,
    channels=16,
    scaling=Scaling(1.5305, 0.0609, "config of the repository"),
    trained_on=crawled("data that are not published"),
)

FLUX1 = replace(
    SD35,
    name="flux1_vae",
    title="FLUX.1",
    weights=_hub("black-forest-labs/FLUX.1-schnell", "vae"),
    licence=Licence("Apache-2.0", commercial=True, source="card of FLUX.1-schnell (gated since July 2025)"),
    citation=FLUX,
    scaling=Scaling(0.3611, 0.1159, "config of the repository"),
)

FLUX2_VAE = replace(
    SD_FT_MSE,
    name="flux2_vae",
    title="FLUX.2",
    options={"class": "AutoencoderKLFlux2", "network": KL},
    weights=_hub("black-forest-labs/FLUX.2-klein-4B", "vae"),
    licence=Licence("Apache-2.0", commercial=True, source="Black Forest Labs on the autoencoder of FLUX.2"),
    citation=FLUX2,
    parameters=84_046_115,
    channels=32,
    scaling=Scaling(source="none: running statistics of a batch normalisation of 2x2 patches instead"),
    trained_on=crawled("data that are not published"),
)

EQ_VAE = replace(
    SD_FT_MSE,
    name="eq_vae",
    title="EQ-VAE: latents that turn and scale with the image",
    weights=_hub("zelaki/eq-vae"),
    licence=Licence("LicenseRef-EQ-VAE-unstated", commercial=False, source="no licence on the card of zelaki/eq-vae"),
    citation=KOUZELIS,
    scaling=Scaling(0.18215, 0.0, "as the model that it was tuned from; read the config"),
    supervision="reconstruction, and equivariance to scale and rotation",
    trained_on=crawled("Stable Diffusion's autoencoder, tuned on OpenImages"),
)

EQ_SDXL = replace(
    SDXL,
    name="eq_sdxl_vae",
    title="EQ-SDXL: SDXL's autoencoder tuned for equivariance",
    weights=_hub("KBlueLeaf/EQ-SDXL-VAE"),
    licence=Licence("LicenseRef-EQ-SDXL-unread", commercial=False, source="card of KBlueLeaf/EQ-SDXL-VAE: to be read"),
    citation=KOUZELIS,
    scaling=Scaling(0.127463, 0.864025, "config; it has means and deviations of each channel too"),
    supervision="reconstruction, and equivariance to scale and rotation",
    trained_on=crawled("SDXL's autoencoder, tuned on images that its card names in part"),
)

LRF_VAE = replace(
    SD_FT_MSE,
    name="lrf_vae",
    title="The 3D-aware autoencoder of Latent Radiance Fields",
    options={"class": "AutoencoderKL", "network": KL, "names": "latent-diffusion", "within": "state_dict"},
    weights=Weights(
        source="hub",
        id="chaoyizh/LRF",
        file="model.ckpt",
        note=f"a checkpoint of latent diffusion and a pickle, opened for its tensors alone; the name of the file was not "
        f"seen; {UNSTATED}",
    ),
    licence=Licence("LicenseRef-LRF-unstated", commercial=False, source="no licence on the card of chaoyizh/LRF"),
    citation=ZHOU,
    scaling=Scaling(source="none used"),
    supervision="reconstruction, and agreement at corresponding pixels",
    training_data="3-D",
    trained_on={
        "*": Exposure("unknown", "Stable Diffusion's autoencoder, tuned on scenes of DL3DV-10K (paper, section 4)"),
        "dl3dv": Exposure("seen", "tuned on scenes of DL3DV-10K (paper, section 4)"),
    },
)

ENTRIES = (SD_FT_MSE, SDXL, SD35, FLUX1, FLUX2_VAE, EQ_VAE, EQ_SDXL, LRF_VAE)


def load(entry: AutoencoderEntry, device: str) -> Halves:
    """Both halves of diffusers' network."""
    from vfm_zoo.networks.latent_diffusion import halves

    return halves(entry)
