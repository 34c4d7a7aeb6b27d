"""Tables worked by hand: order of means, holes, ties, references, what does not mix."""

import random

import pytest

from leaderboard.aggregate import Hole, board_of, make_table, newest, table
from leaderboard.summary import summarise


def rows(made):
    return {row.entry: row for row in made.rows}


def test_seeds_then_scenes(record):
    """Scene a has seeds 20, 22 (mean 21); scene b has 30, 34 (mean 32). Mean 26.5; seed means 25 and 28."""
    values = {("a", 0): 20, ("a", 1): 22, ("b", 0): 30, ("b", 1): 34}
    made = table([record("net", s, k, psnr=v) for (s, k), v in values.items()], "feat2gs", "lite", "studio", "geometry")
    score = rows(made)["net"].scores["psnr"]
    assert score.value == 26.5
    assert score.by_scene == {"a": 21, "b": 32}
    assert score.by_seed == {0: 25, 1: 28}
    assert score.seed_range == (25, 28)
    assert score.seed_deviation == pytest.approx(4.5**0.5)
    assert made.scenes == ("a", "b")
    assert made.headline == "psnr"


def test_scenes_weigh_the_same_whatever_their_number_of_seeds(record):
    records = [record("net", "a", k, psnr=10) for k in range(5)] + [record("net", "b", 0, psnr=20)]
    score = rows(table(records, "feat2gs", "lite", "studio", "geometry"))["net"].scores["psnr"]
    assert score.value == 15
    assert score.by_seed == {0: 15}
    assert score.seed_deviation is None


def test_ranks_are_of_unrounded_values_in_the_direction_of_the_metric(record):
    records = [
        record("a", psnr=20.001, lpips=0.3),
        record("b", psnr=20.004, lpips=0.2),
        record("c", psnr=20.004, lpips=0.1),
        record("d", psnr=19, lpips=0.4),
    ]
    made = table(records, "feat2gs", "lite", "studio", "geometry")
    ranks = {entry: (standing.rank, standing.tied) for entry, standing in made.standings["psnr"].items()}
    assert ranks == {"b": (1, True), "c": (1, True), "a": (3, False), "d": (4, False)}
    assert [row.entry for row in made.rows] == ["b", "c", "a", "d"]
    assert {entry: standing.rank for entry, standing in made.standings["lpips"].items()} == {
        "c": 1,
        "b": 2,
        "a": 3,
        "d": 4,
    }


def test_nothing_is_averaged_over_holes(record):
    records = [
        record("whole", "a", psnr=10),
        record("whole", "b", psnr=12),
        record("missing", "a", psnr=90),
        record("broken", "a", psnr=90),
        record("broken", "b", 0, psnr=90),
        record("broken", "b", 1, status="failed", reason="out of memory"),
    ]
    made = table(records, "feat2gs", "lite", "studio", "geometry")
    found = rows(made)
    assert made.standings["psnr"].keys() == {"whole"}
    for name in ("missing", "broken"):
        score = found[name].scores["psnr"]
        assert (score.value, len(score.by_scene), score.of) == (None, 1, 2)
    assert found["missing"].holes == (Hole("b", None, "not run", ""),)
    assert found["broken"].holes == (Hole("b", 1, "failed", "out of memory"),)
    assert [row.entry for row in made.rows] == ["whole", "broken", "missing"]


def test_a_scene_in_which_all_failed_is_still_due(record):
    records = [record(name, "a", psnr=10) for name in "xy"]
    records += [record(name, "b", status="skipped", reason="one view alone") for name in "xy"]
    made = table(records, "feat2gs", "lite", "studio", "geometry")
    assert made.standings["psnr"] == {}
    assert rows(made)["x"].scores["psnr"].of == 2


