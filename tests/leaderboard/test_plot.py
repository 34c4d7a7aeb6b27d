"""Places of marks and ticks."""

from itertools import pairwise

import pytest

from leaderboard.plot import Point, dot_plot, round_ticks, span_of


def point(value, low=None, high=None):
    return Point("x", value, low, high, "disc", str(value))


@pytest.mark.parametrize(
    ("low", "high"), [(17.2, 24.9), (0.61, 0.79), (0.001, 0.0012), (-3.0, 5.0), (1e3, 9e5), (19.99, 20.01)]
)
def test_ticks_are_few_round_and_cover_the_middle(low, high):
    ticks = round_ticks(low, high)
    assert 2 <= len(ticks) <= 6
    step = ticks[1] - ticks[0]
    assert [b - a for a, b in pairwise(ticks)] == pytest.approx([step] * (len(ticks) - 1))
    assert float(f"{step:.6e}".split("e")[0]) in (pytest.approx(1), pytest.approx(2), pytest.approx(5))
    assert ticks[0] - low < step + 1e-9 and high - ticks[-1] < step + 1e-9


def test_places_are_linear_in_the_value():
    plot = dot_plot("t", "PSNR", [point(10, 8, 12), point(20), point(30)], span=(10, 30))
    x = [mark.x for mark in plot.marks]
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.02)
    ratio = (x[1] - x[0]) / 10
    assert plot.marks[0].right - plot.marks[0].left == pytest.approx(4 * ratio, abs=0.02)
    assert plot.marks[1].left == plot.marks[1].right == x[1]
    ticks = {tick.text: tick.x for tick in plot.ticks}
    assert ticks["20"] == x[1]


def test_equal_values_still_have_an_axis():
    plot = dot_plot("t", "PSNR", [point(20.0), point(20.0)])
    assert len({mark.x for mark in plot.marks}) == 1
    low, high = span_of([point(0.0)])
    assert low < 0 < high
    assert dot_plot("t", "PSNR", []) is None
