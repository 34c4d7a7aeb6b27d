"""What every fit of Gaussians needs beside the rasteriser: first sizes, rates over time, an eye on the loss."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float32
from scipy.spatial import cKDTree

from benchmark.errors import CellError
from benchmark.splatting.render import TorchCameras

# Floor of the mean *square* distance, as in 3DGS: two points on one spot do not make a Gaussian of no size.
SMALLEST_SQUARE = 1e-7
# On CUDA, steps between two looks at what is there: a look waits for all work that was handed out.
LOOK_EVERY = 50


def neighbour_distance(points: Float32[np.ndarray, "point 3"]) -> Float32[np.ndarray, "point"]:
    """Root mean square distance to the three nearest other points, at least ``sqrt(1e-7)``.

    Raises
    ------
    ValueError
        With fewer than four points.
    """
    if len(points) < 4:
        raise ValueError(f"points: expected at least 4, got {len(points)}")
    distances, _ = cKDTree(points).query(points, k=4)
    mean_square = np.square(np.asarray(distances)[:, 1:]).mean(axis=1)
    return np.sqrt(np.maximum(mean_square, SMALLEST_SQUARE)).astype(np.float32)


def log_linear(start: float, end: float, fraction: float) -> float:
    """Rate on the straight line between two rates in log space; ``fraction`` in [0, 1]."""
    return math.exp(math.log(start) * (1 - fraction) + math.log(end) * fraction)


def camera_extent(cameras: TorchCameras) -> float:
    """1.1 times the largest distance of a camera from the cameras' mean position (3DGS); 0 for one camera."""
    rotation, translation = cameras.world_to_camera[:, :3, :3], cameras.world_to_camera[:, :3, 3:]
    centers = -(rotation.mT @ translation).squeeze(-1)
    return float(1.1 * (centers - centers.mean(dim=0)).norm(dim=1).max())


def looks_at(step: int, steps: int, device: torch.device) -> bool:
    """Whether values on the device are looked at after a step (from 0): to look at one on CUDA waits for all work."""
    return device.type == "cpu" or step % LOOK_EVERY == LOOK_EVERY - 1 or step + 1 == steps


class LossGuard:
    """Ends a cell whose loss stops being a number, naming the step and the last good loss."""

    def __init__(self, stage: str, steps: int):
        self.stage = stage
        self.steps = steps
        self.last = math.nan
        self._unseen: list[tuple[int, torch.Tensor]] = []

    def __call__(self, step: int, loss: torch.Tensor) -> float:
        """The newest loss that was looked at, as a number."""
        self._unseen.append((step, loss.detach()))
        if not looks_at(step, self.steps, loss.device):
            return self.last
        values = torch.stack([unseen for _, unseen in self._unseen]).tolist()
        for (place, _), value in zip(self._unseen, values, strict=True):
            if not math.isfinite(value):
                raise CellError(
                    f"{self.stage}: the loss is {value} at step {place + 1} (before it {self.last:.6g}); "
                    "lower the protocol's rates, or look for a feature or point that is not finite"
                )
            self.last = value
        self._unseen = []
        return self.last
