"""Pixels of two photographs that show the same point, and how far their latents are apart (Stage I, section 3).

Features are COLMAP's SIFT (`benchmark.reconstruction.sparse`), matched mutually: along the epipolar lines of the known
cameras and verified against them, or everywhere and verified by COLMAP's two-view RANSAC, as the setting says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pycolmap
import torch
from jaxtyping import Float, Float32, Float64
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from benchmark.cameras import Cameras
from benchmark.errors import InputError
from benchmark.lrf.latents import sample
from benchmark.protocols.lrf import Matches
from benchmark.reconstruction.sparse import extract_features, fundamental_matrix, match, verified

# Rises when code changes matches that no setting shows.
MATCHES_VERSION = 1


@dataclass(frozen=True)
class Pair:
    """Matches of two train views, in latent pixels (centres at halves)."""

    first: Float32[np.ndarray, "match 2"]
    second: Float32[np.ndarray, "match 2"]
    weight: Float32[np.ndarray, "match"]


ViewPairs = dict[tuple[int, int], Pair]


def find_matches(
    images: Float32[np.ndarray, "view height width 3"], cameras: Cameras, settings: Matches, downscale: int
) -> ViewPairs:
    """Verified matches of every two views that have enough, weighted ``exp(-e / sigma)``; perhaps none.

    ``e`` is the mean distance of the two points to each other's epipolar lines, in latent pixels.
    """
    grey = (images @ np.array([0.299, 0.587, 0.114], np.float32) * 255).round().astype(np.uint8)
    pycolmap.logging.minloglevel = max(pycolmap.logging.minloglevel, 1)  # its progress is no news to the user
    features = [extract_features(image) for image in grey]
    found = {}
    for i, j in combinations(range(len(images)), 2):
        if settings.geometry == "cameras":
            chosen = match(features[i], features[j], cameras[i], cameras[j])
            fundamental = fundamental_matrix(cameras[i], cameras[j])
        else:
            # Always the same draws: matches belong to a scene, not to a seed.
            found_here = verified(features[i], features[j], cameras[i], cameras[j], seed=0)
            if found_here is None:
                continue
            chosen, fundamental = found_here
        first, second = features[i].pixels[chosen[:, 0]], features[j].pixels[chosen[:, 1]]
        error = epipolar_distance(first, second, fundamental) / downscale
        kept = error <= settings.largest_error
        if kept.sum() >= settings.fewest:
            found[i, j] = Pair(
                (first[kept] / downscale).astype(np.float32),
                (second[kept] / downscale).astype(np.float32),
                np.exp(-error[kept] / settings.sigma).astype(np.float32),
            )
    return found


def epipolar_distance(
    first: Float64[np.ndarray, "match 2"],
    second: Float64[np.ndarray, "match 2"],
    fundamental: Float64[np.ndarray, "3 3"],
) -> Float64[np.ndarray, "match"]:
    """Mean distance of each point to the epipolar line of the other, in pixels; ``x2' F x1 = 0`` on the line."""

    def lifted(points: np.ndarray) -> np.ndarray:
        return np.concatenate([points, np.ones((len(points), 1))], axis=1)

    x, y = lifted(first), lifted(second)
    in_second, in_first = x @ fundamental.T, y @ fundamental
    residual = np.abs((y * in_second).sum(axis=1))
    tiny = np.finfo(float).tiny
    lengths = [np.maximum(np.linalg.norm(line[:, :2], axis=1), tiny) for line in (in_second, in_first)]
    return residual * (1 / lengths[0] + 1 / lengths[1]) / 2


@dataclass(frozen=True)
class Distances:
    """Mean absolute difference of latents, in deviations of each channel: at matches, and at pixels drawn by lot."""

    matched: float
    random: float


def latent_distances(
    latents: Float[torch.Tensor, "view channel row column"],
    pairs: ViewPairs,
    deviation: Float[torch.Tensor, "channel"],
    seed: int,
) -> Distances | None:
    """How far latents of one point are apart in two views, beside those of any two points; None without matches."""
    if not pairs:
        return None
    generator = torch.Generator().manual_seed(seed)
    matched, drawn = [], []
    for (i, j), pair in pairs.items():
        first = sample(latents[i], torch.from_numpy(pair.first)) / deviation
        second = sample(latents[j], torch.from_numpy(pair.second)) / deviation
        matched.append((first - second).abs().mean(dim=1))
        drawn.append((first - second[torch.randperm(len(second), generator=generator)]).abs().mean(dim=1))
    return Distances(float(torch.cat(matched).mean()), float(torch.cat(drawn).mean()))


def save_matches(folder: Path, pairs: ViewPairs) -> None:
    """Write into an empty folder."""
    arrays = {
        f"{i}.{j}.{name}": getattr(pair, name)
        for (i, j), pair in pairs.items()
        for name in ("first", "second", "weight")
    }
    (folder / "matches.safetensors").write_bytes(save(arrays))


def load_matches(folder: Path) -> ViewPairs:
    """Read what `save_matches` wrote; `InputError` names the folder if the file is damaged."""
    try:
        arrays: Mapping[str, np.ndarray] = load_file(folder / "matches.safetensors")
        names = sorted({tuple(map(int, name.split(".")[:2])) for name in arrays})
        return {(i, j): Pair(*(arrays[f"{i}.{j}.{part}"] for part in ("first", "second", "weight"))) for i, j in names}
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise InputError(
            f"{folder}: damaged matches ({type(error).__name__}); remove this folder, they are then made again"
        ) from None
