"""The size at which a photograph is worked on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.scenes.sizes import working_size


@pytest.mark.parametrize(
    ("given_size", "long_side", "expected"),
    [
        ((768, 512), 128, (128, 85)),
        ((504, 378), 128, (128, 96)),
        ((540, 960), 128, (72, 128)),
        ((741, 500), 128, (128, 86)),
        ((100, 80), 128, (100, 80)),
        ((128, 128), 128, (128, 128)),
        ((2000, 1), 128, (128, 1)),
        # 2.5 rounds up, not to the even neighbour.
        ((1024, 20), 128, (128, 3)),
    ],
)
def test_sizes(given_size: tuple[int, int], long_side: int, expected: tuple[int, int]) -> None:
    assert working_size(*given_size, long_side) == expected


@given(st.integers(1, 8000), st.integers(1, 8000), st.integers(1, 2000))
def test_never_larger_and_within_half_a_pixel(width: int, height: int, long_side: int) -> None:
    new_width, new_height = working_size(width, height, long_side)
    assert new_width <= width and new_height <= height
    assert max(new_width, new_height) == min(max(width, height), long_side)
    scale = min(1.0, long_side / max(width, height))
    for new, old in ((new_width, width), (new_height, height)):
        assert abs(new - old * scale) <= 0.5 + 1e-9 or new == 1
    # Portrait and landscape are treated alike.
    assert working_size(height, width, long_side) == (new_height, new_width)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 pixel"):
        working_size(0, 10, 128)
