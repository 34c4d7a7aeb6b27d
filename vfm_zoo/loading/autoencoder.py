"""`Autoencoder`: what every loaded autoencoder is, whatever network is inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vfm_zoo.autoencoders.entry import AutoencoderEntry
from vfm_zoo.errors import ZooError

# Log-variances are kept within these bounds, as all KL autoencoders of latent diffusion do.
LOG_VARIANCE = (-30.0, 20.0)


@dataclass(frozen=True)
class Halves:
    """What the loader of an autoencoder returns.

    Attributes
    ----------
    encoder
        Images in the card's input range to ``channels`` maps, or to twice as many where the card says `posterior`:
        first all means, then all log-variances.
    decoder
        Latents to images in the card's output range.
    """

    encoder: nn.Module
    decoder: nn.Module


class Latent(NamedTuple):
    """What images are encoded to.

    Attributes
    ----------
    mean
        The latent: the mode of the posterior where there is one.
    log_variance
        Of the posterior; None for a deterministic autoencoder.
    """

    mean: Float[Tensor, "batch channel row column"]
    log_variance: Float[Tensor, "batch channel row column"] | None


class Autoencoder(nn.Module):
    """From images in [0, 1] to latents and back; differentiable, in evaluation mode, held to its card.

    Parameters need no gradients at first: `nn.Module.requires_grad_` of ``encoder`` or ``decoder`` lets a half learn.
    """

    def __init__(self, entry: AutoencoderEntry, halves: Halves):
        super().__init__()
        self.entry = entry
        self.encoder = halves.encoder
        self.decoder = halves.decoder
        self.eval().requires_grad_(False)

    def encode(self, images: Float[Tensor, "batch 3 height width"]) -> Latent:
        """Latents of images in [0, 1].

        Raises
        ------
        ValueError
            For images of another shape, or whose sides are no multiples of the card's ``downscale``.
        ZooError
            If the network gives another shape than its card says, or something that is not finite.
        """
        entry = self.entry
        if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
            raise ValueError(
                f"images: expected floats [batch 3 height width], got {images.dtype} {tuple(images.shape)}"
            )
        batch, _, height, width = images.shape
        step = entry.downscale
        if height < step or width < step or height % step or width % step:
            raise ValueError(
                f"images: '{entry.name}' takes sides that are multiples of {step}, got {width} x {height}; crop them"
            )
        low, high = entry.input_range
        maps = self.encoder(images * (high - low) + low)
        self._check(maps, (batch, entry.channels * (2 if entry.posterior else 1), height // step, width // step))
        if not entry.posterior:
            return Latent(maps, None)
        mean, log_variance = maps.chunk(2, dim=1)
        return Latent(mean, log_variance.clamp(*LOG_VARIANCE))

    def decode(self, latents: Float[Tensor, "batch channel row column"]) -> Float[Tensor, "batch 3 height width"]:
        """Images of latents: 0 is black and 1 is white, not clamped.

        Raises
        ------
        ValueError
            For latents of another shape.
        ZooError
            As in `encode`.
        """
        entry = self.entry
        if latents.ndim != 4 or latents.shape[1] != entry.channels:
            raise ValueError(f"latents: expected [batch {entry.channels} row column], got {tuple(latents.shape)}")
        batch, _, rows, columns = latents.shape
        images = self.decoder(latents)
        self._check(images, (batch, 3, rows * entry.downscale, columns * entry.downscale))
        low, high = entry.output_range
        return (images - low) / (high - low)

    def _check(self, maps: Tensor, expected: tuple[int, ...]) -> None:
        if tuple(maps.shape) != expected:
            raise ZooError(
                f"autoencoder '{self.entry.name}': gave maps of shape {tuple(maps.shape)} where its card says "
                f"{expected}; mend its channels or downscale"
            )
        if not torch.isfinite(maps.detach()).all():
            raise ZooError(
                f"autoencoder '{self.entry.name}': gave values that are not finite; run it in a higher precision"
            )