def test_a_metric_that_a_scene_cannot_have_is_not_due_there(record):
    flat = {"accuracy": "the scene has no true depth"}
    records = [record(name, "a", psnr=10, accuracy=value) for name, value in (("x", 0.5), ("y", 0.25))]
    records += [record(name, "b", psnr=10, absent=flat) for name in "xy"]
    made = table(records, "feat2gs", "lite", "studio", "geometry")
    assert rows(made)["x"].scores["accuracy"].value == 0.5
    assert rows(made)["x"].scores["accuracy"].of == 1
    assert made.standings["accuracy"]["y"].rank == 1


def test_a_metric_absent_from_one_entry_has_its_reason_there(record):
    reason = {"lpips": "no weights"}
    records = [record("x", psnr=10, lpips=0.2), record("y", psnr=10, absent=reason)]
    made = table(records, "feat2gs", "lite", "studio", "geometry")
    assert rows(made)["y"].scores["lpips"].absent == ("no weights",)
    assert rows(made)["y"].scores["lpips"].value is None
    assert made.standings["lpips"].keys() == {"x"}
    assert made.absent == {}


def test_a_metric_absent_from_every_row_is_no_column(record):
    made = table([record("x", psnr=10, absent={"lpips": "no weights"})], "feat2gs", "lite", "studio", "geometry")
    assert made.metrics == ("psnr",)
    assert made.absent == {"lpips": ("no weights",)}


def test_baselines_stand_in_every_mode_without_a_rank(record):
    records = [
        record("net", psnr=20),
        record("net", psnr=19, mode="texture"),
        record("splat", psnr=25, mode="free"),
        record("splat", "b", psnr=25, mode="free"),
    ]
    for mode in ("geometry", "texture"):
        made = table(records, "feat2gs", "lite", "studio", mode)
        assert [(row.entry, row.reference) for row in made.rows] == [("net", False), ("splat", True)]
        assert made.standings["psnr"].keys() == {"net"}
        # What the baseline ran alone does not make a hole in the entries.
        assert made.scenes == ("a",)
        assert rows(made)["splat"].scores["psnr"].value == 25


def test_boards_do_not_mix(record):
    records = [
        record("x", psnr=20),
        record("x", "b", psnr=99, protocol="strict"),
        record("x", "c", psnr=99, track="lrf"),
        record("x", "d", psnr=99, dataset="other"),
        record("x", "e", psnr=99, mode="texture"),
    ]
    made = table(records, "feat2gs", "lite", "studio", "geometry")
    assert (made.scenes, rows(made)["x"].scores["psnr"].value) == (("a",), 20)


@pytest.mark.parametrize("other", [{"reconstruction": "colmap"}, {"made_by": "published"}])
def test_several_reconstructions_or_origins_must_be_told_apart(record, other):
    records = [record("x", psnr=20), record("x", psnr=10, **other)]
    with pytest.raises(ValueError, match="one reconstruction and origin"):
        table(records, "feat2gs", "lite", "studio", "geometry")
    made = table(records, "feat2gs", "lite", "studio", "geometry", reconstruction="known", origin="measured")
    assert rows(made)["x"].scores["psnr"].value == 20


def test_the_newest_record_of_a_cell_counts_in_any_order(record):
    old = record("x", psnr=10, created="2026-01-01T00:00:00Z", key="a" * 64)
    new = record("x", psnr=20, created="2026-02-01T00:00:00Z", key="b" * 64)
    assert newest([old, new]) == newest([new, old]) == [new]


def test_order_of_records_does_not_matter(record):
    rng = random.Random(0)
    records = [record(n, s, k, psnr=rng.gauss(20, 1)) for n in "xyz" for s in "abc" for k in range(3)]
    shuffled = rng.sample(records, len(records))
    assert table(records, "feat2gs", "lite", "studio", "geometry") == table(
        shuffled, "feat2gs", "lite", "studio", "geometry"
    )


