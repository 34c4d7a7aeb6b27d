"""TAEF2: the tiny autoencoder for the latents of FLUX.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfm_zoo.autoencoders.entry import AutoencoderEntry
from vfm_zoo.entry import Licence, Weights
from vfm_zoo.exposures import crawled

if TYPE_CHECKING:
    from vfm_zoo.loading.autoencoder import Halves

CITATION = """@misc{bohan2026taef2,
  title = {{TAEF2}: Tiny AutoEncoder for {FLUX.2}},
  author = {Bohan, Ollin Boer},
  year = {2026},
  howpublished = {madebyollin/taef2 on the Hugging Face hub},
}"""

TAEF2 = AutoencoderEntry(
    name="taef2",
    title="TAEF2, tiny autoencoder of FLUX.2's latents",
    family="taesd",
    loader=f"{__name__}:load",
    weights=Weights(
        source="web",
        id="https://huggingface.co/madebyollin/taef2 (encoder and decoder in one file each)",
        file="taef2_encoder.safetensors",
        sha256="ed439d4f19057d2a3b8fb43e3caa9aff37f5b9fdbf707cddff57f5a8ae8d5068",
        more=(("taef2_decoder.safetensors", "79b69df8dd742e179d3b929905310a39901a805840f9b2b8968d1bbf5f65d642"),),
        note="float16 tensors of the two halves under the names of a plain sequence of layers; diffusers' AutoencoderTiny "
        "(0.42) lacks the blocks' pooled branch and reconstructs at 15 dB with them",
    ),
    licence=Licence("MIT", commercial=True, source="card of madebyollin/taef2"),
    citation=CITATION,
    kind="learned",
    architecture="TAESD, convolutions with a pooled branch",
    parameters=2_677_027,
    channels=32,
    downscale=8,
    posterior=False,
    # The blocks at an eighth of the size, the first of which pools over the image; and all behind the last that does.
    encoder_tail=11,
    decoder_tail=6,
    supervision="distilled from FLUX.2's autoencoder",
    training_data="2-D",
    trained_on=crawled("photographs that its card does not list"),
)

ENTRIES = (TAEF2,)


def load(entry: AutoencoderEntry, device: str) -> Halves:
    """Both halves from their files, in float32; or with drawn weights."""
    from vfm_zoo.loading.autoencoder import Halves
    from vfm_zoo.loading.build import networks_of
    from vfm_zoo.networks import taesd

    channels = entry.channels
    return Halves(*networks_of(entry, [lambda: taesd.encoder(channels), lambda: taesd.decoder(channels)]))
