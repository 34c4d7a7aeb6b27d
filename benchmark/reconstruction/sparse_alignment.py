"""Sparse alignment: cameras from matches between views whose own shape is taken from the network (section 2.3).

Leroy et al., MASt3R, ECCV 2024; Duisterhof et al., MASt3R-SfM, 3DV 2025, section 4.3: first matched points are brought
together in space, then on the pictures. A view's depth is the network's up to one scale; no depth is optimised.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor, nn

from benchmark.cameras import Camera
from benchmark.errors import InputError
from benchmark.protocols import SparseAlignment
from benchmark.reconstruction.alignment import Aligned, clean
from benchmark.reconstruction.matching import Matches
from benchmark.reconstruction.point_maps import PairMaps
from benchmark.reconstruction.spanning_tree import centred_pixels, estimate_focal, robust_similarity
from benchmark.splatting.poses import matrix_to_quaternion, quaternion_to_matrix

# Times that the frames of the start are found again with far points weighing less.
REWEIGHTINGS = 10
# Fewer matches than this place no view.
FEWEST_MATCHES = 8


@dataclass(frozen=True)
class Shapes:
    """Each view's own depth and confidence, from all pairs in whose frame it is.

    Attributes
    ----------
    focal
        In pixels, estimated from the shape.
    """

    depth: Float64[np.ndarray, "view pixel"]
    confidence: Float32[np.ndarray, "view pixel"]
    focal: Float64[np.ndarray, "view"]


def shapes_of(maps: PairMaps) -> Shapes:
    """Means, weighted by confidence, of what the pairs say of their first view, brought to one unit a view."""
    points, confidence = maps.points.numpy(), maps.confidence.numpy()
    depths, surest, focal = [], [], []
    for view in range(maps.views):
        own = [number for number, (first, _) in enumerate(maps.edges) if first == view]
        unit = np.median(points[own[0], 0, 2])
        factors = np.array([unit / np.median(points[number, 0, 2]) for number in own])
        weights = np.stack([confidence[number, 0] for number in own]).astype(np.float64)
        said = np.stack([points[number, 0] * factor for number, factor in zip(own, factors, strict=True)])
        mean = (weights[:, None] * said).sum(axis=0) / weights.sum(axis=0)
        depths.append(mean[2])
        surest.append(weights.max(axis=0).astype(np.float32))
        focal.append(estimate_focal(mean.astype(np.float64), maps.width, maps.height))
    depth = np.stack(depths).astype(np.float64)
    floor = 1e-3 * np.median(np.abs(depth), axis=1, keepdims=True) + 1e-12
    return Shapes(np.maximum(depth, floor), np.stack(surest), np.array(focal))


def align_sparse(
    maps: PairMaps,
    matches: Sequence[Matches],
    settings: SparseAlignment,
    names: Sequence[str],
    focal: Float64[np.ndarray, "view"] | None = None,
) -> Aligned:
    """Cameras that bring matched pixels together, and the views' depth at the scale that fits.

    Parameters
    ----------
    matches
        Of pairs of these views; those below ``settings.least_confidence`` are not used.
    focal
        Known focal lengths in pixels, then frozen.

    Raises
    ------
    InputError
        If matches do not connect a view to the others; names it.
    """
    shapes = shapes_of(maps)
    kept = [_confident(pair, settings.least_confidence) for pair in matches]
    first_focal = shapes.focal if focal is None else focal
    if focal is None and settings.shared_focal:
        first_focal = np.full(maps.views, shapes.focal.mean())
    state = _State(
        maps, shapes, first_focal, _chain(maps, shapes, first_focal, kept, names), focal is not None, settings
    )
    terms = _Terms(maps, shapes, kept)
    # In space a longer focal length would draw all points together: it moves in the second stage alone.
    state.log_focal.requires_grad_(False)
    _descend(
        state, lambda: terms.in_space(state, settings.power_space), settings.steps_space, settings.rate_space, settings
    )
    state.log_focal.requires_grad_(focal is None)
    energy = _descend(
        state,
        lambda: terms.in_pictures(state, settings.power_picture),
        settings.steps_picture,
        settings.rate_picture,
        settings,
    )
    return _finished(maps, shapes, state, settings, energy)


def _confident(pair: Matches, least: float) -> Matches:
    good = pair.confidence > least
    return Matches(pair.first, pair.second, pair.first_pixel[good], pair.second_pixel[good], pair.confidence[good])


def _in_camera(maps: PairMaps, shapes: Shapes, focal: np.ndarray, view: int, pixel: np.ndarray) -> np.ndarray:
    rays = np.concatenate([centred_pixels(maps.width, maps.height)[:, pixel] / focal[view], np.ones((1, len(pixel)))])
    return rays * shapes.depth[view, pixel]


def _chain(
    maps: PairMaps, shapes: Shapes, focal: np.ndarray, matches: Sequence[Matches], names: Sequence[str]
) -> Float64[np.ndarray, "view 3 4"]:
    """Each view's frame and scale in the world of the best connected one, over the pairs of most matches."""
    order = sorted(
        (pair for pair in matches if len(pair.confidence) >= FEWEST_MATCHES), key=lambda p: -p.confidence.sum()
    )
    world: dict[int, np.ndarray] = {order[0].first if order else 0: np.eye(3, 4)}
    while len(world) < maps.views:
        pair = next((pair for pair in order if (pair.first in world) != (pair.second in world)), None)
        if pair is None:
            lost = ", ".join(names[view] for view in range(maps.views) if view not in world)
            raise InputError(
                f"view {lost} could not be placed: fewer than {FEWEST_MATCHES} sure matches with the other views; does "
                "it overlap with them? Take it out of the split"
            )
        new, old = (pair.second, pair.first) if pair.first in world else (pair.first, pair.second)
        pixels = {pair.first: pair.first_pixel, pair.second: pair.second_pixel}
        target = _in_camera(maps, shapes, focal, old, pixels[old])
        target = world[old][:, :3] @ target + world[old][:, 3:]
        found = robust_similarity(
            _in_camera(maps, shapes, focal, new, pixels[new]), target, pair.confidence, REWEIGHTINGS
        )
        if not (np.isfinite(found.scale) and found.scale > 0):
            raise InputError(
                f"view {names[new]} could not be placed: its matches agree on nothing; take it out of the split"
            )
        world[new] = np.concatenate([found.scale * found.rotation, found.translation[:, None]], axis=1)
    return np.stack([world[view] for view in range(maps.views)])


