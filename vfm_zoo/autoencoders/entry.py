"""`AutoencoderEntry`: all that is known of an autoencoder before it is loaded. Plain values, no torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from vfm_zoo.entry import Model


@dataclass(frozen=True)
class Scaling:
    """How a diffusion model that uses the autoencoder sees its latents: ``(latent - shift) * factor``.

    Nothing here is applied by this project, which scales latents scene by scene; it is part of the card.

    Attributes
    ----------
    source
        Where this was read.
    """

    factor: float = 1.0
    shift: float = 0.0
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class AutoencoderEntry(Model):
    """One variant of an autoencoder, as data.

    The loader returns `vfm_zoo.loading.autoencoder.Halves`: an encoder and a decoder, each a `torch.nn.Module`.

    Attributes
    ----------
    downscale
        Pixels of the image a latent pixel, along either side.
    posterior
        Whether the encoder gives mean and log-variance of a diagonal Gaussian (``2 * channels`` maps) or the latent.
    input_range, output_range
        What the encoder's images, and the decoder's, take for black and for white.
    scaling
        See `Scaling`.
    encoder_tail, decoder_tail
        Layer of the half's sequence from which it learns where it is taught; what lies before is fixed, and may look at
        the whole image. What lies behind in the decoder looks at a few latents around a pixel, so that it can be taught
        on crops. 0: all of it learns, on whole images.
    """

    downscale: int
    posterior: bool
    encoder_tail: int = 0
    decoder_tail: int = 0
    input_range: tuple[float, float] = (0.0, 1.0)
    output_range: tuple[float, float] = (0.0, 1.0)
    scaling: Scaling = Scaling()

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(self.downscale >= 1, "downscale", "at least 1")
        for name in ("input_range", "output_range"):
            low, high = getattr(self, name)
            self._require(low < high, name, "a pair (black, white) with black below white")

    def decisive(self) -> dict[str, Any]:
        """As `Model.decisive`, with sizes and ranges."""
        ranges = {"input_range": list(self.input_range), "output_range": list(self.output_range)}
        return {**super().decisive(), "downscale": self.downscale, "posterior": self.posterior, **ranges}

    def untaught(self) -> AutoencoderEntry:
        """The same card with weights drawn from a seed, and a small network where the card says how."""
        if self.weights is None:
            return self
        options = {**self.options, "seed": 0}
        if self.short:
            options["network"] = {**options.get("network", {}), **self.short}
        return replace(self, weights=None, options=options)
