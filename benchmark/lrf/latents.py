"""Latents of a scene: encoded once, and brought to [0, 1] channel by channel for the fit (section 1 of the notes)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor
from torch.nn import functional

from benchmark.errors import CellError, InputError
from vfm_zoo.errors import ZooError
from vfm_zoo.loading.autoencoder import Autoencoder

# Rises when code changes latents that no setting shows.
LATENTS_VERSION = 1


@dataclass(frozen=True)
class Latents:
    """Encoded train and test views of a scene, as the encoder gave them: the mode of the posterior."""

    train: Float[Tensor, "view channel row column"]
    test: Float[Tensor, "test channel row column"]


@dataclass(frozen=True)
class Range:
    """Per channel, the least and the largest value of the train latents; a constant channel becomes 0 and comes back.

    Attributes
    ----------
    deviation
        Standard deviation of the train latents, at least a tiny number: the unit in which distances are told.
    constant
        Channels that carry nothing.
    """

    low: Float[Tensor, "channel"]
    span: Float[Tensor, "channel"]
    deviation: Float[Tensor, "channel"]
    constant: tuple[int, ...]

    @classmethod
    def of(cls, latents: Float[Tensor, "view channel row column"]) -> Range:
        """Of the train views."""
        low, high = latents.amin(dim=(0, 2, 3)), latents.amax(dim=(0, 2, 3))
        span = high - low
        # Rounding of a constant is no signal.
        flat = span <= 1e-6 * torch.maximum(low.abs(), high.abs()).clamp_min(1e-6)
        deviation = latents.std(dim=(0, 2, 3), correction=0)
        return cls(
            low,
            torch.where(flat, torch.ones_like(span), span),
            torch.where(flat, torch.ones_like(span), deviation),
            tuple(flat.nonzero().flatten().tolist()),
        )

    def normalise(self, latents: Float[Tensor, "view channel row column"]) -> Float[Tensor, "view row column channel"]:
        """To [0, 1], channels last, as the fit wants them."""
        return ((latents.movedim(1, -1) - self.low) / self.span).contiguous()

    def restore(self, values: Float[Tensor, "view row column channel"]) -> Float[Tensor, "view channel row column"]:
        """The inverse, as the decoder wants them."""
        return (values * self.span + self.low).movedim(-1, 1).contiguous()


@torch.no_grad()
def encode(autoencoder: Autoencoder, images: Float[Tensor, "view 3 height width"], device: str) -> Tensor:
    """Latents of images, one at a time, on the CPU."""
    return torch.cat([autoencoder.encode(image[None].to(device)).mean.float().cpu() for image in images])


@torch.no_grad()
def decode(autoencoder: Autoencoder, latents: Float[Tensor, "view channel row column"], device: str) -> Tensor:
    """Images in [0, 1] of latents, one at a time, on the CPU.

    Raises
    ------
    CellError
        If the decoder gives something that is not finite.
    """
    try:
        return torch.cat([autoencoder.decode(one[None].to(device)).float().cpu().clamp(0, 1) for one in latents])
    except ZooError as error:
        raise CellError(f"decoding rendered latents: {error}") from None


def sample(
    latents: Float[Tensor, "channel row column"], places: Float[Tensor, "place 2"]
) -> Float[Tensor, "place channel"]:
    """Bilinear samples at x and y in latent pixels, whose centres are at halves; outside, the border is repeated."""
    rows, columns = latents.shape[1:]
    grid = places / places.new_tensor([columns, rows]) * 2 - 1
    sampled = functional.grid_sample(latents[None], grid[None, :, None], align_corners=False, padding_mode="border")
    return sampled[0, :, :, 0].T


def save_latents(folder: Path, latents: Latents) -> None:
    """Write into an empty folder."""
    tensors = {"train": latents.train.contiguous(), "test": latents.test.contiguous()}
    (folder / "latents.safetensors").write_bytes(save(tensors))


def load_latents(folder: Path) -> Latents:
    """Read what `save_latents` wrote; `InputError` names the folder if the file is damaged."""
    try:
        return Latents(**load_file(folder / "latents.safetensors"))
    except (OSError, TypeError, SafetensorError) as error:
        raise InputError(
            f"{folder}: damaged latents ({type(error).__name__}); remove this folder, they are then made again"
        ) from None
