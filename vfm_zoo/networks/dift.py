"""Features of Stable Diffusion 2.1's denoiser, by diffusers.

References
----------
Tang et al., Emergent Correspondence from Image Diffusion, NeurIPS 2023, arXiv 2306.03881, section 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from jaxtyping import Float
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from vfm_zoo.entry import Entry
from vfm_zoo.loading.build import filled, untaught
from vfm_zoo.loading.files import weights_files
from vfm_zoo.loading.tensors import read_tensors

# Of the released model: its factor of the latent space and its schedule of noise.
LATENT_SCALE = 0.18215
STEPS, FIRST_BETA, LAST_BETA = 1000, 0.00085, 0.012
# The empty caption: begin, end, and the padding of its tokeniser.
EMPTY_CAPTION = [49406, 49407] + [0] * 75

DENOISER = {
    "sample_size": 96,
    "block_out_channels": (320, 640, 1280, 1280),
    "attention_head_dim": [5, 10, 20, 20],
    "cross_attention_dim": 1024,
    "use_linear_projection": True,
}
AUTOENCODER = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "latent_channels": 4,
    "sample_size": 768,
}
CAPTION = {
    "vocab_size": 49408,
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 23,
    "num_attention_heads": 16,
    "hidden_act": "gelu",
    "projection_dim": 512,
}
# A network of the same interface that is small enough to be tried untaught.
SMALL: dict[str, dict[str, Any]] = {
    "denoiser": {
        "block_out_channels": (32, 32, 1280, 64),
        "attention_head_dim": [1, 1, 20, 1],
        "layers_per_block": 1,
        "down_block_types": ("DownBlock2D",) * 4,
        "up_block_types": ("UpBlock2D",) * 4,
    },
    "autoencoder": {"block_out_channels": (32, 32, 32, 32), "layers_per_block": 1},
    "caption": {"intermediate_size": 64, "num_hidden_layers": 1, "vocab_size": 49408},
}
FULL: dict[str, dict[str, Any]] = {part: {} for part in SMALL}


class Found(Exception):
    """Ends the denoiser once what is wanted of it is there."""


class DiftTokens(nn.Module):
    """From images in [-1, 1] to the output of a block of the denoiser's way up."""

    def __init__(
        self, denoiser: nn.Module, autoencoder: nn.Module, caption: Tensor, timestep: int, up_block: int, seed: int
    ):
        super().__init__()
        self.denoiser: Any = denoiser
        self.autoencoder: Any = autoencoder
        self.empty: Tensor
        self.register_buffer("empty", caption)
        self.timestep = timestep
        self.up_block = up_block
        self.seed = seed
        betas = torch.linspace(FIRST_BETA**0.5, LAST_BETA**0.5, STEPS, dtype=torch.float64).square()
        self.kept = float((1 - betas).cumprod(0)[timestep])

    def forward(
        self, images: Float[Tensor, "batch 3 height width"], view_positions: Float[Tensor, "batch"]
    ) -> Float[Tensor, "batch channel row column"]:
        """Features of images, a token of 16 pixels; every image gets the same noise."""
        latents = self.autoencoder.encode(images).latent_dist.mode() * LATENT_SCALE
        generator = np.random.Generator(np.random.PCG64(self.seed))
        noise = torch.from_numpy(generator.standard_normal(tuple(latents.shape[1:]), dtype=np.float32))
        noisy = self.kept**0.5 * latents + (1 - self.kept) ** 0.5 * noise.to(latents)
        return self._seen(noisy)

    def _seen(self, noisy: Tensor) -> Tensor:
        kept: list[Tensor] = []

        def keep(module: nn.Module, given: object, output: Tensor) -> None:
            kept.append(output)
            raise Found

        hook = self.denoiser.up_blocks[self.up_block].register_forward_hook(keep)
        try:
            self.denoiser(noisy, self.timestep, encoder_hidden_states=self.empty.expand(len(noisy), -1, -1))
        except Found:
            pass
        finally:
            hook.remove()
        return kept[0]


def dift_tokens(entry: Entry) -> nn.Module:
    """The denoiser, the encoder of its latent space, and the empty caption, which needs the text model only once."""
    changes = SMALL if entry.weights is None else FULL
    denoiser, autoencoder, caption_model = _parts(
        entry,
        [
            (lambda: UNet2DConditionModel(**{**DENOISER, **changes["denoiser"]}), "meta"),
            (lambda: AutoencoderKL(**{**AUTOENCODER, **changes["autoencoder"]}), "meta"),
            (lambda: CLIPTextModel(CLIPTextConfig(**{**CAPTION, **changes["caption"]})), "cpu"),
        ],
    )
    with torch.no_grad():
        caption = caption_model(torch.tensor([EMPTY_CAPTION])).last_hidden_state
    options = entry.options
    return DiftTokens(denoiser, autoencoder, caption, options["timestep"], options["up_block"], options["noise_seed"])


def _parts(entry: Entry, makers: list[tuple[Callable[[], Any], str]]) -> list[Any]:
    if entry.weights is None:
        return [untaught(make, int(entry.options["seed"]), built_on) for make, built_on in makers]
    return [
        filled(make, read_tensors(path), str(path), built_on)
        for (make, built_on), path in zip(makers, weights_files(entry), strict=True)
    ]
