"""Heat maps, radars, curves and scatter plots: what is drawn is where its value says."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.charts import BOTTOM, DARKEST, LEFT, RIGHT, TOP, curves, heat_map, radar, scatter, short


def test_heat_map_has_every_pair_once_and_prints_its_number():
    chart = heat_map(["a", "b", "c"], {("a", "b"): 0.95, ("a", "c"): -0.2, ("b", "c"): None})
    assert [(cell.text, cell.mark) for cell in chart.cells] == [
        (".95", "with"),
        ("\N{MINUS SIGN}.20", "against"),
        ("–", "few"),
    ]
    assert 0 < chart.cells[0].shade <= DARKEST
    assert heat_map(["a", "b"], {("a", "b"): 1.0}).cells[0].text == "1.00"
    assert heat_map(["a", "b"], {("a", "b"): 1.0}, few=True).cells[0].mark == "few"


@given(st.integers(3, 9), st.data())
def test_radar_reaches_its_rim_at_the_best_and_never_beyond(axes, data):
    rows = st.lists(st.floats(-100, 100), min_size=axes, max_size=axes)
    values = {name: data.draw(rows) for name in "abcd"}
    chart = radar([f"axis {i}" for i in range(axes)], values)
    assert [web.name for web in chart.webs] == list("abcd")
    reach = []
    for web in chart.webs:
        places = [tuple(map(float, place.split())) for place in re.findall(r"[-\d.]+ [-\d.]+", web.path)]
        rim = [tuple(map(float, place.split())) for place in re.findall(r"[-\d.]+ [-\d.]+", web.rim)]
        radius = math.dist(rim[0], (web.x, web.y))
        reach.append([math.dist(place, (web.x, web.y)) / radius for place in places])
    for axis in range(axes):
        column = [row[axis] for row in reach]
        assert max(column) == pytest.approx(1, abs=0.01)
        assert min(column) >= 0.09
    assert radar(["one", "two"], values) is None


def test_curves_put_a_value_that_is_far_off_at_the_edge_and_say_it():
    chart = curves({"best first": [19.7, 19.8, 19.9], "worst first": [15.0, 19.75, 19.9]}, "features")
    lowest = chart.curves[1].places[0]
    assert lowest == (LEFT + 8, BOTTOM)
    assert [point[3] for point in chart.points] == ["15"]
    heights = [y for _, y in chart.curves[0].places]
    assert heights == sorted(heights, reverse=True)
    assert [curve.style for curve in chart.curves] == ["solid", "dashed"]
    assert curves({"alone": [1.0]}, "features") is None


NAMES = st.text("abc_", min_size=1, max_size=8)
POINTS = st.dictionaries(NAMES, st.tuples(st.floats(1, 1e10), st.floats(-50, 50), st.just("disc")), max_size=12)


@given(POINTS)
def test_scatter_draws_every_point_inside_with_labels_apart(points):
    chart = scatter(points, "parameters", "PSNR")
    if len({x for x, _, _ in points.values()}) < 2:
        assert chart is None
        return
    assert sorted(point[3] for point in chart.points) == sorted(points)
    assert len(chart.across) >= 2
    for x, y, _, _, _, _, _ in chart.points:
        assert LEFT <= x <= RIGHT and TOP <= y <= BOTTOM
    labels = [
        (tx if anchor == "start" else tx - 6.4 * len(name), ty, len(name)) for *_, name, tx, ty, anchor in chart.points
    ]
    for i, (x, y, size) in enumerate(labels):
        for other_x, other_y, other_size in labels[:i]:
            apart = abs(y - other_y) >= 11.8 or x + 6.4 * size <= other_x + 0.2 or other_x + 6.4 * other_size <= x + 0.2
            assert apart


def test_large_numbers_are_short():
    assert [short(value) for value in (12, 4500, 86.6e6, 1.2e9)] == ["12", "4.5 k", "86.6 M", "1.2 G"]
