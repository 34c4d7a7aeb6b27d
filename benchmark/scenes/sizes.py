"""The size at which a photograph is worked on."""

from __future__ import annotations


def working_size(width: int, height: int, long_side: int) -> tuple[int, int]:
    """``(width, height)`` with the longer side ``long_side``, each to the nearest pixel; never enlarged.

    The proportions change by what rounding asks, so intrinsics are scaled by each axis' own factor
    (`benchmark.cameras.Camera.resized`).
    """
    if min(width, height, long_side) < 1:
        raise ValueError(f"size: expected at least 1 pixel, got {width} x {height} for a long side of {long_side}")
    longest = max(width, height)
    if longest <= long_side:
        return width, height

    def scaled(side: int) -> int:
        # In whole numbers: half a pixel rounds up on every machine.
        return max(1, (2 * side * long_side + longest) // (2 * longest))

    return scaled(width), scaled(height)