class _State(nn.Module):
    """What is optimised: orientations, places, scales and focal lengths."""

    def __init__(
        self,
        maps: PairMaps,
        shapes: Shapes,
        focal: np.ndarray,
        frames: np.ndarray,
        frozen: bool,
        settings: SparseAlignment,
    ):
        super().__init__()
        scales = np.cbrt(np.linalg.det(frames[:, :, :3]))
        unit = np.exp(np.log(scales).mean())
        rotations = frames[:, :, :3] / scales[:, None, None]
        self.views = maps.views
        self.quaternions = nn.Parameter(matrix_to_quaternion(torch.from_numpy(rotations)).float())
        # In units of the median depth, so that one rate fits every scene.
        self.unit = float(np.median(shapes.depth))
        self.places = nn.Parameter(torch.from_numpy(frames[:, :, 3] / unit / self.unit).float())
        self.log_scales = nn.Parameter(torch.from_numpy(np.log(scales / unit)).float())
        log_focal = np.log(focal if frozen or not settings.shared_focal else focal[:1])
        self.log_focal = nn.Parameter(torch.from_numpy(log_focal).float())

    def scales(self) -> Float[Tensor, "view"]:
        """Of the views' depth; their geometric mean stays 1, else all would shrink to nothing."""
        return (self.log_scales - self.log_scales.mean()).exp()

    def focal(self) -> Float[Tensor, "view"]:
        """In pixels."""
        return self.log_focal.exp().expand(self.views)


