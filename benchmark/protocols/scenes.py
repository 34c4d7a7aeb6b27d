"""Values that both tracks share: sizes of pictures, and from photographs to cameras, points and masks."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from benchmark.protocols.quirks import quirk


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
    photograph_width
        Photographs are fitted and judged at their own size, at most this wide, while Gaussians stay one a pixel of
        ``long_side`` (section 5.3); None fits and judges at ``long_side`` too.
    """

    long_side: int
    feature_long_side: int
    train_views: int | None
    train_angle: float = 25.0
    photograph_width: int | None = None


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
    median
        Side in pixels of the median filter on inverse depth, which takes single wrong pixels away before views are
        compared; 1 leaves it as it is.
    agreement
        Relative difference up to which the dense depth is believed against the interpolated sparse depth.
    consistency
        Relative difference of depth up to which another view confirms a pixel's dense depth, whatever the sparse says.
    """

    planes: int = 192
    patch: int = 5
    smooth_small: float = 0.1
    smooth_large: float = 0.6
    sources: int = 4
    median: int = 5
    agreement: float = 0.07
    consistency: float = 0.02


@dataclass(frozen=True)
class Motion:
    """Structure from motion on photographs whose cameras are not known (`benchmark.reconstruction.colmap`).

    Attributes
    ----------
    intrinsics
        ``unknown``: one focal length for photographs of one size, estimated; ``known``: the scene's own, kept.
    long_side
        Features are found in copies of at most this size.
    fewest_views
        Fewer placed photographs than this are no reconstruction.
    """

    intrinsics: Literal["unknown", "known"] = "unknown"
    long_side: int = 1600
    fewest_views: int = 3


@dataclass(frozen=True)
class Alignment:
    """Global alignment of the point maps of pairs (DUSt3R, section 3.4; values of section 2.2 of the protocol notes).

    Attributes
    ----------
    steps, rate, final_rate, betas
        Of Adam; the rate falls linearly.
    focal
        ``averaged``: the mean of the views' first estimates, frozen; ``shared``: one, started there and optimised;
        ``free``: one a view, optimised.
    base_scale
        Geometric mean of the scales of the pairs, which fixes the unit of the world.
    reweightings
        Times that a frame, found in least squares, is found again with far points weighing less; 0 as published.
    pose_draws
        RANSAC draws when a view is first placed from its points.
    clean_tolerance
        A point that stands before another view's surface by more than this share of its depth, and is less sure, is
        dropped.
    """

    steps: int = 300
    rate: float = 0.01
    final_rate: float = 1e-6
    betas: tuple[float, float] = (0.9, 0.9)
    focal: Literal["averaged", "shared", "free"] = "shared"
    base_scale: float = 0.5
    reweightings: int = 5
    pose_draws: int = 10
    clean_tolerance: float = 0.001


@dataclass(frozen=True)
class Pairs:
    """Method ``dust3r``: point maps of all pairs, aligned.

    Attributes
    ----------
    long_side
        The network sees photographs of this long side, their sides floored to multiples of 16 by stretching.
    true_similarity
        Test cameras move by ``s R c + t``; False as published, ``R c + s t``.
    one_focal
        Whether the photographs' fx and fy share the factor of the width, as published, though stretching gave each
        axis its own.
    mask_absolute
        Depths that differ by less than this in the world's unit agree, as published (section 2.6); None takes the
        relative `Reconstruct.mask_tolerance`.
    """

    long_side: int = 512
    align: Alignment = field(default_factory=Alignment)
    true_similarity: bool = quirk("Q1", True)
    one_focal: bool = quirk("Q12", False)
    mask_absolute: float | None = None


@dataclass(frozen=True)
class SparseAlignment:
    """Method ``mast3r``: alignment of matched points, first in space, then in the pictures (section 2.3).

    Attributes
    ----------
    subsample
        Matches start from every n-th pixel of a row and of a column.
    least_confidence
        Of a match: the geometric mean of its descriptors' confidences.
    steps_space, rate_space, power_space, steps_picture, rate_picture, power_picture
        Of either stage: Adam with a cosine schedule; the loss is this power of the distance.
    """

    long_side: int = 512
    subsample: int = 8
    least_confidence: float = 5.0
    steps_space: int = 500
    rate_space: float = 0.07
    power_space: float = 1.1
    steps_picture: int = 200
    rate_picture: float = 0.014
    power_picture: float = 0.4
    betas: tuple[float, float] = (0.9, 0.9)
    shared_focal: bool = True
    clean_tolerance: float = 0.001
    true_similarity: bool = quirk("Q1", True)
    one_focal: bool = quirk("Q12", False)
    mask_absolute: float | None = None


@dataclass(frozen=True)
class Feedforward:
    """Method ``vggt``: everything from one pass over all views.

    Attributes
    ----------
    width
        Of the photographs that the network sees; their height is rounded to a multiple of 14.
    least_confidence
        Points below this percentile of the network's own confidence are dropped.
    """

    width: int = 518
    least_confidence: float = 0.0


@dataclass(frozen=True)
class Sanity:
    """What a reconstruction with estimated cameras must show before anything is fitted to it.

    Attributes
    ----------
    focal_range
        Focal length over the longer side of the photograph.
    least_baseline
        Largest distance between two train cameras over the median depth: below it nothing has been seen from two sides.
    least_agreement
        Share of the pixels of a train view that some other train view places at the same depth to `agreement`.
    """

    focal_range: tuple[float, float] = (0.3, 6.0)
    least_baseline: float = 0.01
    least_agreement: float = 0.1
    agreement: float = 0.1


@dataclass(frozen=True)
class Reconstruct:
    """From photographs to cameras, points and masks; a part that only some methods read has that field of its own.

    Attributes
    ----------
    world_radius
        The world is scaled so that the median distance from a camera to its points is this, before anything is
        fitted: losses and rates then mean the same in every scene. None leaves the world as it is, as published.
    mask_tolerance
        A test pixel counts if some train view sees the same point: relative difference of depth up to this.
    """

    world_radius: float | None = 1.0
    mask_tolerance: float = 0.02
    stereo: Stereo = field(default_factory=Stereo)
    motion: Motion = field(default_factory=Motion)
    pairs: Pairs = field(default_factory=Pairs)
    matches: SparseAlignment = field(default_factory=SparseAlignment)
    feedforward: Feedforward = field(default_factory=Feedforward)
    sanity: Sanity = field(default_factory=Sanity)

    def values(self, method: str) -> dict[str, Any]:
        """Nested plain values that decide what a method gives: those of other methods are left out."""
        values = asdict(self)
        for part in METHOD_PARTS - READ_BY.get(method, METHOD_PARTS):
            del values[part]
        return values


METHOD_PARTS = frozenset({"stereo", "motion", "pairs", "matches", "feedforward", "sanity"})
# Which parts of `Reconstruct` a method reads.
READ_BY: dict[str, frozenset[str]] = {
    "known": frozenset({"stereo"}),
    "colmap": frozenset({"motion", "stereo", "sanity"}),
    "dust3r": frozenset({"pairs", "sanity"}),
    "mast3r": frozenset({"matches", "sanity"}),
    "vggt": frozenset({"feedforward", "sanity"}),
}
