"""Tables of the documentation are made from the code, and none is stale."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from benchmark.protocols import PROTOCOLS
from benchmark.protocols.quirks import QUIRKS, quirk
from benchmark.protocols.side_by_side import differences

DOCS = Path(__file__).parents[2] / "docs"
TABLES = runpy.run_path(str(DOCS / "tables.py"))
PAGES = sorted(DOCS.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_table_is_stale(page):
    text = page.read_text(encoding="utf-8")
    assert TABLES["rewritten"](text) == text, f"{page.name}: run `make tables`"


def test_every_table_is_shown():
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in TABLES["TABLES"] if f"<!-- table: {name} -->" not in text] == []


def test_all_values_that_differ_are_there_and_no_other():
    def flat(value, path=""):
        if isinstance(value, dict):
            for name, part in value.items():
                yield from flat(part, f"{path}.{name}" if path else name)
        else:
            yield path, value

    chosen = [PROTOCOLS[name] for name in ("paper", "strict", "lite")]
    found = {difference.path for difference in differences(chosen)}
    values = [dict(flat(protocol.values(), "")) for protocol in chosen]
    expected = {path for path in values[0].keys() & values[1].keys() if len({repr(v.get(path)) for v in values}) > 1}
    # A part that is absent in one of them stands whole, under its own name.
    unnamed = {path for path in expected if not any(path == name or path.startswith(f"{name}.") for name in found)}
    assert unnamed <= {"name", "reconstruct"}, unnamed


def test_quirks_that_paper_keeps_differ_from_strict():
    marked = {d.quirk for d in differences([PROTOCOLS["paper"], PROTOCOLS["strict"]]) if d.quirk}
    kept = {number for number, one in QUIRKS.items() if one.here.startswith("kept by `paper`")}
    assert kept <= marked


def test_an_unknown_quirk_is_an_error():
    with pytest.raises(KeyError, match="Q99"):
        quirk("Q99")
