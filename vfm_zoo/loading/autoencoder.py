"""`Autoencoder`: what every loaded autoencoder is, whatever network is inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

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
        step = self.entry.downscale
        latent = self.encode_tail(self.encode_head(images))
        self._check(latent.mean, (len(images), self.entry.channels, *(side // step for side in images.shape[2:])))
        return latent

    def decode(self, latents: Float[Tensor, "batch channel row column"]) -> Float[Tensor, "batch 3 height width"]:
        """Images of latents: 0 is black and 1 is white, not clamped.

        Raises
        ------
        ValueError
            For latents of another shape.
        ZooError
            As in `encode`.
        """
        images = self.decode_tail(self.decode_head(latents))
        self._check(images, (len(latents), 3, *(side * self.entry.downscale for side in latents.shape[2:])))
        return images

    def encode_head(self, images: Float[Tensor, "batch 3 height width"]) -> Tensor:
        """What the part of the encoder that never learns makes of images; the images themselves where all learns."""
        entry, step = self.entry, self.entry.downscale
        if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
            raise ValueError(
                f"images: expected floats [batch 3 height width], got {images.dtype} {tuple(images.shape)}"
            )
        height, width = images.shape[2:]
        if height < step or width < step or height % step or width % step:
            raise ValueError(
                f"images: '{entry.name}' takes sides that are multiples of {step}, got {width} x {height}; crop them"
            )
        low, high = entry.input_range
        return _part(self.encoder, 0, entry.encoder_tail)(images * (high - low) + low)

    def encode_tail(self, seen: Tensor) -> Latent:
        """Latents of what `encode_head` gave."""
        maps = _part(self.encoder, self.entry.encoder_tail, None)(seen)
        if not self.entry.posterior:
            return Latent(maps, None)
        mean, log_variance = maps.chunk(2, dim=1)
        return Latent(mean, log_variance.clamp(*LOG_VARIANCE))

    def decode_head(self, latents: Float[Tensor, "batch channel row column"]) -> Tensor:
        """What the part of the decoder that never learns makes of latents; the latents themselves where all learns."""
        if latents.ndim != 4 or latents.shape[1] != self.entry.channels:
            raise ValueError(f"latents: expected [batch {self.entry.channels} row column], got {tuple(latents.shape)}")
        return _part(self.decoder, 0, self.entry.decoder_tail)(latents)

    def decode_tail(self, seen: Tensor) -> Float[Tensor, "batch 3 height width"]:
        """Images of what `decode_head` gave, or of a crop of it."""
        low, high = self.entry.output_range
        return (_part(self.decoder, self.entry.decoder_tail, None)(seen) - low) / (high - low)

    def learning(self, half: Literal["encoder", "decoder"]) -> dict[str, nn.Parameter]:
        """Parameters of a half's tail by name."""
        network, tail = (
            (self.encoder, self.entry.encoder_tail) if half == "encoder" else (self.decoder, self.entry.decoder_tail)
        )
        learning = {id(value) for value in _part(network, tail, None).parameters()}
        return {f"{half}.{name}": value for name, value in network.named_parameters() if id(value) in learning}

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


def _part(half: nn.Module, start: int, end: int | None) -> nn.Module:
    """Layers of a half; a half that is no sequence is one layer."""
    if start == 0 and end is None:
        return half
    if end == 0:
        return nn.Identity()
    if not isinstance(half, nn.Sequential):
        raise TypeError(f"a half that learns in part must be a Sequential, got {type(half).__name__}")
    return half[start:end]
