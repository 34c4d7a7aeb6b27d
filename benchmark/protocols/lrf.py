"""The second track's `paper`, `strict`, `lite` and their variations.

Stages and sections are those of Latent Radiance Fields (ICLR 2025, arXiv 2502.09613); where the paper is silent the
values are those of its public code (Stage II), or, for Stages I and III, which were never released, our own choice.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from benchmark.errors import InputError, nearest
from benchmark.protocols.scenes import Images, Reconstruct


@dataclass(frozen=True)
class LatentStart:
    """First Gaussians, drawn from the points of the reconstruction.

    Attributes
    ----------
    density
        Gaussians a latent pixel of a train view; never more than there are points.
    points_long_side
        Long side at which the points are found: one a pixel of the train views.
    """

    density: float
    points_long_side: int = 128
    opacity: float = 0.1


@dataclass(frozen=True)
class FieldRates:
    """Adam's learning rates of a field of Gaussians; that of the means decays log-linearly to ``means_final``."""

    means: float = 1.6e-4
    means_final: float = 1.6e-6
    sh_dc: float = 2.5e-3
    sh_rest: float = 1.25e-4
    opacity_logits: float = 0.05
    log_scales: float = 5e-3
    quaternions: float = 1e-3

    def times(self, factor: float) -> FieldRates:
        """Every rate multiplied by ``factor``."""
        return FieldRates(**{name: value * factor for name, value in asdict(self).items()})


@dataclass(frozen=True)
class Densify:
    """When and where Gaussians are added and removed, as `benchmark.splatting.densification` has it."""

    start: int = 500
    stop: int = 15_000
    every: int = 100
    gradient_threshold: float = 0.0002
    split_scale: float = 0.01
    prune_opacity: float = 0.005
    prune_scale: float = 0.1
    reset_every: int = 3000
    reset_opacity: float = 0.01


@dataclass(frozen=True)
class FieldFit:
    """Stage II: Gaussians whose colours are latents, one train view a step.

    Attributes
    ----------
    rate_by_extent
        Whether the rate of the means is multiplied by 1.1 times the largest distance of a train camera from their mean,
        as published; the number means little where the world has a standard size.
    sh_degree, sh_every
        Degree of the spherical harmonics at the end, and after how many steps one more band takes part.
    background
        What lies behind everything: ``black`` (of normalised latents: the least value of every channel, as published) or
        ``mean`` (of the train pixels).
    densify
        None keeps the Gaussians of the start.
    """

    steps: int
    rates: FieldRates = field(default_factory=FieldRates)
    rate_by_extent: bool = False
    ssim_weight: float = 0.2
    sh_degree: int = 3
    sh_every: int = 1000
    background: Literal["black", "mean"] = "black"
    densify: Densify | None = field(default_factory=Densify)


@dataclass(frozen=True)
class LatentField:
    """The baseline Latent-NeRF: feature grids and a small network in contracted space, without Gaussians.

    Attributes
    ----------
    resolutions
        Sides of the cubes of features; the finest decides how fine the field is.
    features, width
        Of each cube, and hidden units of the network.
    rays, samples
        A step: rays of one train view, and points along each.
    near, far
        Depths between which points lie, as quantiles of the reconstruction's depths times a margin.
    """

    steps: int
    rays: int
    samples: int
    resolutions: tuple[int, ...] = (16, 32, 64)
    features: int = 8
    width: int = 64
    rate: float = 1e-2
    final_rate: float = 1e-3
    near: tuple[float, float] = (0.01, 0.7)
    far: tuple[float, float] = (0.99, 1.4)


@dataclass(frozen=True)
class Matches:
    """Pairs of pixels of two photographs that show the same point.

    Attributes
    ----------
    sigma
        Of the weight ``exp(-e / sigma)``; ``e`` is the symmetric epipolar distance in latent pixels.
    largest_error
        Matches farther than this from each other's epipolar lines, in latent pixels, are left out before they are
        weighed.
    fewest
        Pairs of views with fewer matches are not used.
    geometry
        Whose epipolar lines: ``cameras``, of the known cameras, along which features are also compared; ``estimated``,
        of each pair by RANSAC from features compared with all others, as COLMAP verifies matches.
    """

    sigma: float = 1.0
    largest_error: float = 1.0
    fewest: int = 16
    geometry: Literal["cameras", "estimated"] = "cameras"

    def values(self) -> dict[str, Any]:
        """Plain values; ``geometry`` where it says something, so that what was computed before it existed keeps its key."""
        values = asdict(self)
        if self.geometry == "cameras":
            del values["geometry"]
        return values


@dataclass(frozen=True)
class AlignEncoder:
    """Stage I: latents of corresponding pixels agree.

    Attributes
    ----------
    correspondence
        ``lambda_1``, weight of the distance at matches.
    drift
        ``lambda_2``, weight of the distance to the original posterior: KL divergence, or half the square distance in
        units of the original latents' deviation for a deterministic autoencoder.
    prior
        Weight of the KL divergence to the unit Gaussian, where there is a posterior.
    unit
        In what the distance at matches is measured: ``raw`` as printed; ``deviation``: of each channel over the training
        scenes before training; ``current``: of the two images' latents as they are, so that shrinking them gains nothing.
    joint
        Whether the decoder learns with the encoder, as the variational bound implies.
    round_steps, patience
        After each round the loss on held-out training scenes is looked at; training stops after so many rounds without
        a better one, and the best is kept.
    held_out
        One training scene in so many is held out, at least one; with fewer than three scenes one pair of views in so
        many is instead.
    """

    steps: int
    rate: float
    correspondence: float = 0.1
    drift: float = 0.1
    prior: float = 1e-6
    unit: Literal["raw", "deviation", "current"] = "raw"
    joint: bool = False
    round_steps: int = 50
    patience: int = 3
    held_out: int = 4


