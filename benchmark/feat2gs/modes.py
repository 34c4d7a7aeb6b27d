"""Which attributes a mode reads out of the features; the others are free parameters of every Gaussian. No torch."""

from __future__ import annotations

GEOMETRY = ("means", "log_scales", "quaternions", "opacity_logits")
TEXTURE = ("sh_dc", "sh_rest")
ATTRIBUTES = GEOMETRY + TEXTURE

# Section 3.3 of Feat2GS; `free` is a baseline without a readout.
MODES: dict[str, tuple[str, ...]] = {
    "geometry": GEOMETRY,
    "texture": TEXTURE,
    "all": ATTRIBUTES,
    "free": (),
}
PROBING_MODES = ("geometry", "texture", "all")
# The `*` rows of the paper: each Gaussian's own feature is fitted too, in the warm start (section 3.4).
FINE_TUNED = "_ft"
FINE_TUNED_MODES = tuple(f"{mode}{FINE_TUNED}" for mode in PROBING_MODES)
MODES |= {mode: MODES[mode.removesuffix(FINE_TUNED)] for mode in FINE_TUNED_MODES}

# Entries that are no feature: everything is optimised freely from the same start (InstantSplat's setting).
BASELINES: dict[str, str] = {"instantsplat": "free optimisation of every Gaussian, no readout"}


def attribute_sizes(sh_degree: int) -> dict[str, int]:
    """Numbers a Gaussian per attribute, for colour; ``sh_rest`` is left out at degree 0."""
    sizes = {"means": 3, "log_scales": 3, "quaternions": 4, "opacity_logits": 1, "sh_dc": 3}
    if sh_degree > 0:
        sizes["sh_rest"] = 3 * ((sh_degree + 1) ** 2 - 1)
    return sizes