def test_several_scenes_give_intervals(record):
    noise = [0.00, 0.05, -0.05, 0.02, -0.02]
    records = [record("best", s, psnr=20 + i + noise[i]) for i, s in enumerate("abcde")]
    records += [record("near", s, psnr=20 + i - noise[i]) for i, s in enumerate("abcde")]
    records += [record("far", s, psnr=15 + i) for i, s in enumerate("abcde")]
    made = table(records, "feat2gs", "lite", "studio", "geometry")
    assert (made.resolution["psnr"].units, made.resolution["psnr"].count) == ("scenes", 5)
    near = {entry: (standing.near_best, standing.interval) for entry, standing in made.standings["psnr"].items()}
    assert near == {"best": (True, (1, 2)), "near": (True, (1, 2)), "far": (False, (3, 3))}
    assert 0 < made.resolution["psnr"].smallest_difference < 1


def test_one_scene_gives_intervals_from_seeds_alone(record):
    records = [record("best", seed=k, psnr=20 + v) for k, v in enumerate((0.1, 0.0, -0.1))]
    records += [record("far", seed=k, psnr=10 + v) for k, v in enumerate((0.0, 0.1, -0.1))]
    records += [record("single", psnr=20.05)]
    made = table(records, "feat2gs", "lite", "studio", "geometry")
    assert (made.resolution["psnr"].units, made.resolution["psnr"].count) == ("seeds", 3)
    standings = made.standings["psnr"]
    # The best has one seed, so nothing can be said of what is near it.
    assert [standings[name].near_best for name in ("single", "best", "far")] == [None, None, None]
    made = table(records[:-1], "feat2gs", "lite", "studio", "geometry")
    assert [made.standings["psnr"][name].near_best for name in ("best", "far")] == [True, False]


def test_one_scene_and_one_seed_give_no_interval(record):
    made = table([record("x", psnr=20), record("y", psnr=19)], "feat2gs", "lite", "studio", "geometry")
    known = made.resolution["psnr"]
    assert (known.units, known.smallest_difference) == ("none", None)
    assert made.standings["psnr"]["x"].interval is None
    assert made.standings["psnr"]["y"].near_best is None


def test_summary_by_mean_rank_then_mean_score(record):
    """Dataset p: x 30, y 20, z 20 (ranks 1, 2.5, 2.5). Dataset q: x 11, y 13, z 12 (3, 1, 2). Means 2, 1.75, 2.25."""
    values = {"p": {"x": 30, "y": 20, "z": 20}, "q": {"x": 11, "y": 13, "z": 12}}
    records = [record(e, dataset=d, psnr=v) for d, entries in values.items() for e, v in entries.items()]
    records.append(record("half", dataset="p", psnr=1))
    records.append(record("splat", dataset="p", psnr=40, mode="free"))
    tables = []
    for dataset in values:
        group = [r for r in newest(records) if r.cell.dataset == dataset]
        tables.append(table(group, "feat2gs", "lite", dataset, "geometry"))
    made = summarise(tables)
    overall = {row.entry: row.overall["geometry"] for row in made.rows}
    assert {name: overall[name].mean_rank for name in "xyz"} == {"x": 2.0, "y": 1.75, "z": 2.25}
    assert {name: overall[name].mean_score for name in "xyz"} == {"x": 20.5, "y": 16.5, "z": 16}
    assert [row.entry for row in made.rows] == ["y", "x", "z", "half", "splat"]
    assert [row.places.get("geometry") for row in made.rows] == [1, 2, 3, None, None]
    assert (overall["half"].mean_rank, overall["half"].mean_score) == (None, None)
    assert (len(overall["half"].datasets), overall["half"].of) == (1, 2)


def test_a_table_of_failures_alone_is_a_table(record):
    made = make_table(
        [record("x", status="failed", reason="no disk")],
        board_of(record("x")),
        "studio",
        "geometry",
    )
    assert made.headline is None
    assert rows(made)["x"].holes == (Hole("a", 0, "failed", "no disk"),)
    assert summarise([made]) is None
