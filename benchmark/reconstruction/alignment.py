"""Global alignment: one world from the point maps of pairs, by gradient descent on cameras, depth and pairs' frames.

Wang et al., "DUSt3R", CVPR 2024, section 3.4; values of section 2.2 of the protocol notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64
from torch import Tensor, nn

from benchmark.cameras import Camera, project, unproject
from benchmark.protocols import Alignment
from benchmark.reconstruction.alignment_energy import Energy
from benchmark.reconstruction.point_maps import PairMaps
from benchmark.reconstruction.spanning_tree import Start, start_values
from benchmark.reconstruction.visibility import nearest_pixels
from benchmark.splatting.poses import matrix_to_quaternion, quaternion_to_matrix


@dataclass(frozen=True)
class Aligned:
    """Views in one world.

    Attributes
    ----------
    confidence
        The network's, of the pair that is surest of the pixel; 0 where the point was cleaned away.
    energy
        Of the last step.
    """

    cameras: tuple[Camera, ...]
    depth: Float32[np.ndarray, "view height width"]
    confidence: Float32[np.ndarray, "view height width"]
    energy: float

    @property
    def valid(self) -> Bool[np.ndarray, "view height width"]:
        """Points that were not cleaned away: all, however unsure (section 2.2)."""
        return self.confidence > 0

    @property
    def points(self) -> Float64[np.ndarray, "view height width 3"]:
        """World points of all pixels."""
        return np.stack([unproject(z, camera) for z, camera in zip(self.depth, self.cameras, strict=True)])


def align(
    maps: PairMaps,
    settings: Alignment,
    names: Sequence[str],
    device: str = "cpu",
    focal: Float64[np.ndarray, "view"] | None = None,
) -> Aligned:
    """Bring all pairs into one world.

    Parameters
    ----------
    names
        Of the views, for messages.
    focal
        Known focal lengths in pixels, then frozen; None estimates them as ``settings.focal`` says.

    Raises
    ------
    InputError
        If a view cannot be placed at all.
    """
    start = start_values(maps, settings, names, focal)
    state = _State(start, "averaged" if focal is not None else settings.focal, settings.base_scale).to(device)
    energy = Energy(maps, device)
    optimizer = torch.optim.Adam(state.groups(), lr=settings.rate, betas=settings.betas)
    value = torch.zeros(())
    for step in range(settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = settings.rate + (settings.final_rate - settings.rate) * step / settings.steps
        optimizer.zero_grad()
        value = energy(state.log_depth, state.log_focals(), state.cameras(), state.pairs())
        value.backward()
        optimizer.step()
    return _finished(maps, state, settings, float(value.detach()))


class _State(nn.Module):
    """What is optimised; quaternions are normalised in use."""

    def __init__(self, start: Start, focal: str, base_scale: float):
        super().__init__()
        self.base_scale = base_scale
        self.views = len(start.focal)
        self.log_depth = _parameter(np.log(start.depth))
        log_focal = np.log(start.focal)
        self.log_focal = _parameter(log_focal if focal != "shared" else log_focal.mean(keepdims=True))
        self.log_focal.requires_grad_(focal != "averaged")
        self.quaternions = _parameter(_quaternions(start.camera_to_world[:, :3, :3]))
        self.places = _parameter(_compressed(start.camera_to_world[:, :3, 3]))
        self.pair_quaternions = _parameter(_quaternions(np.stack([pair.rotation for pair in start.pairs])))
        self.pair_places = _parameter(_compressed(np.stack([pair.translation for pair in start.pairs])))
        self.pair_log_scales = _parameter(np.log([pair.scale for pair in start.pairs]))

    def groups(self) -> list[nn.Parameter]:
        """Parameters that move."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def log_focals(self) -> Float[Tensor, "view"]:
        """One a view."""
        return self.log_focal.expand(self.views)

    def cameras(self) -> Float[Tensor, "view 3 4"]:
        """Camera to world."""
        return torch.cat([quaternion_to_matrix(self.quaternions), _expanded(self.places)[..., None]], dim=-1)

    def pairs(self) -> Float[Tensor, "edge 3 4"]:
        """Pair to world; the geometric mean of the scales stays `base_scale`, else all would shrink to nothing."""
        scales = self.base_scale * (self.pair_log_scales - self.pair_log_scales.mean()).exp()
        rotations = scales[:, None, None] * quaternion_to_matrix(self.pair_quaternions)
        return torch.cat([rotations, _expanded(self.pair_places)[..., None]], dim=-1)


def _parameter(values: np.ndarray) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(np.asarray(values)).float())


def _quaternions(rotations: np.ndarray) -> np.ndarray:
    return matrix_to_quaternion(torch.from_numpy(rotations)).numpy()


def _compressed(places: np.ndarray) -> np.ndarray:
    """Signed logarithm, so that one rate fits near and far (as published)."""
    return np.sign(places) * np.log1p(np.abs(places))


def _expanded(compressed: Tensor) -> Tensor:
    return compressed.sign() * compressed.abs().expm1()


@torch.no_grad()
def _finished(maps: PairMaps, state: _State, settings: Alignment, energy: float) -> Aligned:
    shape = (state.views, maps.height, maps.width)
    cameras = []
    # In double precision, so that rotations are such to its last digit.
    for pose, focal in zip(state.double().cameras().cpu().numpy(), state.log_focals().exp().cpu().numpy(), strict=True):
        world_to_camera = np.eye(4)
        world_to_camera[:3, :3], world_to_camera[:3, 3] = pose[:, :3].T, -pose[:, :3].T @ pose[:, 3]
        intrinsics = np.array([[focal, 0, maps.width / 2], [0, focal, maps.height / 2], [0, 0, 1.0]])
        cameras.append(Camera(world_to_camera, intrinsics, maps.width, maps.height))
    depth = state.log_depth.exp().cpu().numpy().reshape(shape).astype(np.float32)
    confidence = np.zeros(shape, np.float32).reshape(state.views, -1)
    for edge, both in zip(maps.edges, maps.confidence.numpy(), strict=True):
        for view, values in zip(edge, both, strict=True):
            confidence[view] = np.maximum(confidence[view], values)
    cleaned = clean(depth, confidence.reshape(shape), cameras, settings.clean_tolerance)
    return Aligned(tuple(cameras), depth, cleaned, energy)


def clean(
    depth: Float32[np.ndarray, "view height width"],
    confidence: Float32[np.ndarray, "view height width"],
    cameras: Sequence[Camera],
    tolerance: float,
) -> Float32[np.ndarray, "view height width"]:
    """Confidence, 0 for points that stand before the surface of another view which is surer there (DUSt3R's code)."""
    cleaned = confidence.copy()
    for index, camera in enumerate(cameras):
        points = unproject(depth[index], camera)
        for other, other_camera in enumerate(cameras):
            if other == index:
                continue
            pixels, distance = project(points, other_camera)
            row, column, inside = nearest_pixels(pixels, distance, other_camera)
            before = distance < (1 - tolerance) * depth[other][row, column]
            cleaned[index][inside & before & (confidence[index] < confidence[other][row, column])] = 0
    return cleaned
