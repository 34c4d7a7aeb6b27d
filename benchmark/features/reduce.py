"""From a model's many channels to the few that are read out: one PCA for a scene."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float64

from benchmark.features.feature_maps import FeatureMaps
from benchmark.protocols import Reduce

# Directions with less than this share of the largest variance are rounding, and would be noise once scaled.
SMALLEST_SHARE = 1e-10


def reduce_channels(maps: FeatureMaps, reduce: Reduce, project: bool = True) -> FeatureMaps:
    """Mean-centred PCA over all tokens of all views together (section 3.2 of the paper's supplement), then scaling.

    Parameters
    ----------
    project
        False leaves the channels as they are, as published for raw entries: only centred and scaled, and with scaling
        ``none`` not touched at all.

    Returns
    -------
    Features with at most ``reduce.components`` channels: fewer where the model has fewer, or where the tokens span
    fewer directions (few tokens, constant channels). ``reduction`` says how many channels there were and are, the
    share of the variance that was kept, and the scale.
    """
    views, channels, rows, columns = maps.grid.shape
    tokens = maps.grid.permute(0, 2, 3, 1).reshape(-1, channels).double()
    centred = _centred(tokens)
    kept = total = float(centred.square().mean(dim=0).sum())
    if project:
        reduced = centred @ principal_directions(centred, reduce.components)
        kept = float(reduced.square().mean(dim=0).sum())
    else:
        reduced = tokens if reduce.scaling == "none" else centred
    mean_variance = kept / reduced.shape[1]
    scale = mean_variance**-0.5 if reduce.scaling == "global" and mean_variance > 0 else 1.0
    grid = (reduced * scale).float().reshape(views, rows, columns, -1).permute(0, 3, 1, 2).contiguous()
    reduction = {
        **maps.reduction,
        "method": "pca" if project else "none",
        "channels": channels,
        "components": reduced.shape[1],
        "explained_variance": kept / total if total > 0 else 1.0,
        "scaling": reduce.scaling,
        "scale": scale,
    }
    return replace(maps, grid=grid, reduction=reduction)


def principal_directions(
    centred: Float64[torch.Tensor, "token channel"], count: int
) -> Float64[torch.Tensor, "channel component"]:
    """The ``count`` orthonormal directions of most variance, most first: eigenvectors of the covariance.

    Exact and without random numbers, where the published code takes an unseeded randomised decomposition (Q4). The
    sign of a direction is free: its largest entry is made positive. At least one direction is returned, and beyond the
    first none whose variance is only rounding.
    """
    ascending, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
    variance, directions = ascending.flip(0), vectors.flip(1)
    rank = int((variance > SMALLEST_SHARE * variance[0]).sum())
    directions = directions[:, : max(1, min(count, rank))]
    largest = directions.gather(0, directions.abs().argmax(dim=0, keepdim=True))
    return directions * largest.sign()


def _centred(tokens: Float64[torch.Tensor, "token channel"]) -> Float64[torch.Tensor, "token channel"]:
    """Minus the mean; a channel that varies less than single precision resolves is constant, and becomes exactly 0.

    Else its rounding would be taken for a signal, and scaled up.
    """
    centred = tokens - tokens.mean(dim=0)
    resolution = torch.finfo(torch.float32).eps * tokens.abs().amax(dim=0)
    return centred * (centred.abs().amax(dim=0) > resolution)
