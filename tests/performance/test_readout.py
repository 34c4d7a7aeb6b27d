"""The fused token-space readout against the plain path, forward and backward, in one run: printed as a ratio.

``pytest tests/performance/test_readout.py -m performance -s``
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import pytest
import torch

from benchmark.feat2gs.modes import GEOMETRY, attribute_sizes
from benchmark.feat2gs.readout import WHOLE_IMAGE, Readout
from benchmark.features.feature_maps import sample_grid

pytestmark = pytest.mark.performance
# Three views of `lite`: 128x96 pixels, tokens of stride 16 of images of 512.
VIEWS, ROWS, COLUMNS, HEIGHT, WIDTH = 3, 24, 32, 96, 128
TURNS = 7


def fastest(step: Callable[[], None]) -> float:
    times = []
    for _ in range(TURNS + 1):
        time.sleep(0.02)  # threads that still spin from the turn before
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    return min(times[1:])


@pytest.mark.parametrize(("width", "wanted"), [(64, 4), (256, 7)])
def test_fused_against_plain(width, wanted, capsys):
    generator = torch.Generator().manual_seed(0)
    grid = torch.randn(VIEWS, width, ROWS, COLUMNS, generator=generator)
    valid = torch.ones(VIEWS, HEIGHT, WIDTH, dtype=torch.bool)
    sizes = {name: size for name, size in attribute_sizes(0).items() if name in GEOMETRY}
    readout = Readout(width, sizes, width, generator)

    def descend(attributes: dict[str, torch.Tensor]) -> None:
        readout.zero_grad(set_to_none=True)
        torch.stack([values.square().mean() for values in attributes.values()]).sum().backward()

    def plain() -> None:
        features = sample_grid(grid, WHOLE_IMAGE, (HEIGHT, WIDTH)).movedim(1, -1)[valid]
        descend(readout.plain(features))

    fused = fastest(lambda: descend(readout(grid, WHOLE_IMAGE, valid)))
    slow = fastest(plain)
    with capsys.disabled():
        sys.stdout.write(
            f"\nwidth {width}, {torch.get_num_threads()} threads: plain {1e3 * slow:.1f} ms, fused {1e3 * fused:.1f} ms, "
            f"{slow / fused:.1f} x (wanted {wanted})\n"
        )
