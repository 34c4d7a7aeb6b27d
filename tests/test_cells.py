"""Identity, keys and seeds."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from benchmark.cells import Cell, cell_key, digest, seed_of
from benchmark.errors import InputError

CELL = Cell("feat2gs", "efficientnet_lite0", "studio", "shelves", "geometry", "known", "lite", 0)
INGREDIENTS = {"entry": "e1", "scene": "s1", "protocol": {"steps": 300, "rates": {"means": 1.6e-4}}}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("track", "lrf"),
        ("entry", "random"),
        ("dataset", "motorcycle"),
        ("scene", "pile"),
        ("mode", "texture"),
        ("reconstruction", "colmap"),
        ("protocol", "strict"),
        ("seed", 1),
    ],
)
def test_every_part_of_the_identity_changes_the_key(field, value):
    assert cell_key(replace(CELL, **{field: value}), INGREDIENTS) != cell_key(CELL, INGREDIENTS)


@pytest.mark.parametrize(
    "changed",
    [
        INGREDIENTS | {"entry": "e2"},
        INGREDIENTS | {"scene": "s2"},
        INGREDIENTS | {"protocol": {"steps": 301, "rates": {"means": 1.6e-4}}},
        INGREDIENTS | {"protocol": {"steps": 300, "rates": {"means": 1.6e-5}}},
    ],
)
def test_every_ingredient_changes_the_key(changed):
    assert cell_key(CELL, changed) != cell_key(CELL, INGREDIENTS)


def test_the_order_of_ingredients_does_not_change_the_key():
    assert cell_key(CELL, dict(reversed(INGREDIENTS.items()))) == cell_key(CELL, INGREDIENTS)


def test_digest_is_sha256_of_canonical_json():
    # printf '{"a":1,"b":[true,null]}' | sha256sum
    assert digest({"b": [True, None], "a": 1}) == "1cc69c7fa23616ca2ec3ee70d24390a6225c8832db8a4c814c7e0e7f942f8668"


def test_digest_refuses_what_json_cannot_say():
    with pytest.raises(ValueError):
        digest({"a": float("nan")})


def test_seeds_are_shared_by_entries_and_modes_and_differ_by_repetition():
    assert seed_of(CELL) == seed_of(replace(CELL, entry="random", mode="all", reconstruction="colmap"))
    assert len({seed_of(replace(CELL, seed=seed)) for seed in range(20)}) == 20
    assert seed_of(CELL) != seed_of(replace(CELL, scene="pile"))


@pytest.mark.parametrize("name", ["", "../etc", "a/b", "a b", "<b>", "x" * 101, ".hidden", "a\n", 3, None])
def test_names_that_could_be_a_path_or_markup_are_refused(name):
    with pytest.raises(InputError, match="entry"):
        replace(CELL, entry=name)


@pytest.mark.parametrize("seed", [-1, 10_000, 1.0, True, "0"])
def test_seeds_are_small_whole_numbers(seed):
    with pytest.raises(InputError, match="seed"):
        replace(CELL, seed=seed)


def test_identity_and_records_need_no_torch():
    code = "import sys, benchmark.records, benchmark.store; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0
