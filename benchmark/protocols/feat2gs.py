"""The first track's `paper`, `strict`, `lite` and their variations.

Sections are those of Feat2GS (CVPR 2025, arXiv 2412.09606) and its public code; "Q" numbers name the quirks of the
published code that a value mends or keeps.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from benchmark.errors import InputError, nearest
from benchmark.protocols.quirks import quirk
from benchmark.protocols.scenes import Alignment, Images, Pairs, Reconstruct, SparseAlignment, Stereo


@dataclass(frozen=True)
class Reduce:
    """Scene-level PCA of the train views' tokens (section 3.2 of the paper's supplement).

    Attributes
    ----------
    components
        Channels that are kept; features with fewer keep all they have.
    scaling
        ``global``: one factor so that the mean variance of a channel is 1; ``none``: as published.
    """

    components: int
    scaling: Literal["global", "none"] = quirk("Q6")


@dataclass(frozen=True)
class Upsample:
    """How the modes ``*_up`` bring reduced features from tokens to pixels, with the photograph as the guide.

    Joint bilateral upsampling (Kopf, Cohen, Lischinski, Uyttendaele, SIGGRAPH 2007): a mean of the tokens around,
    weighted by distance and by likeness of colour, so that features change where the photograph does. It has no
    weights; the paper's `+` rows use FeatUp's, whose kernels are learned.

    Attributes
    ----------
    pitch
        Side in fitted pixels of a token afterwards; what is between them is bilinear, as ever.
    window
        Side of the window in tokens as they were, at least 3 of the new ones.
    sigma_space
        Standard deviation of the weight over distance, in tokens as they were.
    sigma_color
        Standard deviation of the weight over the L1 distance of colours in [0, 1].
    """

    pitch: int = 4
    window: float = 2.0
    sigma_space: float = 0.5
    sigma_color: float = 0.2


@dataclass(frozen=True)
class Concatenate:
    """How several entries become one, ``a+b``: each reduced by itself, joined, reduced again (section 3.3).

    Attributes
    ----------
    normalise
        Of each reduced part, over all its numbers: ``range`` to [0, 1] as published, ``variance`` to one mean variance.
    ordered
        True: as published, the order given counts, and what follows a raw entry is not reduced by itself.
        False: parts are sorted by name, so every order is the same entry.
    """

    normalise: Literal["range", "variance"]
    ordered: bool = quirk("Q10")


@dataclass(frozen=True)
class Start:
    """First values of the Gaussians, and what the warm start regresses onto (section 4).

    Attributes
    ----------
    opacity
        In (0, 1).
    noise
        Standard deviation of Gaussian noise on the positions, in the unit of the fitted world; scales stay those of
        the points without it. 0 for novel views; for the geometry task 10 mm as published (section 6.5).
    """

    opacity: float = 0.1
    noise: float = 0.0


@dataclass(frozen=True)
class Readout:
    """One MLP per attribute: Linear, ReLU, Linear (section 3.3).

    Attributes
    ----------
    width
        Hidden units; None takes the number of input channels, as published.
    hidden_layers
        1 as published; more for the study of its capacity.
    """

    width: int | None = quirk("Q2")
    hidden_layers: int = 1


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
        Log-linear from the first to the second; also of the features where they are free (modes ``*_ft``), which the
        joint fit leaves as they are (section 3.4).
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
        Whether the train cameras move.
    anchored
        True: the first camera holds the world, and a camera that a step does not see stays. False: as published,
        absolute un-normalised quaternions and translations of all cameras in one tensor under one Adam.
    rate_by_extent
        Whether the rate of the means is multiplied by 1.1 times the largest distance of a train camera from their mean,
        as published; the number means little where the world has a standard size.
    scale_penalty
        Weight of the mean L1 distance of log-scales to their start, for raw entries alone (published: 0.1).
    update_last
        False: the last step computes its loss and changes nothing, as published.
    """

    steps: int
    rates: Rates
    means_decay: float
    ssim_weight: float
    refine_poses: bool
    anchored: bool = quirk("Q17", True)
    rate_by_extent: bool = False
    scale_penalty: float = 0.0
    update_last: bool = True
    pose_rate_final: float = 1e-6
    pose_decay_steps: int = 1000


