"""How long a global alignment takes and what memory: the figures of docs/reconstruction.md.

    .venv/bin/python tests/performance/alignment_speed.py [pairs [device]]

300 steps over point maps of 512 x 384 pixels; 15 ordered pairs of 6 views (a ring, both neighbours and more), or all 30.
"""

# ruff: noqa: T201
from __future__ import annotations

import resource
import sys
import time

import numpy as np
import torch

from benchmark.protocols import PAPER, STRICT
from benchmark.reconstruction.alignment import align
from benchmark.reconstruction.point_maps import PairMaps, complete_edges
from benchmark.reconstruction.spanning_tree import centred_pixels

WIDTH, HEIGHT, VIEWS = 512, 384, 6


def maps_of(edges: tuple[tuple[int, int], ...]) -> PairMaps:
    """A waving surface before cameras in a row, as every pair sees it, with one per cent of noise."""
    dice = np.random.default_rng(0)
    rays = np.concatenate([centred_pixels(WIDTH, HEIGHT) / 450, np.ones((1, WIDTH * HEIGHT))])
    depth = 3 + 0.5 * np.sin(7 * rays[0]) * np.cos(5 * rays[1])
    points = torch.empty(len(edges), 2, 3, WIDTH * HEIGHT)
    for number, (first, second) in enumerate(edges):
        for side, view in enumerate((first, second)):
            shift = np.array([[0.2 * (view - first)], [0], [0]])
            noise = 0.01 * dice.normal(size=rays.shape)
            points[number, side] = torch.from_numpy(rays * depth + shift + noise).float()
    return PairMaps(edges, points, torch.full((len(edges), 2, WIDTH * HEIGHT), 3.0), WIDTH, HEIGHT)


def main(pairs: int, device: str) -> None:
    """Print seconds and peak memory, compilation left out."""
    edges = complete_edges(VIEWS)
    # Every view is the first of some pair.
    chosen = tuple(sorted(edges, key=lambda edge: (edge[1] - edge[0]) % VIEWS))[:pairs]
    small = PairMaps(((0, 1), (1, 0)), torch.rand(2, 2, 3, 600) + 1, torch.full((2, 2, 600), 2.0), 30, 20)
    from benchmark.reconstruction.alignment_energy import Energy

    Energy(small, device)(
        *(torch.ones(*s, device=device, requires_grad=True) for s in ((2, 600), (2,), (2, 3, 4), (2, 3, 4)))
    )
    maps = maps_of(chosen)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for protocol in (PAPER, STRICT):
        began = time.perf_counter()
        align(maps, protocol.reconstruct.pairs.align, [str(view) for view in range(VIEWS)], device)
        if device != "cpu":
            torch.cuda.synchronize()
        print(f"{protocol.name}: {len(chosen)} pairs, {device}: {time.perf_counter() - began:.1f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    size = maps.points.numel() * 4 + maps.confidence.numel() * 4
    print(
        f"maps {size / 2**20:.0f} MiB; peak {peak / 1024:.0f} MiB, of which {(peak - before) / 1024:.0f} in the alignment"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15, sys.argv[2] if len(sys.argv) > 2 else "cpu")
