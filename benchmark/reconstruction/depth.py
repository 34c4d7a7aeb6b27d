"""Depth maps at the working size: the true ones, and what every method returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from benchmark.scenes.scene import View


@dataclass(frozen=True)
class DepthMaps:
    """One depth a pixel of every train view.

    Attributes
    ----------
    z
        Along the optical axis, in the scene's unit; any finite number where not ``valid``.
    confidence
        In [0, 1]; 1 where the depth is true.
    """

    z: Float32[np.ndarray, "view height width"]
    confidence: Float32[np.ndarray, "view height width"]
    valid: Bool[np.ndarray, "view height width"]


def true_depth(view: View, width: int, height: int) -> Float32[np.ndarray, "height width"] | None:
    """The view's true depth at the working size, 0 where unknown or outside its mask; None if it has none.

    Sampled at the photograph's pixel nearest to each centre: a mean across an edge would be a point in the air.
    """
    depth = view.depth()
    if depth is None:
        return None
    mask = view.mask()
    if mask is not None:
        depth = np.where(mask, depth, 0)
    rows = ((np.arange(height) + 0.5) * view.height / height).astype(np.int64)
    columns = ((np.arange(width) + 0.5) * view.width / width).astype(np.int64)
    sampled = depth[rows][:, columns]
    return np.where(np.isfinite(sampled) & (sampled > 0), sampled, 0).astype(np.float32)
