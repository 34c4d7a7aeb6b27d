"""Values that both tracks share: sizes of pictures, and from photographs to cameras, points and masks."""

from __future__ import annotations

from dataclasses import dataclass, field


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
        fitted: losses and rates then mean the same in every scene. None leaves the world as it is, as published.
    mask_tolerance
        A test pixel counts if some train view sees the same point: relative difference of depth up to this.
    """

    world_radius: float | None = 1.0
    mask_tolerance: float = 0.02
    stereo: Stereo = field(default_factory=Stereo)
