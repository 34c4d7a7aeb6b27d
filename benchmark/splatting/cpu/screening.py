"""Whether the values of Gaussians are what `rasterize` asks for, in one pass; which one is not is for `checks` to say."""

from __future__ import annotations

import numpy as np
from numba import njit

from benchmark.splatting.cpu.projection import BLOCK, COMPILED
from benchmark.splatting.cpu.simd import LANES, bits, fma, maximum, minimum, splat
from benchmark.splatting.cpu.simd_memory import gather, load
from benchmark.splatting.cpu.threads import claim, in_threads

# So few Gaussians are looked at before another thread has woken.
ALONE = 20_000


@njit(**COMPILED)
def _summary(values, begin, end):
    """Least and greatest of some values, and a sum that is 0 unless one of them is not finite."""
    # 0 times a number is 0, 0 times infinity is not.
    least, greatest, tainted = splat(np.inf), splat(-np.inf), splat(0.0)
    whole = end - (end - begin) % LANES
    for k in range(begin, whole, LANES):
        value = load(values, k)
        least, greatest, tainted = minimum(least, value), maximum(greatest, value), fma(value, 0.0, tainted)
    for k in range(whole, end):
        value = splat(values[k])
        least, greatest, tainted = minimum(least, value), maximum(greatest, value), fma(value, 0.0, tainted)
    return least, greatest, tainted


@njit(**COMPILED)
def _screen(queue, means, quats, scales, opacities, colors, good):
    n = opacities.shape[0]
    blocks = good.shape[0]
    block = claim(queue)
    while block < blocks:
        first, last = block * BLOCK, min((block + 1) * BLOCK, n)
        _, _, tainted = _summary(means, 3 * first, 3 * last)
        _, _, of_quats = _summary(quats, 4 * first, 4 * last)
        least, _, of_scales = _summary(scales, 3 * first, 3 * last)
        lowest, highest, of_opacities = _summary(opacities, first, last)
        _, _, of_colors = _summary(colors, len(colors) * block // blocks, len(colors) * (block + 1) // blocks)
        shortest = splat(np.inf)
        for g in range(first, last, LANES):
            w, x = gather(quats, g, n - 1, 4, 0), gather(quats, g, n - 1, 4, 1)
            y, z = gather(quats, g, n - 1, 4, 2), gather(quats, g, n - 1, 4, 3)
            shortest = minimum(shortest, w * w + x * x + y * y + z * z)
        tainted = tainted + of_quats + of_scales + of_opacities + of_colors
        fine = (tainted == 0.0) & (shortest > 0.0) & (least >= 0.0) & (lowest >= 0.0) & (highest <= 1.0)
        good[block] = bits(fine) == (1 << LANES) - 1
        block = claim(queue)


def acceptable(*tables: np.ndarray) -> bool:
    """Whether flat tables of means, quaternions, scales, opacities and colours hold nothing that must be refused."""
    count = len(tables[3])
    good = np.zeros(-(-count // BLOCK), np.bool_)
    if count < ALONE:
        _screen(np.zeros(1, np.int64), *tables, good)
    else:
        in_threads(_screen, *tables, good)
    return bool(good.all())
