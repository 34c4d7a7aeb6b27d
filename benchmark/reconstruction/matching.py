"""Reciprocal matches of dense descriptors (MASt3R, section 3.3): pixels that are each other's most alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

# A walk that has not come to rest after so many steps there and back has no match.
MOST_WALKS = 10
# Similarities that are in memory at a time.
BLOCK = 16_000_000


@dataclass(frozen=True)
class Matches:
    """Pixels of two views that show the same.

    Attributes
    ----------
    first, second
        Indices of the views.
    first_pixel, second_pixel
        Row by row.
    confidence
        Geometric mean of what the descriptors of both say.
    """

    first: int
    second: int
    first_pixel: Int64[np.ndarray, "match"]
    second_pixel: Int64[np.ndarray, "match"]
    confidence: Float32[np.ndarray, "match"]


def nearest_descriptors(
    queries: Float[Tensor, "query channel"], keys: Float[Tensor, "key channel"]
) -> Int64[Tensor, "query"]:
    """For every query the key of largest inner product, in blocks."""
    rows = max(1, BLOCK // max(len(keys), 1))
    return torch.cat([(part @ keys.T).argmax(dim=1) for part in queries.split(rows)])


@torch.inference_mode()
def reciprocal(
    descriptors: tuple[Float[Tensor, "height width channel"], Float[Tensor, "height width channel"]],
    subsample: int,
) -> tuple[Int64[np.ndarray, "match"], Int64[np.ndarray, "match"]]:
    """Reciprocal matches that are reached from a grid of pixels in either view, each once, in the order of the first.

    From every pixel of the grid the walk goes to the most alike pixel of the other view, and from there back, until it
    stays where it is (the fast reciprocal matching of the paper).
    """
    flat = [values.flatten(0, 1).float() for values in descriptors]
    pairs = []
    for here, there in ((0, 1), (1, 0)):
        height, width = descriptors[here].shape[:2]
        rows, columns = (torch.arange(subsample // 2, side, subsample) for side in (height, width))
        place = (rows[:, None] * width + columns[None]).flatten().to(flat[here].device)
        settled = []
        for _ in range(MOST_WALKS):
            other = nearest_descriptors(flat[here][place], flat[there])
            back = nearest_descriptors(flat[there][other], flat[here])
            rests = back == place
            found = torch.stack([place[rests], other[rests]])
            settled.append(found if here == 0 else found.flip(0))
            place = back[~rests].unique()
            if not len(place):
                break
        pairs += settled
    both = torch.cat(pairs, dim=1).unique(dim=1).cpu().numpy()
    return both[0], both[1]
