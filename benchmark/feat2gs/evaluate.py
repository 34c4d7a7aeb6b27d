"""Judging a fitted scene on views it has not seen, and in 3-D where the truth is known (section 6)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32

from benchmark.metrics import dtu, geometry, image, lpips
from benchmark.metrics.dtu import OfficialTruth
from benchmark.protocols import Evaluate
from benchmark.reconstruction.reconstruction import Reconstruction
from benchmark.records import Measurement
from benchmark.splatting.gaussians import Gaussians

DISTANCES = ("accuracy", "accuracy_median", "completeness", "completeness_median", "distance", "distance_median")


@dataclass(frozen=True)
class Evaluation:
    """Metrics by name, and the reason for each that could not be had."""

    metrics: dict[str, Measurement]
    absent: dict[str, str]


def judge_images(
    renders: Float[torch.Tensor, "view height width 3"],
    photographs: Float[torch.Tensor, "view height width 3"],
    masks: Bool[torch.Tensor, "view height width"],
    names: list[str],
    settings: Evaluate,
) -> Evaluation:
    """PSNR, SSIM and LPIPS (in its right range and in that of 3DGS) of each test view, over its mask; both in [0, 1]."""
    per_view: dict[str, dict[str, float]] = {"psnr": {}, "ssim": {}, "lpips": {}, "lpips_3dgs": {}}
    absent: dict[str, str] = {}
    for name, render, photograph, mask in zip(names, renders, photographs, masks, strict=True):
        if settings.masked:
            per_view["psnr"][name] = float(image.psnr(render, photograph, mask))
            per_view["ssim"][name] = float(image.ssim(render, photograph, mask))
        covered = mask[..., None].to(render.dtype)
        if not settings.masked:
            per_view["psnr"][name] = float(image.psnr(render * covered, photograph * covered))
            per_view["ssim"][name] = float(image.ssim(render * covered, photograph * covered))
        for metric, signed in (("lpips", True), ("lpips_3dgs", False)):
            value, reason = lpips.lpips(render * covered, photograph * covered, signed)
            if value is None:
                absent[metric] = reason
            else:
                per_view[metric][name] = value
    metrics = {
        name: Measurement(float(np.mean(list(values.values()))), values) for name, values in per_view.items() if values
    }
    return Evaluation(metrics, absent)


def judge_geometry(
    gaussians: Gaussians,
    reconstruction: Reconstruction,
    settings: Evaluate,
    millimetres: float | None = None,
    official: OfficialTruth | None = None,
) -> Evaluation:
    """Means and medians of accuracy, completeness and distance of the Gaussians' centres (section 6.5).

    Parameters
    ----------
    millimetres
        Length of the scene's unit; distances are then in mm, else in the scene's own unit.
    official
        What DTU's own evaluation needs; it is then made too.
    """
    if reconstruction.true_points is None or reconstruction.true_valid is None:
        return Evaluation({}, dict.fromkeys(DISTANCES, "the scene has no true depth"))
    known = reconstruction.true_valid[reconstruction.valid]
    centers = gaussians.means.detach().cpu().numpy()
    true: Float32[np.ndarray, "point 3"] = reconstruction.true_points[reconstruction.valid][known]
    fitted = geometry.align(centers[known], true) if settings.align == "similarity" else centers[known]
    length = (millimetres or 1.0) / reconstruction.scale
    values = {name: value * length for name, value in asdict(geometry.point_errors(fitted, true)).items()}
    absent = {}
    if official is not None and millimetres is not None:
        # In the frame of the dataset's cameras, to which the first train camera holds the fit; nothing is aligned.
        turned = centers.astype(np.float64) @ reconstruction.rotation  # its inverse, of points in rows
        placed = (turned / reconstruction.scale + reconstruction.center) * millimetres
        for name, value in asdict(dtu.official_errors(placed, official)).items():
            if math.isfinite(value):
                values[f"dtu_{name}"] = value
            else:
                absent[f"dtu_{name}"] = f"no distance below {dtu.LARGEST:g} mm"
    return Evaluation({name: Measurement(value) for name, value in values.items()}, absent)
