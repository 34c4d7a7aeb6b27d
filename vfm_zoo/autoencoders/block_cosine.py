"""The block cosine transform: an autoencoder that has learned nothing, needs no weights, and can be taught."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vfm_zoo.autoencoders.entry import AutoencoderEntry
from vfm_zoo.entry import Exposure, Licence

if TYPE_CHECKING:
    from vfm_zoo.loading.autoencoder import Halves

CITATION = """@article{ahmed1974discrete,
  title = {Discrete Cosine Transform},
  author = {Ahmed, Nasir and Natarajan, T. and Rao, K. R.},
  journal = {IEEE Transactions on Computers},
  volume = {C-23},
  year = {1974},
}"""

DCT_F8 = AutoencoderEntry(
    name="dct_f8",
    title="Cosine transform of 8x8 blocks, 16 channels",
    family="block_cosine",
    loader=f"{__name__}:load",
    options={"block": 8},
    licence=Licence("Apache-2.0", commercial=True, source="no weights; code of this project"),
    citation=CITATION,
    kind="control",
    architecture="one strided convolution each way",
    parameters=6_163,
    channels=16,
    downscale=8,
    posterior=False,
    input_range=(-0.5, 0.5),
    output_range=(-0.5, 0.5),
    supervision="none",
    training_data="none",
    trained_on={"*": Exposure("not seen", "never trained")},
)


def _with(channels: int) -> AutoencoderEntry:
    return replace(
        DCT_F8,
        name=f"dct_f8_c{channels}",
        title=f"Cosine transform of 8x8 blocks, {channels} channels",
        channels=channels,
        parameters=channels * 385 + 3,
    )


# The same numbers before it is taught; then it may look, and draw, a block beyond its own on every side.
WIDE = replace(
    DCT_F8,
    name="dct_f8_wide",
    title="Cosine transform of 8x8 blocks, 16 channels, that may learn to overlap",
    options={"block": 8, "reach": 8},
    architecture="one strided convolution of 24x24 each way",
    parameters=55_315,
)

ENTRIES = (DCT_F8, _with(4), _with(32), WIDE)


def load(entry: AutoencoderEntry, device: str) -> Halves:
    """Both halves, as the transform and its inverse."""
    from vfm_zoo.loading.autoencoder import Halves
    from vfm_zoo.networks.block_cosine import BlockDecoder, BlockEncoder

    size = entry.channels, int(entry.options["block"]), int(entry.options.get("reach", 0))
    return Halves(BlockEncoder(*size), BlockDecoder(*size))
