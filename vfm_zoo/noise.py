"""Noise on a grid of tokens: what a readout makes of features that know nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfm_zoo.efficientnet import LITE0
from vfm_zoo.entry import Entry, Exposure, Input, Licence

if TYPE_CHECKING:
    from vfm_zoo.loading.extractor import Tokens

RANDOM = Entry(
    name="random",
    title="Noise",
    family="noise",
    loader=f"{__name__}:load",
    options={"seed": 0},
    licence=Licence("Apache-2.0", commercial=True, source="no weights; code of this project"),
    citation="",
    kind="control",
    architecture="none",
    parameters=0,
    # As wide and as fine as the model it is compared with.
    stride=LITE0.stride,
    channels=LITE0.channels,
    tokens="map",
    input=Input(multiple_of=LITE0.stride),
    supervision="none",
    training_data="none",
    trained_on={"*": Exposure("not seen", "never trained")},
)

ENTRIES = (RANDOM,)


def load(entry: Entry, device: str) -> Tokens:
    """Independent standard normal numbers, seeded by the pixels of each image alone."""
    import hashlib

    import numpy as np
    import torch
    from torch import Tensor

    def noise(image: Tensor) -> Tensor:
        # Eight bits, so that a last-bit difference between machines does not change everything.
        pixels = (image * 255).round().to(torch.uint8).cpu().numpy()
        digest = hashlib.sha256(pixels.tobytes() + str(pixels.shape).encode()).digest()
        seed = [entry.options["seed"], int.from_bytes(digest[:8], "little")]
        generator = np.random.Generator(np.random.PCG64(seed))
        _, height, width = image.shape
        shape = (entry.channels, height // entry.stride, width // entry.stride)
        return torch.from_numpy(generator.standard_normal(shape, dtype=np.float32))

    def tokens(images: Tensor, view_positions: Tensor) -> Tensor:
        return torch.stack([noise(image) for image in images]).to(images.device)

    return tokens
