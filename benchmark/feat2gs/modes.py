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
# Like its `+` rows: features are brought to the pixels along the photograph's edges, not bilinearly (section 3.4).
UPSAMPLED = "_up"
FINE_TUNED_MODES = tuple(f"{mode}{FINE_TUNED}" for mode in PROBING_MODES)
UPSAMPLED_MODES = tuple(f"{mode}{UPSAMPLED}" for mode in PROBING_MODES)
VARIANT_MODES = FINE_TUNED_MODES + UPSAMPLED_MODES
MODES |= {mode: MODES[mode.rsplit("_", 1)[0]] for mode in VARIANT_MODES}

# Entries that are no feature: nothing is read out, everything starts at the same points and is optimised freely.
BASELINES: dict[str, str] = {
    "instantsplat": "free optimisation of every Gaussian at InstantSplat's published settings, no readout",
    "instantsplat_matched": "free optimisation at the rates and steps of the readout's own joint fit (Q15)",
    "true_geometry": "the true points, held; all else optimised freely: what a perfect readout of positions would give",
}
# Attributes that a baseline holds at their start.
HELD: dict[str, tuple[str, ...]] = {"true_geometry": ("means",)}


def attribute_sizes(sh_degree: int) -> dict[str, int]:
    """Numbers a Gaussian per attribute, for colour; ``sh_rest`` is left out at degree 0."""
    sizes = {"means": 3, "log_scales": 3, "quaternions": 4, "opacity_logits": 1, "sh_dc": 3}
    if sh_degree > 0:
        sizes["sh_rest"] = 3 * ((sh_degree + 1) ** 2 - 1)
    return sizes
