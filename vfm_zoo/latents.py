"""Encoders of autoencoders as extractors: how much 3-D do the latents of an image generator know?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfm_zoo.autoencoders import block_cosine, latent_diffusion, taef2
from vfm_zoo.autoencoders.entry import AutoencoderEntry
from vfm_zoo.entry import Entry, Input

if TYPE_CHECKING:
    from vfm_zoo.loading.extractor import Tokens

AUTOENCODERS = {
    autoencoder.name: autoencoder
    for autoencoder in (block_cosine.DCT_F8, taef2.TAEF2, latent_diffusion.SD_FT_MSE, latent_diffusion.FLUX1)
}


def _encoder(autoencoder: AutoencoderEntry) -> Entry:
    return Entry(
        name=f"{autoencoder.name}_encoder",
        title=f"Latents of {autoencoder.title}",
        family="latents",
        loader=f"{__name__}:load",
        options={**autoencoder.options, "autoencoder": autoencoder.name},
        short=autoencoder.short,
        weights=autoencoder.weights,
        licence=autoencoder.licence,
        citation=autoencoder.citation,
        kind=autoencoder.kind,
        architecture=autoencoder.architecture,
        # Of both halves: a file holds them together, and only the encoder is used.
        parameters=autoencoder.parameters,
        stride=autoencoder.downscale,
        channels=autoencoder.channels,
        tokens="map",
        input=Input(multiple_of=autoencoder.downscale),
        supervision=autoencoder.supervision,
        training_data=autoencoder.training_data,
        trained_on=autoencoder.trained_on,
        extra=autoencoder.extra,
        version=autoencoder.version,
    )


ENTRIES = tuple(_encoder(autoencoder) for autoencoder in AUTOENCODERS.values())


def load(entry: Entry, device: str) -> Tokens:
    """The latent, or the mode of the posterior."""
    from torch import Tensor, nn

    from vfm_zoo.registry import get_autoencoder, load_autoencoder

    autoencoder = get_autoencoder(entry.options["autoencoder"])
    if entry.weights is None:
        autoencoder = autoencoder.untaught()

    class Latents(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.autoencoder = load_autoencoder(autoencoder, device)

        def forward(self, images: Tensor, view_positions: Tensor) -> Tensor:
            return self.autoencoder.encode(images).mean

    return Latents()
