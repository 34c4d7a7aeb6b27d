"""Point maps of pairs of views: for every pixel of both a point in the frame of the first, up to the pair's scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from PIL import Image

from benchmark.errors import CellError, InputError
from benchmark.scenes.scene import View

PATCH = 16


@dataclass(frozen=True)
class PairMaps:
    """What a network says of ordered pairs of views of one size, all pairs in one tensor.

    Attributes
    ----------
    edges
        For each pair the indices of its first and its second view.
    points
        Of the first (0) and the second (1) view's pixels, row by row, in the camera frame of the first (OpenCV axes)
        and in a unit of the pair's own.
    confidence
        In (1, inf).
    """

    edges: tuple[tuple[int, int], ...]
    points: Float[torch.Tensor, "edge 2 3 pixel"]
    confidence: Float[torch.Tensor, "edge 2 pixel"]
    width: int
    height: int

    @property
    def views(self) -> int:
        """Number of views."""
        return 1 + max(max(edge) for edge in self.edges)


def among(maps: PairMaps, views: int) -> PairMaps:
    """The pairs of the first so many views alone."""
    kept = [number for number, edge in enumerate(maps.edges) if max(edge) < views]
    return PairMaps(
        tuple(maps.edges[number] for number in kept), maps.points[kept], maps.confidence[kept], maps.width, maps.height
    )


class PairNetwork(Protocol):
    """A network for pairs, as `vfm_zoo.networks.dust3r.Dust3r` is one."""

    def encode(self, images: torch.Tensor) -> Any:
        """Images ``[1 3 height width]`` in [-1, 1], each view once."""

    def decode(self, view1: Any, view2: Any) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """``points`` ``[1 height width 3]`` and ``confidence`` ``[1 height width]`` of both encoded views."""


def network_image(photograph: UInt8[np.ndarray, "height width 3"], long_side: int) -> Float32[np.ndarray, "3 h w"]:
    """A photograph as DUSt3R's loader gives it (section 2.1): in [-1, 1], sides floored to multiples of 16.

    The long side is brought to ``long_side`` (Lanczos when shrinking, bicubic when growing), then both sides are
    stretched bilinearly.
    """
    image = Image.fromarray(photograph)
    factor = long_side / max(image.size)
    resample = Image.Resampling.LANCZOS if factor < 1 else Image.Resampling.BICUBIC
    image = image.resize((max(round(image.width * factor), 1), max(round(image.height * factor), 1)), resample)
    floored = [max(side // PATCH, 1) * PATCH for side in image.size]
    if tuple(floored) != image.size:
        image = image.resize((floored[0], floored[1]), Image.Resampling.BILINEAR)
    return np.asarray(image, np.float32).transpose(2, 0, 1) / 127.5 - 1


def complete_edges(count: int) -> tuple[tuple[int, int], ...]:
    """Every ordered pair of ``count`` views."""
    return tuple(permutations(range(count), 2))


@torch.inference_mode()
def predict_pairs(
    network: PairNetwork,
    views: Sequence[View],
    long_side: int,
    device: str,
    keep: Callable[[int, dict[str, torch.Tensor], dict[str, torch.Tensor]], None] | None = None,
) -> PairMaps:
    """Run a network on every ordered pair of views; each view is encoded once, one pair at a time is decoded.

    Parameters
    ----------
    keep
        Called with the pair's number and both predictions, for what a network gives beside points.

    Raises
    ------
    CellError
        If the pairs do not fit into memory.
    """
    images = [network_image(view.image(), long_side) for view in views]
    height, width = images[0].shape[1:]
    for view, image in zip(views, images, strict=True):
        if image.shape != images[0].shape:
            raise InputError(f"view {view.name}: its shape is not that of {views[0].name}; name views of one shape")
    edges = complete_edges(len(views))

    def run() -> PairMaps:
        points = torch.empty(len(edges), 2, 3, height * width)
        confidence = torch.empty(len(edges), 2, height * width)
        encoded = [network.encode(torch.from_numpy(image)[None].to(device)) for image in images]
        for number, (first, second) in enumerate(edges):
            both = network.decode(encoded[first], encoded[second])
            for side, prediction in enumerate(both):
                points[number, side] = prediction["points"][0].flatten(0, 1).T.float().cpu()
                confidence[number, side] = prediction["confidence"][0].flatten().float().cpu()
            if keep is not None:
                keep(number, *both)
        return PairMaps(edges, points, confidence, width, height)

    return within_memory(run, f"{len(edges)} pairs of {len(views)} views at {width}x{height}")


T = TypeVar("T")


def within_memory(run: Callable[[], T], what: str) -> T:
    """What ``run`` gives, or `CellError` saying what did not fit, on whatever device it did not."""
    try:
        return run()
    except (MemoryError, torch.OutOfMemoryError) as error:
        kind = type(error).__name__
    except RuntimeError as error:
        # PyTorch's allocator for the CPU has no error of its own.
        if "not enough memory" not in str(error) and "out of memory" not in str(error):
            raise
        kind = "RuntimeError"
    raise CellError(
        f"out of memory ({kind}): {what} do not fit; take fewer train views (a protocol with train_views), or "
        "--reconstruction colmap, which needs little"
    )
