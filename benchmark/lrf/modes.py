"""What a cell of the second track does: the rows of the paper's tables 1 and 3 as data. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Mode:
    """One configuration on an autoencoder.

    Attributes
    ----------
    field
        ``gaussians`` with latent colours; ``joint``, with colours and latents on the same Gaussians; ``nerf``.
    encoder, decoder
        Whether Stage I, and Stage III, precede it.
    """

    title: str
    field: Literal["gaussians", "joint", "nerf"] = "gaussians"
    encoder: bool = False
    decoder: bool = False

    @property
    def learns(self) -> bool:
        """Whether other scenes teach the autoencoder first."""
        return self.encoder or self.decoder


@dataclass(frozen=True)
class ImageBaseline:
    """One configuration without an autoencoder: the photographs at the resolution of the latents.

    Attributes
    ----------
    field
        Whether Gaussians are fitted and rendered at the full size, or the true test photograph is just enlarged.
    filtered
        The 3-D smoothing filter and the 2-D Mip filter of Mip-Splatting.
    """

    title: str
    field: bool = True
    filtered: bool = False


MODES: dict[str, Mode] = {
    "3dgs_vae": Mode("latent field on the autoencoder as it is"),
    "lrf_encoder": Mode("the same after Stage I", encoder=True),
    "lrf_decoder": Mode("the same, decoded after Stage III", decoder=True),
    "3dgs_lrf": Mode("all three stages", encoder=True, decoder=True),
    "feature_gs": Mode("colours and latents on the same Gaussians", field="joint"),
    "latent_nerf": Mode("feature grids and a network instead of Gaussians", field="nerf"),
}
# What `splatbench run --track lrf` does unless told: the probe that needs no fine-tuning.
PROBE = "3dgs_vae"
ABLATION = ("3dgs_vae", "lrf_encoder", "lrf_decoder", "3dgs_lrf")

# Entries that are no autoencoder; their mode is `FREE`, and pages show them as reference rows.
FREE = "free"
IMAGE_BASELINES: dict[str, ImageBaseline] = {
    "3dgs_8": ImageBaseline("Gaussians fitted to photographs of an eighth of the size, rendered at the full size"),
    "mip_splatting_8": ImageBaseline("the same with the filters of Mip-Splatting", filtered=True),
    "bicubic_8": ImageBaseline("the true test photograph at an eighth of its size, enlarged: a reference", field=False),
}
