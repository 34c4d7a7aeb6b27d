"""Every number of the method, in one place: `strict` and `lite` as frozen values.

A difference between protocols is a value here, never an ``if protocol == ...`` in the code. "Q" numbers name the
quirks of the published code that a value mends or keeps. Sections are those of Feat2GS (CVPR 2025,
arXiv 2412.09606) and its public code. The digest of these values is part of every key, so a changed number never
reuses an old result.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from benchmark.errors import InputError


@dataclass(frozen=True)
class Images:
    """Sizes at which a scene is worked on.

    Attributes
    ----------
    long_side
        Long side in pixels of the images that are fitted and judged; one Gaussian a pixel. Never enlarged.
    feature_long_side
        Long side at which extractors see the images; rounded per axis to what a model takes (Q7, Q12).
    train_views
        At most this many of the scene's train candidates; None takes all.
    train_angle
        Of these, each looks within so many degrees of the direction of another where there is a choice: beyond it
        photographs show different sides of things (`benchmark.reconstruction.train_views`).
    """

    long_side: int
    feature_long_side: int
    train_views: int | None
    train_angle: float = 25.0


@dataclass(frozen=True)
class Stereo:
    """Depth without learned weights, for scenes that have cameras but no true depth.

    Attributes
    ----------
    planes
        Hypotheses of inverse depth between the nearest and farthest sparse point (with a margin).
    patch
        Side in pixels of the window of the normalised cross-correlation.
    smooth_small, smooth_large
        Penalties of semi-global aggregation for a step of one plane, and for a larger one.
    sources
        A view is compared with at most this many others, the nearest.
    agreement
        Relative difference up to which the dense depth is believed against the interpolated sparse depth.
    consistency
        Relative difference of depth up to which another view confirms a pixel's dense depth, whatever the sparse says.
    """

    planes: int = 96
    patch: int = 5
    smooth_small: float = 0.1
    smooth_large: float = 0.6
    sources: int = 4
    agreement: float = 0.30
    consistency: float = 0.02


@dataclass(frozen=True)
class Reconstruct:
    """From photographs to cameras, points and masks.

    Attributes
    ----------
    world_radius
        The world is scaled so that the median distance from a camera to its points is this, before anything is
        fitted: losses and rates then mean the same in every scene.
    mask_tolerance
        A test pixel counts if some train view sees the same point: relative difference of depth up to this.
    """

    world_radius: float = 1.0
    mask_tolerance: float = 0.02
    stereo: Stereo = field(default_factory=Stereo)


@dataclass(frozen=True)
class Reduce:
    """Scene-level PCA of the train views' tokens (section 3.2 of the paper's supplement).

    Attributes
    ----------
    components
        Channels that are kept; features with fewer keep all they have.
    scaling
        ``global``: one factor so that the mean variance of a channel is 1; ``none``: as published (Q6).
    """

    components: int
    scaling: Literal["global", "none"]


@dataclass(frozen=True)
class Readout:
    """One MLP per attribute: Linear, ReLU, Linear (section 3.3).

    Attributes
    ----------
    width
        Hidden units; None takes the number of input channels, as published (Q2).
    """

    width: int | None


@dataclass(frozen=True)
class Rates:
    """Adam's learning rates, the same for a head's weights and for the free attribute it stands for."""

    means: float
    sh_dc: float
    sh_rest: float
    opacity_logits: float
    log_scales: float
    quaternions: float
    poses: float

    def times(self, factor: float) -> Rates:
        """Every rate but that of the poses multiplied by ``factor``."""
        return Rates(**{k: v * factor if k != "poses" else v for k, v in asdict(self).items()})


@dataclass(frozen=True)
class WarmStart:
    """Regression of the read-out attributes onto their start values, without rendering.

    Attributes
    ----------
    one_view
        Whether a step regresses the pixels of one train view, in turn, or those of all (as published).
    rate, final_rate
        Log-linear from the first to the second.
    """

    steps: int
    one_view: bool
    rate: float
    final_rate: float


@dataclass(frozen=True)
class JointFit:
    """Photometric fit through the rasteriser.

    Attributes
    ----------
    means_decay
        Factor by which the rate of the means has fallen at the last step (log-linear).
    refine_poses
        Whether the train cameras move; the first is fixed (Q17).
    """

    steps: int
    rates: Rates
    means_decay: float
    ssim_weight: float
    refine_poses: bool
    pose_rate_final: float = 1e-6
    pose_decay_steps: int = 1000


@dataclass(frozen=True)
class TestPoses:
    """Pose-only fit of the test views, all in one batch; 0 steps where the cameras are exact."""

    __test__ = False  # the name is no pytest class

    steps: int
    rate_translation: float
    rate_rotation: float


@dataclass(frozen=True)
class Evaluate:
    """How a fitted scene is judged.

    Attributes
    ----------
    masked
        True: mean over the pixels of the mask; False: masked images, mean over the frame (Q3).
    align
        How fitted points are brought to the true ones before they are compared: ``none`` (cameras are exact) or
        ``similarity`` (Umeyama over one-to-one pixels).
    """

    masked: bool
    align: Literal["none", "similarity"]


@dataclass(frozen=True)
class Protocol:
    """One way to measure. ``version`` rises when code changes a number that no value here shows."""

    name: str
    version: int
    images: Images
    reconstruct: Reconstruct
    reduce: Reduce
    readout: Readout
    sh_degree: int
    initial_opacity: float
    warm_start: WarmStart
    joint: JointFit
    test_poses: TestPoses
    evaluate: Evaluate
    seeds: int
    description: str = ""

    def values(self) -> dict[str, Any]:
        """Nested plain values that decide numbers: all but the words."""
        values = asdict(self)
        for words in ("description", "seeds"):
            del values[words]
        return values


# Published rates (arguments of the public code): a tenth of 3DGS's.
PUBLISHED_RATES = Rates(
    means=1.6e-5, sh_dc=2.5e-4, sh_rest=1.25e-5, opacity_logits=5e-3, log_scales=5e-4, quaternions=1e-4, poses=1e-4
)

STRICT = Protocol(
    name="strict",
    version=1,
    description="The published method with its quirks mended: seeded, equal readout width, scaled PCA, masked means.",
    images=Images(long_side=512, feature_long_side=512, train_views=None),
    reconstruct=Reconstruct(),
    reduce=Reduce(components=256, scaling="global"),
    readout=Readout(width=256),
    sh_degree=3,
    initial_opacity=0.1,
    warm_start=WarmStart(steps=1000, one_view=False, rate=1e-2, final_rate=1e-4),
    joint=JointFit(steps=7000, rates=PUBLISHED_RATES, means_decay=0.341, ssim_weight=0.2, refine_poses=True),
    test_poses=TestPoses(steps=500, rate_translation=3e-4, rate_rotation=1e-4),
    evaluate=Evaluate(masked=True, align="similarity"),
    seeds=3,
)

LITE = replace(
    STRICT,
    name="lite",
    description="`strict` at a size that a laptop CPU finishes in under a minute a cell; cameras are taken as exact.",
    images=Images(long_side=128, feature_long_side=512, train_views=3),
    reduce=Reduce(components=64, scaling="global"),
    readout=Readout(width=64),
    sh_degree=0,
    warm_start=WarmStart(steps=500, one_view=True, rate=1e-2, final_rate=1e-4),
    joint=JointFit(steps=300, rates=PUBLISHED_RATES.times(10), means_decay=0.341, ssim_weight=0.2, refine_poses=False),
    test_poses=TestPoses(steps=0, rate_translation=0.0, rate_rotation=0.0),
    evaluate=Evaluate(masked=True, align="none"),
    seeds=3,
)

PROTOCOLS: dict[str, Protocol] = {protocol.name: protocol for protocol in (STRICT, LITE)}


def get_protocol(name: str) -> Protocol:
    """The protocol called ``name``; an unknown name answers with the nearest ones."""
    from benchmark.errors import nearest

    if name not in PROTOCOLS:
        raise InputError(f"protocol '{name}' is unknown{nearest(name, PROTOCOLS)}; see `splatbench list protocols`")
    return PROTOCOLS[name]
