"""The one table of metrics: names, directions, units, decimals. No torch, so listings and pages can read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """How a number is called, read and printed.

    Attributes
    ----------
    better
        Which direction is better.
    plausible
        Closed interval outside of which a record is refused.
    """

    name: str
    title: str
    better: Literal["higher", "lower"]
    unit: str
    decimals: int
    plausible: tuple[float, float]
    kind: Literal["image", "geometry"]
    note: str


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("psnr", "PSNR", "higher", "dB", 2, (0.0, 100.0), "image", "mean over the pixels of the mask"),
        Metric("ssim", "SSIM", "higher", "", 4, (-1.0, 1.0), "image", "11x11 Gaussian window, mean over the mask"),
        Metric("lpips", "LPIPS", "lower", "", 4, (0.0, 2.0), "image", "VGG, v0.1, images in [-1, 1]"),
        Metric(
            "lpips_3dgs",
            "LPIPS (3DGS)",
            "lower",
            "",
            4,
            (0.0, 2.0),
            "image",
            "VGG, v0.1, images left in [0, 1] as in the code of 3DGS: what the paper's tables hold",
        ),
        Metric("accuracy", "Acc.", "lower", "scene unit", 4, (0.0, 1e6), "geometry", "fitted to nearest true point"),
        Metric(
            "completeness",
            "Comp.",
            "lower",
            "scene unit",
            4,
            (0.0, 1e6),
            "geometry",
            "true to nearest fitted point",
        ),
        Metric("distance", "Dist.", "lower", "scene unit", 4, (0.0, 1e6), "geometry", "fitted to its own true point"),
    )
}
