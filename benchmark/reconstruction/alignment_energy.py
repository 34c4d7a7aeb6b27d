"""What a global alignment minimises, and its gradient: compiled and fused for the CPU, batched tensors elsewhere.

    mean over pairs e and pixels p of  log(confidence) * | X_v(p) - (s_e R_e y_e(p) + t_e) |,  summed over both views v

with ``X_v(p) = Q_v (d p) + c_v`` the world point of a pixel at depth d, y what the network says of it in the pair's frame
(DUSt3R, equation 5). The fused kernel reads every map once a step: memory traffic, not arithmetic, is what it costs.
"""

from __future__ import annotations

import numba
import numpy as np
import torch
from jaxtyping import Float
from numba import njit, prange
from torch import Tensor

from benchmark.reconstruction.point_maps import PairMaps
from benchmark.reconstruction.spanning_tree import centred_pixels

CHUNK = 2048
# Points that keep a thread busy long enough to be worth waking.
POINTS_A_THREAD = 1_000_000
# Nearer than this nothing pulls.
SMALLEST = 1e-12


class Energy:
    """The energy of point maps, as a function of cameras, depth and the frames of the pairs."""

    def __init__(self, maps: PairMaps, device: str):
        self.edge_of_map = torch.tensor([edge for edge in range(len(maps.edges)) for _ in (0, 1)], device=device)
        self.view_of_map = torch.tensor([view for edge in maps.edges for view in edge], device=device)
        self.points = maps.points.flatten(0, 1).to(device, torch.float32).contiguous()
        self.weights = maps.confidence.flatten(0, 1).to(device, torch.float32).log().contiguous()
        self.pixels = torch.from_numpy(centred_pixels(maps.width, maps.height)).to(device, torch.float32)
        self.normaliser = 1.0 / (len(maps.edges) * self.points.shape[2])
        self.threads = max(1, min(numba.get_num_threads(), self.weights.numel() // POINTS_A_THREAD))

    def __call__(
        self,
        log_depth: Float[Tensor, "view pixel"],
        log_focal: Float[Tensor, "view"],
        camera_to_world: Float[Tensor, "view 3 4"],
        pair_to_world: Float[Tensor, "edge 3 4"],
    ) -> Float[Tensor, ""]:
        """The energy; differentiable in all arguments."""
        if log_depth.device.type == "cpu":
            energy: Tensor = _Fused.apply(self, log_depth, log_focal, camera_to_world, pair_to_world)
            return energy
        return self.batched(log_depth, log_focal, camera_to_world, pair_to_world)

    def batched(
        self, log_depth: Tensor, log_focal: Tensor, camera_to_world: Tensor, pair_to_world: Tensor
    ) -> Float[Tensor, ""]:
        """The same in plain tensor operations, all maps at once."""
        rays = self.pixels[None] / log_focal.exp()[:, None, None]
        in_camera = torch.cat([rays, torch.ones_like(rays[:, :1])], dim=1) * log_depth.exp()[:, None]
        world = camera_to_world[:, :, :3] @ in_camera + camera_to_world[:, :, 3:]
        pairs = pair_to_world[self.edge_of_map]
        said = pairs[:, :, :3] @ self.points + pairs[:, :, 3:]
        distance = (world[self.view_of_map] - said).square().sum(dim=1).clamp(min=SMALLEST**2).sqrt()
        return (self.weights * distance).sum() * self.normaliser


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx, energy, log_depth, log_focal, camera_to_world, pair_to_world):
        views = log_depth.shape[0]
        maps_of_view = [np.flatnonzero(energy.view_of_map.numpy() == view) for view in range(views)]
        first = np.concatenate([[0], np.cumsum([len(maps) for maps in maps_of_view])])
        threads = numba.get_num_threads()
        numba.set_num_threads(energy.threads)
        results = _energy(
            log_depth.detach().numpy(),
            log_focal.detach().double().exp().numpy(),
            camera_to_world.detach().float().contiguous().numpy(),
            pair_to_world.detach().float()[energy.edge_of_map].contiguous().numpy(),
            energy.points.numpy(),
            energy.weights.numpy(),
            energy.pixels.numpy(),
            np.concatenate(maps_of_view),
            first,
            np.float32(energy.normaliser),
        )
        numba.set_num_threads(threads)
        total, to_depth, to_focal, to_camera, to_map = results
        to_pair = torch.zeros(len(pair_to_world), 3, 4, dtype=torch.float64)
        to_pair.index_add_(0, energy.edge_of_map, torch.from_numpy(to_map.sum(axis=0)))
        ctx.gradients = (
            torch.from_numpy(to_depth),
            torch.from_numpy(to_focal.sum(axis=0)),
            torch.from_numpy(to_camera.sum(axis=0)),
            to_pair,
        )
        ctx.kinds = [values.dtype for values in (log_depth, log_focal, camera_to_world, pair_to_world)]
        return log_depth.new_tensor(total.sum())

    @staticmethod
    def backward(ctx, upstream):
        return None, *((gradient * upstream).to(kind) for gradient, kind in zip(ctx.gradients, ctx.kinds, strict=True))


@njit(parallel=True, cache=True, fastmath=True)
def _energy(
    log_depth, focal, camera_to_world, map_to_world, points, weights, pixels, maps, first, normaliser
):  # pragma: no cover - compiled
    views, count = log_depth.shape
    chunks = (count + CHUNK - 1) // CHUNK
    total = np.zeros((chunks, views))
    to_depth = np.empty((views, count), np.float32)
    to_focal = np.zeros((chunks, views))
    to_camera = np.zeros((chunks, views, 3, 4))
    to_map = np.zeros((chunks, len(points), 3, 4))
    for task in prange(views * chunks):
        view, chunk = task // chunks, task % chunks
        start = chunk * CHUNK
        stop = min(start + CHUNK, count)
        size = stop - start
        camera = camera_to_world[view]
        local = np.empty((3, size), np.float32)
        world = np.empty((3, size), np.float32)
        pull = np.zeros((3, size), np.float32)
        inverse = np.float32(1.0 / focal[view])
        for k in range(size):
            depth = np.exp(log_depth[view, start + k])
            local[0, k] = pixels[0, start + k] * inverse * depth
            local[1, k] = pixels[1, start + k] * inverse * depth
            local[2, k] = depth
        for axis in range(3):
            for k in range(size):
                world[axis, k] = (
                    camera[axis, 0] * local[0, k]
                    + camera[axis, 1] * local[1, k]
                    + camera[axis, 2] * local[2, k]
                    + camera[axis, 3]
                )
        for place in range(first[view], first[view + 1]):
            number = maps[place]
            total[chunk, view] += _pull(
                points[number, :, start:stop],
                weights[number, start:stop],
                map_to_world[number],
                world,
                pull,
                to_map[chunk, number],
                normaliser,
            )
        for axis in range(3):
            for other in range(3):
                value = np.float32(0.0)
                for k in range(size):
                    value += pull[axis, k] * local[other, k]
                to_camera[chunk, view, axis, other] = value
            value = np.float32(0.0)
            for k in range(size):
                value += pull[axis, k]
            to_camera[chunk, view, axis, 3] = value
        to_focal[chunk, view] = _along_rays(camera, local, pull, to_depth[view, start:stop])
    return total, to_depth, to_focal, to_camera, to_map


@njit(fastmath=True, cache=True)
def _along_rays(camera, local, pull, to_depth):  # pragma: no cover - compiled
    """Gradients of log depth, written, and of the view's log focal length, returned."""
    focal_pull = np.float32(0.0)
    for k in range(len(to_depth)):
        a = camera[0, 0] * pull[0, k] + camera[1, 0] * pull[1, k] + camera[2, 0] * pull[2, k]
        b = camera[0, 1] * pull[0, k] + camera[1, 1] * pull[1, k] + camera[2, 1] * pull[2, k]
        c = camera[0, 2] * pull[0, k] + camera[1, 2] * pull[1, k] + camera[2, 2] * pull[2, k]
        across = a * local[0, k] + b * local[1, k]
        to_depth[k] = across + c * local[2, k]
        focal_pull -= across
    return focal_pull


@njit(fastmath=True, cache=True)
def _pull(points, weights, frame, world, pull, to_map, normaliser):  # pragma: no cover - compiled
    """Weighted distances of one map in one chunk; adds their gradient to the world points' and to the frame's."""
    total = np.float32(0.0)
    xx, xy, xz, x1 = np.float32(0.0), np.float32(0.0), np.float32(0.0), np.float32(0.0)
    yx, yy, yz, y1 = np.float32(0.0), np.float32(0.0), np.float32(0.0), np.float32(0.0)
    zx, zy, zz, z1 = np.float32(0.0), np.float32(0.0), np.float32(0.0), np.float32(0.0)
    a, b, c, d = frame[0]
    e, f, g, h = frame[1]
    i, j, k, m = frame[2]
    for p in range(len(weights)):
        px, py, pz = points[0, p], points[1, p], points[2, p]
        dx = world[0, p] - (a * px + b * py + c * pz + d)
        dy = world[1, p] - (e * px + f * py + g * pz + h)
        dz = world[2, p] - (i * px + j * py + k * pz + m)
        distance = np.sqrt(dx * dx + dy * dy + dz * dz)
        weight = weights[p] * normaliser
        total += weight * distance
        factor = weight / max(distance, np.float32(SMALLEST))
        dx, dy, dz = dx * factor, dy * factor, dz * factor
        pull[0, p] += dx
        pull[1, p] += dy
        pull[2, p] += dz
        xx -= dx * px
        xy -= dx * py
        xz -= dx * pz
        x1 -= dx
        yx -= dy * px
        yy -= dy * py
        yz -= dy * pz
        y1 -= dy
        zx -= dz * px
        zy -= dz * py
        zz -= dz * pz
        z1 -= dz
    to_map[0, 0], to_map[0, 1], to_map[0, 2], to_map[0, 3] = xx, xy, xz, x1
    to_map[1, 0], to_map[1, 1], to_map[1, 2], to_map[1, 3] = yx, yy, yz, y1
    to_map[2, 0], to_map[2, 1], to_map[2, 2], to_map[2, 3] = zx, zy, zz, z1
    return total
