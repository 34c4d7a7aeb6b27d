"""What a mode reads out of the features, and what a baseline does without them. No torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

GEOMETRY = ("means", "log_scales", "quaternions", "opacity_logits")
TEXTURE = ("sh_dc", "sh_rest")
ATTRIBUTES = GEOMETRY + TEXTURE


@dataclass(frozen=True)
class Mode:
    """One question to the features (sections 3.3 and 3.4 of Feat2GS).

    Attributes
    ----------
    read
        Attributes that are read out of the features; the others are free parameters of every Gaussian.
    own_features
        Whether each Gaussian's own feature is fitted too, in the warm start: the paper's `*` rows.
    upsampled
        Whether features are brought to the pixels along the photograph's edges, not bilinearly: like its `+` rows.
    """

    read: tuple[str, ...]
    own_features: bool = False
    upsampled: bool = False


@dataclass(frozen=True)
class Baseline:
    """An entry that is no feature: nothing is read out, everything starts at the same points and is optimised freely.

    Attributes
    ----------
    settings
        The fit of the protocol that it takes: `Protocol.free` or `Protocol.joint`.
    true_points
        Whether it starts at the true points instead, which the scene must then have.
    held
        Attributes that stay at their start.
    """

    title: str
    settings: Literal["free", "joint"] = "joint"
    true_points: bool = False
    held: tuple[str, ...] = ()


_PROBING = {"geometry": Mode(GEOMETRY), "texture": Mode(TEXTURE), "all": Mode(ATTRIBUTES)}
_FINE_TUNED = {f"{name}_ft": replace(mode, own_features=True) for name, mode in _PROBING.items()}
_UPSAMPLED = {f"{name}_up": replace(mode, upsampled=True) for name, mode in _PROBING.items()}
PROBING_MODES, FINE_TUNED_MODES, UPSAMPLED_MODES = (tuple(modes) for modes in (_PROBING, _FINE_TUNED, _UPSAMPLED))
VARIANT_MODES = FINE_TUNED_MODES + UPSAMPLED_MODES
# `free` is what baselines do.
MODES: dict[str, Mode] = _PROBING | {"free": Mode(())} | _FINE_TUNED | _UPSAMPLED

BASELINES: dict[str, Baseline] = {
    "instantsplat": Baseline(
        "free optimisation of every Gaussian at InstantSplat's published settings, no readout", settings="free"
    ),
    "instantsplat_matched": Baseline("free optimisation at the rates and steps of the readout's own joint fit (Q15)"),
    "true_geometry": Baseline(
        "the true points, held; all else optimised freely: what a perfect readout of positions would give",
        true_points=True,
        held=("means",),
    ),
}


def attribute_sizes(sh_degree: int) -> dict[str, int]:
    """Numbers a Gaussian per attribute, for colour; ``sh_rest`` is left out at degree 0."""
    sizes = {"means": 3, "log_scales": 3, "quaternions": 4, "opacity_logits": 1, "sh_dc": 3}
    if sh_degree > 0:
        sizes["sh_rest"] = 3 * ((sh_degree + 1) ** 2 - 1)
    return sizes
