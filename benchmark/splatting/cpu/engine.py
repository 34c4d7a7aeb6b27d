"""The CPU backend as three differentiable stages: projection, colours, blending."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int32, Int64

from benchmark.splatting.cpu.backward import differentiate_bins, sum_entries
from benchmark.splatting.cpu.binning import SIDE, count_entries, fill_entries
from benchmark.splatting.cpu.forward import AREA, COLOR, GROUP, render_bins
from benchmark.splatting.cpu.projection import BLOCK, project
from benchmark.splatting.cpu.projection_backward import project_backward
from benchmark.splatting.cpu.spherical_harmonics import shade, shade_backward
from benchmark.splatting.cpu.threads import in_threads

# Gaussians a chunk when entries are counted, and chunks at most: each needs a table of all bins.
CHUNK, MOST_CHUNKS = 1024, 16

Table = np.ndarray


def array(tensor: torch.Tensor) -> Table:
    """The tensor's values as a float32 array; shares its memory where it can."""
    return np.ascontiguousarray(tensor.detach().numpy(), dtype=np.float32)


def gradient(given: torch.Tensor | None, shape: tuple[int, ...]) -> Table:
    """A gradient's values, flat; zeros where nothing depends on the output.

    Zeros that PyTorch fills in come from threads that go on spinning on the processors that ours are to use.
    """
    return np.zeros(math.prod(shape), np.float32) if given is None else array(given).reshape(-1)


def tensor(values: Table) -> torch.Tensor:
    """An array of ours as a tensor on the same memory."""
    return torch.from_numpy(values)