@dataclass(frozen=True)
class TestPoses:
    """Pose-only fit of the test views, all in one batch; 0 steps where the cameras are exact.

    Attributes
    ----------
    absolute
        As `JointFit.anchored` False: absolute un-normalised quaternions and translations.
    late_record
        Whether the pose of the lowest loss is recorded after the step that the loss has led to, as published.
    """

    __test__ = False  # the name is no pytest class

    steps: int
    rate_translation: float
    rate_rotation: float
    absolute: bool = quirk("Q17", False)
    late_record: bool = False


@dataclass(frozen=True)
class Evaluate:
    """How a fitted scene is judged.

    Attributes
    ----------
    masked
        True: mean over the pixels of the mask; False: masked images, mean over the frame.
    align
        How fitted points are brought to the true ones before they are compared: ``none`` (cameras are exact) or
        ``similarity`` (Umeyama over one-to-one pixels).
    official
        Whether DTU's own evaluation is made too, where its files are there.
    eight_bit
        Whether pictures are rounded to 8 bits before they are compared, as files are.
    jpeg_masks
        Whether masks of JPEG photographs pass through a JPEG, and lose what is then not exactly white.
    """

    masked: bool = quirk("Q3")
    align: Literal["none", "similarity"]
    official: bool = False
    eight_bit: bool = False
    jpeg_masks: bool = quirk("Q3", False)


@dataclass(frozen=True)
class Protocol:
    """One way to measure. ``version`` rises when code changes a number that no value here shows.

    ``choice`` says whose layer, tokens and input statistics an entry takes where the paper and the model's authors
    differ (Q9). ``free`` is the fit of the baseline `instantsplat`, which reads nothing out.
    """

    name: str
    version: int
    choice: Literal["paper", "recommended"] = quirk("Q9")
    images: Images
    reconstruct: Reconstruct
    reduce: Reduce
    upsample: Upsample
    concatenate: Concatenate
    readout: Readout
    sh_degree: int
    start: Start
    warm_start: WarmStart
    joint: JointFit
    free: JointFit
    test_poses: TestPoses
    evaluate: Evaluate
    seeds: int = quirk("Q4")
    description: str = ""

    def values(self, reconstruction: str = "known") -> dict[str, Any]:
        """Nested plain values that decide numbers: all but the words and what other reconstructions read."""
        values = asdict(self) | {"reconstruct": self.reconstruct.values(reconstruction)}
        for words in ("description", "seeds"):
            del values[words]
        return values


# Published rates (arguments of the public code): a tenth of 3DGS's.
PUBLISHED_RATES = Rates(
    means=1.6e-5, sh_dc=2.5e-4, sh_rest=1.25e-5, opacity_logits=5e-3, log_scales=5e-4, quaternions=1e-4, poses=1e-4
)

STRICT_JOINT = JointFit(steps=7000, rates=PUBLISHED_RATES, means_decay=0.341, ssim_weight=0.2, refine_poses=True)

STRICT = Protocol(
    name="strict",
    version=1,
    choice="recommended",
    description="The published method with its quirks mended: seeded, equal readout width, scaled PCA, masked means.",
    images=Images(long_side=512, feature_long_side=512, train_views=None),
    reconstruct=Reconstruct(),
    reduce=Reduce(components=256, scaling="global"),
    upsample=Upsample(),
    concatenate=Concatenate(normalise="variance", ordered=False),
    readout=Readout(width=256),
    sh_degree=3,
    start=Start(),
    warm_start=WarmStart(steps=1000, one_view=False, rate=1e-2, final_rate=1e-4),
    joint=STRICT_JOINT,
    # Ten times the rates, as InstantSplat's code has it, which are those of 3DGS (Q15).
    free=replace(STRICT_JOINT, rates=PUBLISHED_RATES.times(10)),
    test_poses=TestPoses(steps=500, rate_translation=3e-4, rate_rotation=1e-4),
    evaluate=Evaluate(masked=True, align="similarity", official=True),
    seeds=3,
)

