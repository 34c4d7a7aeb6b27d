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
    kind: Literal["image", "latent", "geometry"]
    note: str


# Of 3-D distances: millimetres, or the scene's own unit; `DatasetSpec.millimetres` says which.
LENGTH = "mm or unit"


def _distances(name: str, title: str, note: str) -> tuple[Metric, Metric]:
    """Mean and median of one kind of distance."""
    note = f"{note}; in mm where the dataset says how long its unit is"
    return (
        Metric(name, title, "lower", LENGTH, 4, (0.0, 1e6), "geometry", f"mean, {note}"),
        Metric(f"{name}_median", f"{title} median", "lower", LENGTH, 4, (0.0, 1e6), "geometry", f"median, {note}"),
    )


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
        Metric(
            "psnr_tint_free",
            "PSNR, tint-free",
            "higher",
            "dB",
            2,
            (0.0, 100.0),
            "image",
            "after the mean colour of each picture was corrected",
        ),
        Metric(
            "psnr_reconstruction",
            "Recon. PSNR",
            "higher",
            "dB",
            2,
            (0.0, 100.0),
            "latent",
            "of test views that the autoencoder just encodes and decodes",
        ),
        Metric(
            "retention",
            "Retention",
            "higher",
            "dB",
            2,
            (-100.0, 100.0),
            "latent",
            "PSNR less that of plain encoding and decoding: what the trip through 3-D costs",
        ),
        Metric(
            "latent_error",
            "Latent err.",
            "lower",
            "",
            3,
            (0.0, 1e6),
            "latent",
            "rendered to encoded test latents, mean square error over each channel's variance",
        ),
        Metric(
            "match_distance",
            "Match dist.",
            "lower",
            "",
            3,
            (0.0, 1e6),
            "latent",
            "latents at verified matches of train views, mean difference in deviations of each channel",
        ),
        Metric(
            "match_ratio",
            "Match ratio",
            "lower",
            "",
            3,
            (0.0, 1e6),
            "latent",
            "that distance over the distance of pixels drawn by lot",
        ),
        *_distances("accuracy", "Acc.", "fitted to nearest true point"),
        *_distances("completeness", "Comp.", "true to nearest fitted point"),
        *_distances("distance", "Dist.", "fitted to its own true point"),
        *_distances("dtu_accuracy", "Acc. (DTU)", "DTU's own evaluation: observable points, cut at 20 mm"),
        *_distances("dtu_completeness", "Comp. (DTU)", "DTU's own evaluation: points above the table, cut at 20 mm"),
    )
}