class _Terms:
    """The matches of all pairs as one tensor."""

    def __init__(self, maps: PairMaps, shapes: Shapes, matches: Sequence[Matches]):
        pixels = centred_pixels(maps.width, maps.height)
        self.unit = float(np.median(shapes.depth))
        self.view: list[Tensor] = []
        self.pixel: list[Tensor] = []
        self.depth: list[Tensor] = []
        for side in ("first", "second"):
            views = np.concatenate([np.full(len(pair.confidence), getattr(pair, side)) for pair in matches])
            places = np.concatenate([getattr(pair, f"{side}_pixel") for pair in matches])
            self.view.append(torch.from_numpy(views))
            self.pixel.append(torch.from_numpy(pixels[:, places].T).float())
            self.depth.append(torch.from_numpy(shapes.depth[views, places] / self.unit).float())
        confidence = np.concatenate([pair.confidence for pair in matches])
        self.weight = torch.from_numpy(confidence / confidence.sum()).float()

    def _world(self, state: _State, side: int) -> Float[Tensor, "match 3"]:
        view, focal = self.view[side], state.focal()
        rays = torch.cat([self.pixel[side] / focal[view, None], torch.ones(len(view), 1)], dim=1)
        in_camera = rays * (self.depth[side] * state.scales()[view])[:, None]
        return (quaternion_to_matrix(state.quaternions)[view] @ in_camera[..., None])[..., 0] + state.places[view]

    def in_space(self, state: _State, power: float) -> Float[Tensor, ""]:
        """Distances of matched points, over the scene's median depth."""
        distance = (self._world(state, 0) - self._world(state, 1)).square().sum(dim=1).clamp(min=1e-16).sqrt()
        return (self.weight * rising(distance, power)).sum()

    def in_pictures(self, state: _State, power: float) -> Float[Tensor, ""]:
        """Distances, in pixels, of points of either view from their match in the other's picture."""
        total = torch.zeros(())
        rotations, focal = quaternion_to_matrix(state.quaternions), state.focal()
        for here, there in ((0, 1), (1, 0)):
            view = self.view[there]
            offset = self._world(state, here) - state.places[view]
            seen = (rotations[view].transpose(1, 2) @ offset[..., None])[..., 0]
            pixels = focal[view, None] * seen[:, :2] / seen[:, 2:].clamp(min=1e-3)
            distance = (pixels - self.pixel[there]).square().sum(dim=1).clamp(min=1e-12).sqrt()
            total = total + (self.weight * rising(distance, power)).sum()
        return total


def rising(distance: Float[Tensor, "match"], power: float) -> Float[Tensor, "match"]:
    """``(d + a)^power - a^power`` with the shift a that makes its slope 1 at 0 (MASt3R-SfM's robust loss)."""
    shift = (1 / power) ** (1 / (power - 1))
    return (distance + shift) ** power - shift**power


def _descend(state: _State, loss: Callable[[], Tensor], steps: int, rate: float, settings: SparseAlignment) -> float:
    """Adam with a cosine schedule; the last loss."""
    optimizer = torch.optim.Adam([p for p in state.parameters() if p.requires_grad], lr=rate, betas=settings.betas)
    value = torch.zeros(())
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 0.5 * rate * (1 + math.cos(math.pi * step / steps))
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
    return float(value.detach())


@torch.no_grad()
def _finished(maps: PairMaps, shapes: Shapes, state: _State, settings: SparseAlignment, energy: float) -> Aligned:
    shape = (maps.views, maps.height, maps.width)
    state = state.double()
    rotations, places = quaternion_to_matrix(state.quaternions).numpy(), (state.places * state.unit).numpy()
    cameras = []
    for rotation, place, focal in zip(rotations, places, state.focal().numpy(), strict=True):
        world_to_camera = np.eye(4)
        world_to_camera[:3, :3], world_to_camera[:3, 3] = rotation.T, -rotation.T @ place
        intrinsics = np.array([[focal, 0, maps.width / 2], [0, focal, maps.height / 2], [0, 0, 1.0]])
        cameras.append(Camera(world_to_camera, intrinsics, maps.width, maps.height))
    depth = (shapes.depth * state.scales().numpy()[:, None]).reshape(shape).astype(np.float32)
    confidence = clean(depth, shapes.confidence.reshape(shape), cameras, settings.clean_tolerance)
    return Aligned(tuple(cameras), depth, confidence, energy)
