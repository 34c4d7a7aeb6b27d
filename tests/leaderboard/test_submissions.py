"""What a stranger may hand in, and what is refused: file, line and field in every answer, and never a crash."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.errors import InputError
from benchmark.records import LONGEST_LINE, Measurement, Record, read_jsonl, write_jsonl
from leaderboard.cards import Catalogue
from leaderboard.changes import changes, comment, forbidden, merged
from leaderboard.model_card import model_index
from leaderboard.submissions import Facts, check, read_submission

VIEWS = {"studio": {"a": ("0.png", "1.png"), "b": ("0.png",)}}
CATALOGUE = Catalogue({"iuvrgb": {"kind": "raw"}}, {"studio": {"title": "The studio"}}, {})


def facts(**values) -> Facts:
    given = {
        "entries": frozenset({"net", "iuvrgb"}),
        "baselines": frozenset({"splat"}),
        "views": VIEWS,
        "modes": frozenset({"geometry", "texture", "all"}),
        "protocols": frozenset({"lite"}),
        "published": frozenset(),
        "key_of": lambda record: record.key,
    }
    return Facts(**{**given, **values})


@pytest.fixture
def whole(record) -> list[Record]:
    """A row that is complete: two scenes, two seeds."""
    return [
        record("net", scene, seed, psnr=dict.fromkeys(VIEWS["studio"][scene], 20.0 + seed), made_by="submitted")
        for scene in "ab"
        for seed in range(2)
    ]


@pytest.fixture
def asked(tmp_path) -> Callable[..., list[str]]:
    """Problems of records, each a line."""

    def ask(records, **values) -> list[str]:
        path = tmp_path / "rows.jsonl"
        write_jsonl(path, records)
        return [str(problem) for problem in check([path], facts(**values)).problems]

    return ask


def test_a_complete_row_is_accepted(whole, asked):
    assert asked(whole) == []


def test_a_baseline_is_accepted_in_its_own_mode(record, asked):
    rows = [record("splat", scene, mode="free", psnr=20) for scene in "ab"]
    assert asked(rows) == []
    assert any("does not belong to a baseline" in line for line in asked([record("splat", psnr=20)]))


REFUSED = {
    "protocol": (lambda r: replace(r, cell=replace(r.cell, protocol="mine")), "cell.protocol 'mine' is unknown"),
    "entry": (lambda r: replace(r, cell=replace(r.cell, entry="other")), "cell.entry 'other' is not in the registry"),
    "mode": (lambda r: replace(r, cell=replace(r.cell, mode="best")), "cell.mode 'best' does not belong to an entry"),
    "dataset": (lambda r: replace(r, cell=replace(r.cell, dataset="mine")), "cell.dataset 'mine' is unknown"),
    "scene": (lambda r: replace(r, cell=replace(r.cell, scene="c")), "cell.scene 'c' is no scene of 'studio'"),
    "views": (lambda r: replace(r, metrics={"psnr": Measurement(20.0, {"9.png": 20.0})}), "not the 2 test views"),
    "mean": (
        lambda r: replace(r, metrics={"psnr": Measurement(25.0, {"0.png": 20.0, "1.png": 20.0})}),
        "metrics.psnr.value is 25.0, the mean of its views is 20",
    ),
    "view out of range": (
        lambda r: replace(r, metrics={"ssim": Measurement(0.5, {"0.png": 3.0, "1.png": -2.0})}),
        "metrics.ssim.per_view['0.png'] is 3.0, outside of -1.0 to 1.0",
    ),
    "time": (lambda r: replace(r, created="yesterday"), "created is 'yesterday'"),
    "published": (lambda r: replace(r, made_by="published"), "made_by is 'published'"),
    "direction": (lambda r: replace(r, reason="fine \u202egnp"), "reason holds the character RIGHT-TO-LEFT OVERRIDE"),
    "hidden in a list": (
        lambda r: replace(r, details={"a": [{"b": ["x\u200b"]}]}),
        "details.a holds the character ZERO WIDTH SPACE",
    ),
    "hidden in a name": (lambda r: replace(r, provenance={"x\u2066": 1}), "LEFT-TO-RIGHT ISOLATE"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_named_with_file_line_and_field(whole, asked, name):
    change, expected = REFUSED[name]
    lines = asked([change(whole[0]), *whole[1:]])
    assert any(line.startswith("rows.jsonl line ") and expected in line for line in lines), lines


def test_a_scene_left_out_is_named(whole, asked):
    (line,) = asked(whole[:-1])
    assert "net on studio (lite, geometry, seed 1) lacks b" in line


def test_a_failed_cell_counts_as_there(whole, asked):
    failed = replace(whole[3], status="failed", metrics={}, reason="out of memory")
    assert asked([*whole[:3], failed]) == []


def test_the_same_cell_twice_is_refused(whole, asked, tmp_path):
    assert any("is in rows.jsonl line 1 already" in line for line in asked([*whole, whole[0]]))


def test_keys_are_made_again(whole, asked, tmp_path):
    lines = asked(whole, key_of=lambda record: "0" * 64 if record.cell.scene == "a" else record.key)
    assert len(lines) == 2 and all("run the cell again" in line for line in lines)
    path = tmp_path / "rows.jsonl"
    report = check([path], facts(key_of=lambda record: None))
    assert not report.problems and "4 of 4 keys were not made again" in report.notes[0]


def test_a_bad_line_does_not_hide_the_others(tmp_path, whole):
    path = tmp_path / "rows.jsonl"
    lines = [record.to_json() for record in whole]
    path.write_text("\n".join(["{", lines[0], '{"schema": 7}', *lines[1:], ""]), encoding="utf-8")
    located, problems = read_submission([path, tmp_path / "absent.jsonl"])
    assert [item.record for item in located] == whole
    assert [problem.where for problem in problems] == ["rows.jsonl line 1", "rows.jsonl line 3", "absent.jsonl"]


def raw(**values) -> str:
    cell = {"track": "feat2gs", "entry": "net", "dataset": "studio", "scene": "a", "mode": "geometry",
            "reconstruction": "known", "protocol": "lite", "seed": 0}  # fmt: skip
    record = {"schema": 1, "cell": cell, "key": "k", "status": "ok", "made_by": "submitted", "created": "2026-01-01",
              "metrics": {"psnr": {"value": 20.0}}}  # fmt: skip
    return json.dumps({**record, **values})


HOSTILE = {
    "not a number": raw().replace("20.0", "NaN"),
    "infinite": raw().replace("20.0", "1e999"),
    "huge whole number": raw(cost={"n": 10**400}),
    "number as text": raw(metrics={"psnr": {"value": "20"}}),
    "flag as number": raw(metrics={"psnr": {"value": True}}),
    "unknown field": raw(extra=1),
    "unknown metric": raw(metrics={"vibes": {"value": 1}}),
    "field twice": raw()[:-1] + ', "key": "other"}',
    "path in a name": raw().replace('"entry": "net"', '"entry": "../../net"'),
    "empty name": raw().replace('"entry": "net"', '"entry": ""'),
    "long name": raw().replace('"entry": "net"', f'"entry": "{"n" * 101}"'),
    "long text": raw(reason="x" * 5000),
    "deep": raw(details=json.loads('{"a":' * 40 + "1" + "}" * 40)),
    "very deep": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "half a surrogate": raw(reason="x").replace('"x"', '"\\ud800"'),
    "half a surrogate in a name": raw(details={"x": 1}).replace('"x"', '"\\udfff"'),
    "line too long": raw(reason="x" * (LONGEST_LINE + 10)),
    "a list": "[]",
    "nothing but a number": "1",
    "out of range": raw(metrics={"psnr": {"value": 1e6}}),
    "other schema": raw(schema=2),
    "fractional seed": raw().replace('"seed": 0', '"seed": 0.5'),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_lines_are_refused_with_file_and_line(tmp_path, name):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n" + HOSTILE[name] + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"^rows\.jsonl line 2: ") as refused:
        list(read_jsonl(path))
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 500


def test_bytes_that_are_no_text_are_refused_with_file_and_line(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n" + raw().encode()[:-1] + b"\xff}\n")
    with pytest.raises(InputError, match=r"^rows\.jsonl line 2: byte \d+ is no UTF-8"):
        list(read_jsonl(path))


def test_a_line_without_an_end_is_not_read_to_its_end(tmp_path):
    """A sparse file of 1 GB; reading it whole would take as much memory."""
    import tracemalloc

    path = tmp_path / "rows.jsonl"
    with path.open("wb") as file:
        file.truncate(1_000_000_000)
    tracemalloc.start()
    with pytest.raises(InputError, match=r"rows\.jsonl line 1: .* characters in one record"):
        list(read_jsonl(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
PARTS = ("cell", "key", "status", "made_by", "created", "reason", "metrics", "absent", "cost", "details", "provenance")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(part=st.sampled_from(PARTS), value=JSON, wrapped=st.booleans())
def test_any_value_in_any_field_is_accepted_or_refused_in_one_line(tmp_path, part, value, wrapped):
    values = json.loads(raw())
    values[part] = {**(values.get(part) or {}), "x": value} if wrapped and isinstance(values.get(part), dict) else value
    line = json.dumps(values)
    try:
        record = Record.from_json(line, "rows.jsonl line 1")
    except InputError as error:
        assert str(error).startswith("rows.jsonl line 1")
        assert len(str(error).splitlines()) == 1
        return
    # What is accepted can be written, and says the same when it is read again.
    path = tmp_path / "again.jsonl"
    write_jsonl(path, [record])
    assert list(read_jsonl(path)) == [record]
    check([path], facts())


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda data: data.decode("latin-1")))
def test_any_text_is_refused_in_one_line(text):
    with pytest.raises(InputError) as refused:
        Record.from_json(text, "here")
    assert len(str(refused.value).splitlines()) == 1


def test_changes_are_what_changed(whole, record):
    other = replace(whole[0], metrics={"psnr": Measurement(19.0)}, key="new")
    again = replace(whole[1], created="2026-02-02T00:00:00Z")
    found = changes(whole, [other, again, whole[2], record("iuvrgb", psnr=15)])
    assert [r.cell.entry for r in found.added] == ["iuvrgb"]
    assert [(old.key, new.key) for old, new in found.changed] == [(whole[0].key, "new")]
    assert found.removed == (whole[3],)
    assert [problem.what for problem in forbidden(found)] == [f"{whole[3].cell.label} was removed; put it back"]


def test_a_published_row_may_not_be_touched(record):
    row = record("net", "mean", psnr=20, made_by="published", provenance={"source": "a paper"})
    number = replace(row, metrics={"psnr": Measurement(20.5)})
    source = replace(row, provenance={"source": "another"})
    for other in (number, source):
        (problem,) = forbidden(changes([row], [other]))
        assert "published row and was changed" in problem.what
    assert forbidden(changes([row], [row, replace(number, made_by="measured")])) == []


def test_the_comment_stands_beside_the_best_and_a_control(whole, record):
    rows = [record(name, scene, psnr=psnr) for name, psnr in (("old", 24), ("iuvrgb", 15)) for scene in "ab"]
    found = changes(rows, [*rows, *whole])
    text = comment(found, [*rows, *whole], [], CATALOGUE)
    assert text.startswith("### Results check\n\n**Accepted.**")
    assert "| `net` | 2 | 20.50 | this change |" in text
    assert "| `old` | 1 | 24.00 | best model |" in text
    assert "| `iuvrgb` | 3 | 15.00 | no model |" in text


def test_the_comment_is_no_markup_of_strangers(whole):
    from leaderboard.submissions import Problem

    problem = Problem("x` <img src=x onerror=alert(1)> `y", "[link](http://example.org)\n# title")
    text = comment(changes([], whole), whole, [problem] * 30, CATALOGUE)
    (line,) = {line for line in text.splitlines() if "onerror" in line}
    assert re.fullmatch(r"- `[^`]*`", line)
    assert "- and 10 more" in text and "# title" not in [line.strip() for line in text.splitlines()]


def test_packed_records_have_a_file_a_row_and_the_newest_wins(whole):
    newer = replace(whole[0], created="2026-03-03T00:00:00Z", metrics={"psnr": Measurement(21.0)})
    assert merged(whole, [newer]) == {"lite/feat2gs/net/studio.jsonl": [newer, *whole[1:]]}


def test_a_model_card_is_what_the_hub_reads(whole, record):
    repocard = pytest.importorskip("huggingface_hub.repocard_data", reason="needs huggingface_hub")
    values = model_index([*whole, record("iuvrgb", psnr=10)], "net", CATALOGUE, "https://example.org/board")
    name, results = repocard.model_index_to_eval_results(values["model-index"])
    assert name == "net"
    (result,) = results
    assert (result.dataset_type, result.dataset_name, result.metric_type) == ("studio", "The studio", "psnr")
    assert result.metric_value == 20.5
    assert result.dataset_config == "lite, known reconstruction"
    assert result.source_url == "https://example.org/board"
    assert model_index(whole[:2], "iuvrgb", CATALOGUE)["model-index"][0]["results"] == []


def test_a_file_of_published_rows_is_accepted_where_it_belongs(record, tmp_path):
    from leaderboard.published import published_key

    row = record("net", "mean", psnr=20, made_by="published", provenance={"source": "a paper"})
    path: Path = tmp_path / "paper.jsonl"
    write_jsonl(path, [replace(row, key=published_key(row.cell, row.provenance))])
    assert check([path], facts(published=frozenset({path}))).problems == ()
    write_jsonl(path, [row])
    (problem,) = check([path], facts(published=frozenset({path}))).problems
    assert "key is" in problem.what