@dataclass(frozen=True)
class AlignDecoder:
    """Stage III: the decoder learns to decode what fields render of training scenes.

    Attributes
    ----------
    train, novel
        Weights of rendered train views and of rendered held-out views of the same training scenes.
    plain
        Weight of plain encodings, rehearsed so that plain reconstruction is not forgotten.
    crop, margin
        Where the card of the autoencoder says that its decoder can learn on crops: their side, and how much of their
        border does not count, in latents. None takes whole images.
    round_steps, patience, held_out
        As in `AlignEncoder`; with fewer than three scenes one view in so many is held out.
    """

    steps: int
    rate: float
    train: float = 1.0
    novel: float = 1.0
    plain: float = 0.0
    crop: int | None = 24
    margin: int = 4
    round_steps: int = 50
    patience: int = 3
    held_out: int = 4


@dataclass(frozen=True)
class ImageFit:
    """Baselines in image space: photographs reduced like latents are fitted, and rendered at the full size.

    Attributes
    ----------
    downscale
        By which the photographs are reduced.
    """

    fit: FieldFit
    downscale: int = 8


@dataclass(frozen=True)
class LatentProtocol:
    """One way to measure. ``version`` rises when code changes a number that no value here shows."""

    name: str
    version: int
    images: Images
    reconstruct: Reconstruct
    start: LatentStart
    fit: FieldFit
    image: ImageFit
    latent_nerf: LatentField
    matches: Matches
    align_encoder: AlignEncoder
    align_decoder: AlignDecoder
    seeds: int
    description: str = ""

    def values(self) -> dict[str, Any]:
        """Nested plain values that decide numbers: all but the words."""
        values = asdict(self) | {"matches": self.matches.values()}
        for words in ("description", "seeds"):
            del values[words]
        return values


PAPER = LatentProtocol(
    name="paper",
    version=1,
    description="The published code's Stage II: black background, the scene's own unit of length.",
    # The photographs at an eighth of their size (`images_8`) have a long side of about 504; all train views.
    images=Images(long_side=512, feature_long_side=512, train_views=None),
    reconstruct=Reconstruct(world_radius=None),
    start=LatentStart(density=1.0),
    fit=FieldFit(steps=30_000, rate_by_extent=True),
    image=ImageFit(FieldFit(steps=30_000, rate_by_extent=True)),
    latent_nerf=LatentField(steps=30_000, rays=1024, samples=96, resolutions=(16, 32, 64, 128)),
    matches=Matches(geometry="estimated"),
    align_encoder=AlignEncoder(steps=20_000, rate=1e-5, round_steps=500),
    align_decoder=AlignDecoder(steps=20_000, rate=1e-5, round_steps=500),
    seeds=1,
)

STRICT = replace(
    PAPER,
    name="strict",
    description="The published method with a standard world, a neutral background and several seeds.",
    reconstruct=Reconstruct(),
    fit=replace(PAPER.fit, rate_by_extent=False, background="mean"),
    image=ImageFit(replace(PAPER.image.fit, rate_by_extent=False)),
    align_encoder=replace(PAPER.align_encoder, unit="deviation"),
    align_decoder=replace(PAPER.align_decoder, plain=0.5),
    seeds=3,
    # Cameras are given: they say more of a pair than RANSAC does.
    matches=Matches(),
)

LITE = replace(
    STRICT,
    name="lite",
    description="`strict` at a size that a laptop CPU finishes in under a minute a scene.",
    start=LatentStart(density=0.2),
    fit=FieldFit(
        steps=400, rates=FieldRates(means_final=1.6e-5).times(4), sh_degree=0, background="mean", densify=None
    ),
    image=ImageFit(FieldFit(steps=700, rates=FieldRates(means_final=1.6e-5), sh_degree=0, densify=None)),
    latent_nerf=LatentField(steps=400, rays=512, samples=40),
    align_encoder=AlignEncoder(steps=300, rate=1e-4, correspondence=0.05, drift=0.0, unit="deviation"),
    align_decoder=AlignDecoder(steps=600, rate=1e-3, plain=0.5),
    seeds=3,
)


def _three_views(protocol: LatentProtocol) -> LatentProtocol:
    """Table 2: three train views; a Gaussian a latent pixel, since there are few pixels."""
    return replace(
        protocol,
        name=f"{protocol.name}_3_views",
        description=f"`{protocol.name}` with three train views.",
        images=replace(protocol.images, train_views=3),
        start=replace(protocol.start, density=1.0),
    )


LATENT_PROTOCOLS: dict[str, LatentProtocol] = {
    protocol.name: protocol
    for protocol in (PAPER, STRICT, LITE, *(_three_views(base) for base in (PAPER, STRICT, LITE)))
}


def get_latent_protocol(name: str) -> LatentProtocol:
    """The protocol of the second track called ``name``; an unknown name answers with the nearest ones."""
    if name not in LATENT_PROTOCOLS:
        raise InputError(
            f"protocol '{name}' is unknown to the track 'lrf'{nearest(name, LATENT_PROTOCOLS)}; "
            "see `splatbench list protocols`"
        )
    return LATENT_PROTOCOLS[name]