# So short a fit needs the rates of 3DGS itself, so InstantSplat's setting is the same.
LITE_JOINT = JointFit(
    steps=300, rates=PUBLISHED_RATES.times(10), means_decay=0.341, ssim_weight=0.2, refine_poses=False
)

LITE = replace(
    STRICT,
    name="lite",
    description="`strict` at a size that a laptop CPU finishes in under a minute a cell; cameras are taken as exact.",
    images=Images(long_side=128, feature_long_side=512, train_views=3),
    # Windows of a size in the scene, not in pixels.
    reconstruct=Reconstruct(stereo=Stereo(patch=3, median=3)),
    reduce=Reduce(components=64, scaling="global"),
    upsample=Upsample(pitch=2),
    readout=Readout(width=64),
    sh_degree=0,
    warm_start=WarmStart(steps=500, one_view=True, rate=1e-2, final_rate=1e-4),
    joint=LITE_JOINT,
    free=LITE_JOINT,
    test_poses=TestPoses(steps=0, rate_translation=0.0, rate_rotation=0.0),
    evaluate=Evaluate(masked=True, align="none", official=True),
    seeds=3,
)

PAPER_JOINT = replace(STRICT_JOINT, anchored=False, rate_by_extent=True, scale_penalty=0.1, update_last=False)

PAPER = replace(
    STRICT,
    name="paper",
    description="The published method with its quirks (Q1, Q2, Q3, Q6, Q9, Q10, Q12, Q17), to compare with the published rows.",
    choice="paper",
    images=Images(long_side=512, feature_long_side=512, train_views=None, photograph_width=1600),
    reconstruct=Reconstruct(
        world_radius=None,
        pairs=Pairs(
            align=Alignment(focal="averaged", reweightings=0), true_similarity=False, one_focal=True, mask_absolute=0.01
        ),
        matches=SparseAlignment(true_similarity=False, one_focal=True, mask_absolute=0.01),
    ),
    reduce=Reduce(components=256, scaling="none"),
    concatenate=Concatenate(normalise="range", ordered=True),
    readout=Readout(width=None),
    joint=PAPER_JOINT,
    free=replace(PAPER_JOINT, rates=PUBLISHED_RATES.times(10)),
    test_poses=replace(STRICT.test_poses, absolute=True, late_record=True),
    evaluate=Evaluate(masked=False, align="similarity", eight_bit=True, jpeg_masks=True),
    seeds=1,
)


def _geometry(protocol: Protocol, noise: float) -> Protocol:
    """The geometry task: the same fit from a noised start, so that points have something to find (section 6.5)."""
    return replace(
        protocol,
        name=f"{protocol.name}_geometry",
        description=f"`{protocol.name}` from a noised start: the geometry task.",
        start=replace(protocol.start, noise=noise),
    )


def _capacity(protocol: Protocol, width: int, hidden_layers: int) -> Protocol:
    """Another readout: how much of a result is the readout's size?"""
    return replace(
        protocol,
        name=f"{protocol.name}_w{width}_h{hidden_layers}",
        description=f"`{protocol.name}` with a readout of {hidden_layers} hidden layer(s) of {width} units.",
        readout=Readout(width, hidden_layers),
    )


CAPACITY_WIDTHS, CAPACITY_LAYERS = (64, 256, 1024), (1, 2, 3)

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        PAPER,
        STRICT,
        LITE,
        # 10 mm in a world in metres; elsewhere a hundredth of the radius of the world, which is about as much of a scene.
        *(_geometry(base, noise=0.01) for base in (PAPER, STRICT, LITE)),
        *(_capacity(base, w, h) for base in (LITE, STRICT) for w in CAPACITY_WIDTHS for h in CAPACITY_LAYERS),
    )
}


def get_feature_protocol(name: str) -> Protocol:
    """The protocol called ``name``; an unknown name answers with the nearest ones."""
    if name not in PROTOCOLS:
        raise InputError(f"protocol '{name}' is unknown{nearest(name, PROTOCOLS)}; see `splatbench list protocols`")
    return PROTOCOLS[name]
