"""TAESD and its kin: small autoencoders distilled from those of diffusion models."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vfm_zoo.autoencoders.entry import AutoencoderEntry, Scaling
from vfm_zoo.autoencoders.latent_diffusion import FILE
from vfm_zoo.entry import Licence, Weights
from vfm_zoo.exposures import crawled
from vfm_zoo.pins import UNSTATED

if TYPE_CHECKING:
    from vfm_zoo.loading.autoencoder import Halves

CITATION = """@misc{bohan2023taesd,
  title = {{TAESD}: Tiny AutoEncoder for {Stable Diffusion}},
  author = {Bohan, Ollin Boer},
  year = {2023},
  howpublished = {https://github.com/madebyollin/taesd},
}"""

TAESD = AutoencoderEntry(
    name="taesd",
    title="TAESD, tiny autoencoder of Stable Diffusion 1",
    family="taesd",
    loader=f"{__name__}:load",
    options={"class": "AutoencoderTiny", "network": {}},
    weights=Weights(source="hub", id="madebyollin/taesd", file=FILE, note=UNSTATED),
    licence=Licence("MIT", commercial=True, source="LICENSE of madebyollin/taesd"),
    citation=CITATION,
    kind="learned",
    architecture="TAESD, convolutions",
    parameters=2_445_063,
    channels=4,
    downscale=8,
    posterior=False,
    # AutoencoderTiny maps to [0, 1] inside.
    input_range=(-1.0, 1.0),
    output_range=(-1.0, 1.0),
    scaling=Scaling(1.0, 0.0, "config of the repository"),
    supervision="distilled from the autoencoder of a diffusion model",
    training_data="2-D",
    trained_on=crawled("images that its card does not list"),
    extra="zoo",
)


def _kin(name: str, model: str, channels: int, parameters: int) -> AutoencoderEntry:
    return replace(
        TAESD,
        name=name,
        title=f"{name.upper()}, tiny autoencoder of {model}",
        weights=Weights(source="hub", id=f"madebyollin/{name}", file=FILE, note=UNSTATED),
        channels=channels,
        parameters=parameters,
    )


ENTRIES = (
    TAESD,
    _kin("taesdxl", "Stable Diffusion XL", 4, 2_445_063),
    _kin("taesd3", "Stable Diffusion 3", 16, 2_458_899),
    _kin("taef1", "FLUX.1", 16, 2_458_899),
)


def load(entry: AutoencoderEntry, device: str) -> Halves:
    """Both halves of diffusers' network."""
    from vfm_zoo.networks.latent_diffusion import halves

    return halves(entry)
