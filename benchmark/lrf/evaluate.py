"""Judging what a field shows of the test views (section 2 and 3 of the protocol notes)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from benchmark.errors import CellError
from benchmark.lrf.latents import Range
from benchmark.lrf.matches import ViewPairs, latent_distances
from benchmark.metrics import image, lpips
from benchmark.metrics.table import METRICS
from benchmark.records import Measurement

# Metrics that only cells with latents have.
OF_LATENTS = ("psnr_reconstruction", "retention", "latent_error", "match_distance", "match_ratio")

Pictures = Float[Tensor, "view 3 height width"]


@dataclass
class Judgement:
    """Metrics by name, and the reason for each that could not be had."""

    metrics: dict[str, Measurement] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, per_view: dict[str, float]) -> None:
        """A metric that views have; its value is their mean."""
        self.metrics[name] = Measurement(float(np.mean(list(per_view.values()))), per_view)


def _psnr(one: Float[Tensor, "height width 3"], other: Float[Tensor, "height width 3"]) -> float:
    """In dB; equal pictures, which an autoencoder that loses nothing gives, count as the best that is plausible."""
    return min(float(image.psnr(one, other)), METRICS["psnr"].plausible[1])


def judge_pictures(judgement: Judgement, shown: Pictures, truth: Pictures, names: tuple[str, ...]) -> None:
    """PSNR, SSIM and LPIPS of whole pictures in [0, 1], and PSNR without the error of each picture's mean colour.

    Raises
    ------
    CellError
        If a picture is not finite.
    """
    if not torch.isfinite(shown).all():
        raise CellError("metrics: a rendered test view is not finite; look at the decoder, or lower the rates")
    per_view: dict[str, dict[str, float]] = {
        "psnr": {},
        "ssim": {},
        "psnr_tint_free": {},
        "lpips": {},
        "lpips_3dgs": {},
    }
    for name, one, other in zip(names, shown.movedim(1, -1), truth.movedim(1, -1), strict=True):
        per_view["psnr"][name] = _psnr(one, other)
        per_view["ssim"][name] = float(image.ssim(one, other))
        untinted = one - (one - other).mean(dim=(0, 1))
        per_view["psnr_tint_free"][name] = _psnr(untinted, other)
        for metric, signed in (("lpips", True), ("lpips_3dgs", False)):
            value, reason = lpips.lpips(one, other, signed)
            if value is None:
                judgement.absent[metric] = reason
            else:
                per_view[metric][name] = value
    for metric, values in per_view.items():
        if values:
            judgement.add(metric, values)


def judge_reconstruction(
    judgement: Judgement, shown: Pictures, plain: Pictures, truth: Pictures, names: tuple[str, ...]
) -> None:
    """PSNR of plain encoding and decoding, and what the trip through 3-D cost on top."""
    channels_last = (pictures.movedim(1, -1) for pictures in (shown, plain, truth))
    reconstruction, retention = {}, {}
    for name, one, other, true in zip(names, *channels_last, strict=True):
        reconstruction[name] = _psnr(other, true)
        retention[name] = _psnr(one, true) - reconstruction[name]
    judgement.add("psnr_reconstruction", reconstruction)
    judgement.add("retention", retention)


def judge_latents(
    judgement: Judgement,
    rendered: Float[Tensor, "view channel row column"],
    encoded: Float[Tensor, "view channel row column"],
    scale: Range,
    names: tuple[str, ...],
) -> None:
    """Mean square error of rendered latents over the variance of each channel; constant channels do not count."""
    counted = torch.ones(rendered.shape[1], dtype=torch.bool)
    counted[list(scale.constant)] = False
    if not counted.any():
        judgement.absent["latent_error"] = "every channel of the latents is constant"
        return
    relative = ((rendered - encoded) / scale.deviation[:, None, None]).square()[:, counted].mean(dim=(1, 2, 3))
    judgement.add("latent_error", dict(zip(names, relative.tolist(), strict=True)))


def judge_matches(
    judgement: Judgement, latents: Float[Tensor, "view channel row column"], pairs: ViewPairs, scale: Range, seed: int
) -> None:
    """How far latents of one point are apart in two train views, alone and beside any two pixels."""
    distances = latent_distances(latents, pairs, scale.deviation, seed)
    if distances is None:
        reason = "no two train views have enough verified matches"
        judgement.absent |= {"match_distance": reason, "match_ratio": reason}
        return
    judgement.metrics["match_distance"] = Measurement(distances.matched)
    if distances.random > 0:
        judgement.metrics["match_ratio"] = Measurement(distances.matched / distances.random)
    else:
        judgement.absent["match_ratio"] = "every channel of the latents is constant"