def blocks(count: int) -> int:
    """Blocks of Gaussians that the kernels keep partial sums for."""
    return -(-count // BLOCK)


class Project(torch.autograd.Function):
    """Means, quaternions, scales, opacities and poses to what is seen of each Gaussian in each camera's image."""

    @staticmethod
    def forward(
        ctx: Any,
        means: torch.Tensor,
        quats: torch.Tensor,
        scales: torch.Tensor,
        opacities: torch.Tensor,
        viewmats: torch.Tensor,
        intrinsics: torch.Tensor,
        size: tuple[int, int],
        limits: tuple[float, float, float, float],
        antialiased: bool,
    ) -> tuple[torch.Tensor, ...]:
        cameras, count = len(viewmats), len(means)
        inputs = [array(value).reshape(-1) for value in (means, quats, scales, opacities)]
        views, lenses = viewmats.detach().double().numpy(), intrinsics.detach().double().numpy()
        means2d, depths = np.empty((cameras, count, 2), np.float32), np.empty((cameras, count), np.float32)
        shapes, projected = np.empty((cameras, count, 3), np.float32), np.empty((cameras, count), np.float32)
        radii, boxes = np.empty((cameras, count, 2), np.int32), np.empty((cameras, count, 4), np.int16)
        log_opacities = np.empty((cameras, count), np.float32)
        outputs = [values.reshape(-1) for values in (means2d, depths, shapes, projected, radii, log_opacities, boxes)]
        settings = (size, limits, antialiased)
        in_threads(project, *inputs, views, lenses, *settings, *outputs)
        ctx.kept = (inputs, views, lenses, settings, radii)
        constant = (tensor(radii), tensor(log_opacities), tensor(boxes))
        ctx.mark_non_differentiable(*constant)
        ctx.set_materialize_grads(False)
        return tensor(means2d), tensor(depths), tensor(shapes), tensor(projected), *constant

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        inputs, views, lenses, settings, radii = ctx.kept
        count = len(inputs[3])
        v_means2d, v_depths, v_shapes, v_projected = (
            gradient(given, (len(views), count, columns))
            for given, columns in zip(gradients, (2, 1, 3, 1), strict=False)
        )
        v_means, v_quats = np.zeros((count, 3), np.float32), np.zeros((count, 4), np.float32)
        v_scales, v_opacities = np.zeros((count, 3), np.float32), np.zeros(count, np.float32)
        v_views = np.zeros((blocks(count), len(views), 3, 4), np.float32)
        in_threads(
            project_backward,
            *inputs,
            views,
            lenses,
            *settings,
            radii.reshape(-1),
            v_means2d,
            v_depths,
            v_shapes,
            v_projected,
            *(values.reshape(-1) for values in (v_means, v_quats, v_scales, v_opacities)),
            v_views,
        )
        to_views = np.zeros((len(views), 4, 4), np.float32)
        to_views[:, :3] = v_views.sum(axis=0, dtype=np.float64)
        made = [tensor(values) for values in (v_means, v_quats, v_scales, v_opacities, to_views)]
        return (*made, None, None, None, None)


class Shade(torch.autograd.Function):
    """Spherical-harmonic coefficients to the colours that the cameras see; unseen Gaussians are black."""

    @staticmethod
    def forward(
        ctx: Any,
        degree: int,
        means: torch.Tensor,
        positions: torch.Tensor,
        coefficients: torch.Tensor,
        radii: torch.Tensor,
    ) -> torch.Tensor:
        inputs = (array(means).reshape(-1), array(positions), array(coefficients), radii.numpy())
        colors = np.zeros((*radii.shape[:2], coefficients.shape[-1]), np.float32)
        in_threads(shade, degree, *inputs, colors)
        ctx.kept = (degree, inputs, colors)
        return tensor(colors)

    @staticmethod
    def backward(ctx: Any, v_colors: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        degree, inputs, colors = ctx.kept
        _, positions, coefficients, _ = inputs
        count = colors.shape[1]
        v_means, v_coefficients = np.zeros((count, 3), np.float32), np.zeros_like(coefficients)
        v_positions = np.zeros((blocks(count), *positions.shape), np.float32)
        in_threads(shade_backward, degree, *inputs, colors, array(v_colors), v_means, v_positions, v_coefficients)
        return None, tensor(v_means), tensor(v_positions.sum(axis=0)), tensor(v_coefficients), None


@dataclass(frozen=True)
class Entries:
    """Who is drawn in which bin: see `benchmark.splatting.cpu.binning`.

    Attributes
    ----------
    order
        The bins of all cameras, the fullest first.
    starts
        Place of each bin's first entry.
    gaussians, slots
        Of every entry.
    first_slot
        Of every Gaussian of every camera, and one past the last.
    """

    order: Int64[np.ndarray, "bin"]
    starts: Int64[np.ndarray, "bin+1"]
    gaussians: Int32[np.ndarray, "entry"]
    slots: Int32[np.ndarray, "entry"]
    first_slot: Int64[np.ndarray, "gaussian+1"]


class Blend(torch.autograd.Function):
    """Projected Gaussians and their colours, ``[1 or camera, gaussian, channel]``, to pictures and their coverage."""

    @staticmethod
    def forward(
        ctx: Any,
        means2d: torch.Tensor,
        shapes: torch.Tensor,
        opacities: torch.Tensor,
        colors: torch.Tensor,
        backgrounds: torch.Tensor,
        depths: torch.Tensor,
        log_opacities: torch.Tensor,
        boxes: torch.Tensor,
        size: tuple[int, int],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        cameras, count = opacities.shape
        channels = colors.shape[-1]
        places = [array(value).reshape(-1) for value in (means2d, shapes, log_opacities)]
        places.append(boxes.numpy().reshape(-1))
        bins = _bin(places[0], places[1], places[2], places[3], size, cameras)
        stride = COLOR + GROUP * -(-channels // GROUP)
        entries = np.empty(len(bins.slots) * stride, np.float32)
        spans = np.empty(4 * len(bins.slots), np.uint8)
        transmittances, ended_at = np.empty((2, len(bins.order), AREA), np.float32)
        looked_at = np.zeros(len(bins.order), np.int64)
        width, height = size
        render = np.empty((cameras, height, width, channels), np.float32)
        alphas = np.empty((cameras, height, width, 1), np.float32)
        # From a Gaussian's row among all cameras to that of its colour.
        color_offsets = np.arange(cameras) * (-count if len(colors) == 1 else 0)
        behind = array(backgrounds)
        in_threads(
            render_bins, bins.order, bins.starts, size, bins.gaussians, bins.slots,
            array(depths).reshape(-1), *places, array(colors).reshape(-1), color_offsets, behind, stride, entries,
            spans, transmittances, ended_at, looked_at, render.reshape(-1), alphas.reshape(-1),
        )  # fmt: skip
        ctx.kept = (bins, size, array(opacities), len(colors), behind, stride)
        ctx.drawn = (entries, spans, transmittances, ended_at, looked_at)
        ctx.set_materialize_grads(False)
        return tensor(render), tensor(alphas)

    @staticmethod
    def backward(
        ctx: Any, v_render: torch.Tensor | None, v_alphas: torch.Tensor | None
    ) -> tuple[torch.Tensor | None, ...]:
        bins, size, opacities, color_tables, behind, stride = ctx.kept
        cameras, count = opacities.shape
        width, height = size
        channels = behind.shape[1]
        v_entries = np.empty(len(bins.slots) * stride, np.float32)
        v_picture = gradient(v_render, (cameras, height, width, channels))
        in_threads(
            differentiate_bins, bins.order, bins.starts, size, bins.slots, *ctx.drawn, behind, stride,
            v_picture, gradient(v_alphas, (cameras, height, width)), v_entries,
        )  # fmt: skip
        v_means2d, v_shapes = np.empty((cameras, count, 2), np.float32), np.empty((cameras, count, 3), np.float32)
        v_opacities = np.empty((cameras, count), np.float32)
        v_colors = np.empty((color_tables, count, channels), np.float32)
        in_threads(sum_entries,
            bins.first_slot, v_entries, stride, opacities.reshape(-1), v_means2d, v_shapes, v_opacities,
            v_colors.reshape(-1, channels), color_tables == 1,
        )  # fmt: skip
        v_background = None
        if ctx.needs_input_grad[4]:
            # What remains of a pixel shows the background.
            remains = np.abs(_untiled(ctx.drawn[2], size, cameras))
            v_background = tensor(np.einsum("vhwc,vhw->vc", v_picture.reshape(*remains.shape, channels), remains))
        made = [tensor(values) for values in (v_means2d, v_shapes, v_opacities, v_colors)]
        return (*made, v_background, None, None, None, None)


def _bin(
    means2d: Table, shapes: Table, log_opacities: Table, boxes: Table, size: tuple[int, int], cameras: int
) -> Entries:
    """Sort what is seen into bins, in one pass that counts and one that fills."""
    total = len(log_opacities)
    bins = -(-size[0] // SIDE) * -(-size[1] // SIDE)
    chunks = max(1, min(MOST_CHUNKS, total // cameras // CHUNK))
    counts = np.zeros((cameras, chunks, bins), np.int32)
    in_threads(count_entries, means2d, shapes, log_opacities, boxes, size, counts)
    # Places: by camera, bin, chunk. Slots: by camera, chunk, Gaussian.
    sums = np.concatenate([[0], np.cumsum(counts.transpose(0, 2, 1), dtype=np.int64)])
    starts = sums[::chunks].copy()
    places = np.ascontiguousarray(sums[:-1].reshape(cameras, bins, chunks).transpose(0, 2, 1))
    in_chunk = counts.sum(axis=2, dtype=np.int64).reshape(-1)
    slots_from = (np.cumsum(in_chunk) - in_chunk).reshape(cameras, chunks)
    entries = int(sums[-1])
    gaussians, slots = np.empty(entries, np.int32), np.empty(entries, np.int32)
    first_slot = np.empty(total + 1, np.int64)
    first_slot[-1] = entries
    in_threads(
        fill_entries, means2d, shapes, log_opacities, boxes, size, places, slots_from, gaussians, slots, first_slot
    )
    return Entries(np.argsort(-np.diff(starts), kind="stable"), starts, gaussians, slots, first_slot)


def _untiled(transmittances: Table, size: tuple[int, int], cameras: int) -> Float[np.ndarray, "camera height width"]:
    width, height = size
    rows, columns = -(-height // SIDE), -(-width // SIDE)
    tiles = transmittances.reshape(cameras, rows, columns, SIDE, SIDE)
    return tiles.transpose(0, 1, 3, 2, 4).reshape(cameras, rows * SIDE, columns * SIDE)[:, :height, :width]
