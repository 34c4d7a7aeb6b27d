"""Records: what is written comes back, and nothing else is accepted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.cells import Cell
from benchmark.errors import InputError, SplatbenchError
from benchmark.records import Measurement, Record, read_jsonl, write_jsonl

CELL = Cell("feat2gs", "efficientnet_lite0", "studio", "shelves", "geometry", "known", "lite", 0)
RECORD = Record(
    cell=CELL,
    key="ab" * 32,
    status="ok",
    made_by="measured",
    created="2026-11-24T12:00:00Z",
    metrics={"psnr": Measurement(22.5, {"006.png": 22.0, "007.png": 23.0}), "ssim": Measurement(0.7)},
    absent={"lpips": "weights are absent"},
    cost={"seconds": {"total": 12.5}, "peak_memory_mb": 900},
    details={"size": [128, 96], "reduction": {"kept": 0.98}},
    provenance={"software": {"packages": {"torch": "2.14.1"}}},
)


def changed(**values):
    """The record as plain values with some replaced; a value of ... removes the field."""
    plain = json.loads(RECORD.to_json())
    for path, value in values.items():
        target, *names = plain, *path.split("__")
        for name in names[:-1]:
            target = target[name]
        if value is ...:
            del target[names[-1]]
        else:
            target[names[-1]] = value
    return json.dumps(plain)


def test_a_record_comes_back_as_it_was():
    assert Record.from_json(RECORD.to_json()) == RECORD


def test_the_text_is_canonical():
    assert RECORD.to_json() == Record.from_json(RECORD.to_json()).to_json()


def test_jsonl_is_sorted_by_cell_and_reads_back(tmp_path):
    from dataclasses import replace

    second = replace(RECORD, cell=replace(CELL, seed=1), key="cd" * 32)
    path = tmp_path / "a.jsonl"
    write_jsonl(path, [second, RECORD])
    assert list(read_jsonl(path)) == [RECORD, second]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (changed(schema=2), "schema"),
        (changed(schema="1"), "schema"),
        (changed(extra=1), "extra"),
        (changed(cell__extra=1), "extra"),
        (changed(cell__seed=...), "seed"),
        (changed(cell__entry="../x"), "entry"),
        (changed(cell__seed="0"), "seed"),
        (changed(status="fine"), "status"),
        (changed(status="failed"), "reason"),
        (changed(metrics={}), "metric"),
        (changed(metrics__psnr__value="22"), "psnr.value"),
        (changed(metrics__psnr__value=True), "psnr.value"),
        (changed(metrics__psnr__value=1e9), "psnr.value"),
        (changed(metrics__psnr__value=...), "psnr.value"),
        (changed(metrics__fid={"value": 1}), "fid"),
        (changed(metrics__psnr__per_view={"a": None}), "per_view"),
        (changed(made_by="me"), "made_by"),
        (changed(key=5), "key"),
        (changed(created=...), "created"),
        (changed(reason="x" * 5000), "reason"),
        (changed(details={"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": 1}}}}}}}}), "nested"),
        (RECORD.to_json().replace("22.5", "NaN"), "NaN"),
        (RECORD.to_json().replace("22.5", "Infinity"), "Infinity"),
        (RECORD.to_json().replace("22.5", "1e999"), "psnr.value"),
        (RECORD.to_json().replace("22.5", "9" * 400), "psnr.value"),
        (RECORD.to_json().replace("900", "9" * 400), "cost.peak_memory_mb"),
        (RECORD.to_json()[:-1] + ', "key": "x"}', "twice"),
        (RECORD.to_json()[:-5], "JSON"),
        ("[]", "object"),
        ("[" * 100_000, "JSON"),
        ('"' + "x" * 2_000_000 + '"', "characters"),
    ],
)
def test_what_is_wrong_is_refused_with_place_and_field(text, field):
    with pytest.raises(InputError) as error:
        Record.from_json(text, "file.jsonl line 3")
    assert "file.jsonl line 3" in str(error.value)
    assert field in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_a_bad_line_is_named_by_its_number(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(RECORD.to_json() + "\n\n{}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.jsonl line 3"):
        list(read_jsonl(path))


@pytest.mark.parametrize("content", [b"\n\xff\xfe", None])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / "a.jsonl"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.jsonl"):
        list(read_jsonl(path))


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


@given(st.sampled_from(["cell", "metrics", "absent", "cost", "details", "provenance", "status", "key"]), json_values)
def test_any_json_in_any_field_is_read_or_refused_and_nothing_else(name, value):
    text = json.dumps(json.loads(RECORD.to_json()) | {name: value})
    try:
        Record.from_json(text).to_json()
    except SplatbenchError as error:
        assert "\n" not in str(error)
