"""The fused readout on CUDA: the same sums as `token_kernel`, arranged for a GPU in Triton.

Between four neighbouring tokens lies a *cell*. All its pixels mix the same four vectors, so one program holds these in
registers while it goes through the pixels. A program of the backward pass owns some cells and writes what they add to
their tokens into places of its own, which are summed afterwards: nothing is added atomically, so a run repeats itself
to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import triton
import triton.language as tl
from jaxtyping import Bool, Float, Float32, Int32

from benchmark.feat2gs.token_kernel import taps

# Pixels and hidden units that a program works on at a time.
PIXELS, UNITS = 32, 64
# Most groups that cells are gathered into: enough for every multiprocessor, few enough that partial sums stay small.
GROUPS = 1024


@dataclass(frozen=True)
class CellSampling:
    """The valid pixels of some views, in the order of the cell that they lie in.

    Attributes
    ----------
    cell_first
        First pixel of each cell, and the number of pixels at the end; as many cells as tokens, for a cell is named by
        its upper left token.
    piece_cell, piece_first, piece_count
        Runs of at most `PIXELS` pixels of one cell.
    pixel
        Place of each pixel among the valid ones.
    right, below
        Weights of the right and the lower tokens, in [0, 1).
    grid
        Views, rows and columns of the tokens.
    """

    cell_first: Int32[torch.Tensor, "cell+1"]
    piece_cell: Int32[torch.Tensor, "piece"]
    piece_first: Int32[torch.Tensor, "piece"]
    piece_count: Int32[torch.Tensor, "piece"]
    pixel: Int32[torch.Tensor, "pixel"]
    right: Float32[torch.Tensor, "pixel"]
    below: Float32[torch.Tensor, "pixel"]
    grid: tuple[int, int, int]


def sample_cells(
    grid: tuple[int, int, int],
    extent: tuple[float, float, float, float],
    valid: Bool[torch.Tensor, "view height width"],
) -> CellSampling:
    """Sort the valid pixels by cell; ``grid`` is views, rows and columns, ``extent`` that of `FeatureMaps`."""
    _, rows, columns = grid
    token_row, row_weight = taps(valid.shape[1], rows, extent[1], extent[3])
    token_column, column_weight = taps(valid.shape[2], columns, extent[0], extent[2])
    view, y, x = np.nonzero(valid.cpu().numpy())
    cell = (view * rows + token_row[y]) * columns + token_column[x]
    order = np.argsort(cell, kind="stable")
    cell_first = np.searchsorted(cell[order], np.arange(np.prod(grid) + 1))
    pieces = -(-np.diff(cell_first) // PIXELS)
    piece_cell = np.repeat(np.arange(len(pieces)), pieces)
    within = np.arange(len(piece_cell)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    piece_first = cell_first[piece_cell] + within * PIXELS
    piece_count = np.minimum(PIXELS, cell_first[piece_cell + 1] - piece_first)

    def integers(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.int32)).to(valid.device)

    def floats(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values[order]).to(valid.device)

    return CellSampling(
        integers(cell_first),
        integers(piece_cell),
        integers(piece_first),
        integers(piece_count),
        integers(order),
        floats(column_weight[x]),
        floats(row_weight[y]),
        grid,
    )


def read_out_cells(
    hidden: Float[torch.Tensor, "token unit"],
    sampling: CellSampling,
    second: Float[torch.Tensor, "output unit"],
    bias: Float[torch.Tensor, "output"],
) -> Float[torch.Tensor, "pixel output"]:
    """Outputs of one head at every valid pixel; ``hidden`` is the first layer on the tokens, before ReLU."""
    outputs, width = second.shape
    out = torch.empty(len(sampling.pixel), outputs, device=hidden.device, dtype=hidden.dtype)
    if len(sampling.piece_cell):
        _forward[(len(sampling.piece_cell),)](
            hidden,
            sampling.piece_cell,
            sampling.piece_first,
            sampling.piece_count,
            sampling.pixel,
            sampling.right,
            sampling.below,
            second,
            bias,
            out,
            *sampling.grid[1:],
            width,
            outputs,
            PIXELS=PIXELS,
            UNITS=UNITS,
            OUTPUTS=_padded(outputs),
            PRECISION=_precision(hidden.device),
        )
    return out


def read_out_cells_backward(
    hidden: Float[torch.Tensor, "token unit"],
    sampling: CellSampling,
    second: Float[torch.Tensor, "output unit"],
    gradient: Float[torch.Tensor, "pixel output"],
) -> tuple[Float[torch.Tensor, "token unit"], Float[torch.Tensor, "output unit"]]:
    """Gradients of `read_out_cells` for ``hidden`` and ``second``; that of the bias is the sum over the pixels."""
    outputs, width = second.shape
    cells = len(sampling.cell_first) - 1
    size = -(-cells // GROUPS)
    groups = -(-cells // size)
    corners = torch.empty(4, cells, width, device=hidden.device, dtype=hidden.dtype)
    partial = torch.empty(groups, outputs, width, device=hidden.device, dtype=hidden.dtype)
    _backward[(groups, -(-width // UNITS))](
        hidden,
        sampling.cell_first,
        sampling.pixel,
        sampling.right,
        sampling.below,
        second,
        gradient,
        corners,
        partial,
        cells,
        size,
        *sampling.grid[1:],
        width,
        outputs,
        PIXELS=PIXELS,
        UNITS=UNITS,
        OUTPUTS=_padded(outputs),
        PRECISION=_precision(hidden.device),
    )
    # A token is the upper left of its own cell, the upper right of the one before it, and so on. In the last row and
    # column the weights of the tokens beyond are zero, and so are their parts.
    own, left, above, both = corners.unflatten(1, sampling.grid)
    own[:, :, 1:] += left[:, :, :-1]
    own[:, 1:] += above[:, :-1]
    own[:, 1:, 1:] += both[:, :-1, :-1]
    return own.flatten(0, 2), partial.sum(dim=0)


def _padded(outputs: int) -> int:
    """Matrix units take sides of 16 and more."""
    return max(16, triton.next_power_of_2(outputs))


def _precision(device: torch.device) -> str:
    """Three products of tf32 are as good as one of float32; chips before Ampere have none."""
    return "tf32x3" if device.type == "cuda" and torch.cuda.get_device_capability(device)[0] >= 8 else "ieee"


@triton.jit
def _corner_tokens(hidden, cell, rows, columns, width, unit, inside):
    """Vectors of the four tokens around a cell; past the last row and column, the last."""
    to_right = (cell % columns + 1 < columns).to(tl.int32)
    to_below = ((cell // columns) % rows + 1 < rows).to(tl.int32) * columns
    own = tl.load(hidden + cell * width + unit, inside, 0.0)
    right = tl.load(hidden + (cell + to_right) * width + unit, inside, 0.0)
    below = tl.load(hidden + (cell + to_below) * width + unit, inside, 0.0)
    both = tl.load(hidden + (cell + to_below + to_right) * width + unit, inside, 0.0)
    return own, right, below, both


@triton.jit
def _mix(own, right, below, both, x, y):
    """The hidden layer before ReLU: pixels by units."""
    first = own[None, :] + y[:, None] * (below - own)[None, :]
    second = right[None, :] + y[:, None] * (both - right)[None, :]
    return first + x[:, None] * (second - first)


@triton.jit
def _forward(
    hidden,
    piece_cell,
    piece_first,
    piece_count,
    pixel,
    right_weight,
    below_weight,
    second,
    bias,
    out,
    rows,
    columns,
    width,
    outputs,
    PIXELS: tl.constexpr,
    UNITS: tl.constexpr,
    OUTPUTS: tl.constexpr,
    PRECISION: tl.constexpr,
):
    piece = tl.program_id(0)
    cell = tl.load(piece_cell + piece)
    place = tl.arange(0, PIXELS)
    here = place < tl.load(piece_count + piece)
    index = tl.load(piece_first + piece) + place
    x = tl.load(right_weight + index, here, 0.0)
    y = tl.load(below_weight + index, here, 0.0)
    output = tl.arange(0, OUTPUTS)
    wanted = output < outputs
    total = tl.zeros((PIXELS, OUTPUTS), tl.float32)
    for start in range(0, width, UNITS):
        unit = start + tl.arange(0, UNITS)
        inside = unit < width
        own, right, below, both = _corner_tokens(hidden, cell, rows, columns, width, unit, inside)
        value = _mix(own, right, below, both, x, y)
        # Not a maximum: NaN stays NaN.
        value = tl.where(value < 0, 0.0, value)
        weight = tl.load(second + output[None, :] * width + unit[:, None], inside[:, None] & wanted[None, :], 0.0)
        total = tl.dot(value, weight, total, input_precision=PRECISION)
    total += tl.load(bias + output, wanted, 0.0)[None, :]
    target = tl.load(pixel + index, here, 0)
    tl.store(out + target[:, None] * outputs + output[None, :], total, here[:, None] & wanted[None, :])


@triton.jit
def _backward(
    hidden,
    cell_first,
    pixel,
    right_weight,
    below_weight,
    second,
    gradient,
    corners,
    partial,
    cells,
    size,
    rows,
    columns,
    width,
    outputs,
    PIXELS: tl.constexpr,
    UNITS: tl.constexpr,
    OUTPUTS: tl.constexpr,
    PRECISION: tl.constexpr,
):
    group = tl.program_id(0)
    unit = tl.program_id(1) * UNITS + tl.arange(0, UNITS)
    inside = unit < width
    output = tl.arange(0, OUTPUTS)
    wanted = output < outputs
    block = output[:, None] * width + unit[None, :]
    shown = wanted[:, None] & inside[None, :]
    weight = tl.load(second + block, shown, 0.0)
    weight_total = tl.zeros((OUTPUTS, UNITS), tl.float32)
    for cell in range(group * size, tl.minimum(cells, group * size + size)):
        own, right, below, both = _corner_tokens(hidden, cell, rows, columns, width, unit, inside)
        own_total = tl.zeros((UNITS,), tl.float32)
        right_total = tl.zeros((UNITS,), tl.float32)
        below_total = tl.zeros((UNITS,), tl.float32)
        both_total = tl.zeros((UNITS,), tl.float32)
        last = tl.load(cell_first + cell + 1)
        for first in range(tl.load(cell_first + cell), last, PIXELS):
            index = first + tl.arange(0, PIXELS)
            here = index < last
            x = tl.load(right_weight + index, here, 0.0)
            y = tl.load(below_weight + index, here, 0.0)
            source = tl.load(pixel + index, here, 0)
            slope = tl.load(
                gradient + source[:, None] * outputs + output[None, :], here[:, None] & wanted[None, :], 0.0
            )
            value = _mix(own, right, below, both, x, y)
            active = value > 0
            weight_total = tl.dot(
                tl.trans(slope), tl.where(value < 0, 0.0, value), weight_total, input_precision=PRECISION
            )
            flow = tl.where(active, tl.dot(slope, weight, input_precision=PRECISION), 0.0)
            lower = flow * y[:, None]
            upper = flow - lower
            lower_right = lower * x[:, None]
            upper_right = upper * x[:, None]
            own_total += tl.sum(upper - upper_right, 0)
            right_total += tl.sum(upper_right, 0)
            below_total += tl.sum(lower - lower_right, 0)
            both_total += tl.sum(lower_right, 0)
        stride = cells * width
        at = corners + cell * width + unit
        tl.store(at, own_total, inside)
        tl.store(at + stride, right_total, inside)
        tl.store(at + 2 * stride, below_total, inside)
        tl.store(at + 3 * stride, both_total, inside)
    tl.store(partial + group * outputs * width + block, weight_total, shown)
