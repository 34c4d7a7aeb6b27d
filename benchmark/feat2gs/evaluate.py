"""Judging a fitted scene on views it has not seen, and in 3-D where the truth is known (section 6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32

from benchmark.metrics import geometry, image, lpips
from benchmark.protocols import Evaluate
from benchmark.reconstruction.reconstruction import Reconstruction
from benchmark.records import Measurement
from benchmark.splatting.gaussians import Gaussians


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


def judge_geometry(gaussians: Gaussians, reconstruction: Reconstruction, settings: Evaluate) -> Evaluation:
    """Accuracy, completeness and distance of the Gaussians' centres, in the scene's own unit (section 6.5)."""
    names = ("accuracy", "completeness", "distance")
    if reconstruction.true_points is None or reconstruction.true_valid is None:
        return Evaluation({}, dict.fromkeys(names, "the scene has no true depth"))
    known = reconstruction.true_valid[reconstruction.valid]
    fitted = gaussians.means.detach().cpu().numpy()[known]
    true: Float32[np.ndarray, "point 3"] = reconstruction.true_points[reconstruction.valid][known]
    if settings.align == "similarity":
        fitted = geometry.align(fitted, true)
    errors = geometry.point_errors(fitted, true)
    return Evaluation(
        {name: Measurement(float(getattr(errors, name)) / reconstruction.scale) for name in names}, absent={}
    )
