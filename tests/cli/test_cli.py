"""The command as a user meets it: listings, and one clear line for what cannot be."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

SPLATBENCH = shutil.which("splatbench", path=str(Path(sys.executable).parent))
pytestmark = pytest.mark.skipif(
    SPLATBENCH is None, reason="the command splatbench is not beside this Python: install the package"
)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert SPLATBENCH is not None
    return subprocess.run([SPLATBENCH, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("kind", ["entries", "datasets", "protocols", "metrics", "modes"])
def test_listings_are_json_for_programs(kind):
    result = run("list", kind, "--json")
    assert result.returncode == 0, result.stderr
    assert all("name" in row for row in json.loads(result.stdout))


@pytest.mark.parametrize("name", ["efficientnet_lite0", "instantsplat", "studio", "lite", "psnr"])
def test_show_knows_every_kind_of_name(name):
    result = run("show", name, "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["name"] == name


ASKED = {
    "entry": ["--entry", "efficientnet_lite"],
    "dataset": ["--entry", "random", "--dataset", "studioo"],
    "mode": ["--entry", "random", "--dataset", "motorcycle", "--mode", "geometri"],
    "protocol": ["--entry", "random", "--dataset", "motorcycle", "--protocol", "lit"],
    "scene": ["--entry", "random", "--dataset", "motorcycle", "--scene", "motorcycl"],
    "seeds": ["--entry", "random", "--dataset", "motorcycle", "--seeds", "two"],
    "no such folder": ["--entry", "random", "--dataset", "./nowhere"],
}


@pytest.mark.parametrize("word", ASKED)
def test_what_is_unknown_gets_one_line_and_an_exit_code(word, tmp_path):
    result = run("run", *ASKED[word], "--store", str(tmp_path / "store"), "--site", str(tmp_path / "site"))
    assert result.returncode == 2
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("splatbench: ") and word in lines[0]


def test_a_store_that_cannot_be_written_is_said_before_anything_runs(tmp_path):
    (tmp_path / "file").touch()
    result = run("run", "--entry", "random", "--dataset", "motorcycle", "--store", str(tmp_path / "file" / "store"))
    assert result.returncode == 2
    assert "--store" in result.stderr


def test_there_is_no_page_before_there_are_records(tmp_path):
    result = run("leaderboard", "build", "--store", str(tmp_path / "store"), "--site", str(tmp_path / "site"))
    assert result.returncode == 2
    assert "splatbench run" in result.stderr


@pytest.mark.parametrize("verb", [["list"], ["show"], ["doctor"], ["run"], ["leaderboard", "build"]])
def test_help_gives_an_example(verb):
    result = run(*verb, "--help")
    assert result.returncode == 0
    assert "Example" in result.stdout


def test_the_name_datasets_is_never_ours():
    code = "import importlib.util as u; s = u.find_spec('datasets'); print(s.origin if s else 'absent')"
    found = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True).stdout
    assert "absent" in found or "site-packages" in found


def words_of(record) -> list[str]:
    from benchmark.cli.leaderboard import command

    return shlex.split(command(record))


@pytest.mark.parametrize("name", ["motorcycle", "my-photographs"])
def test_the_command_of_a_record_is_one_that_splatbench_takes(name):
    from benchmark.cells import Cell
    from benchmark.records import Record

    cell = Cell("feat2gs", "iuvrgb", name, name, "texture", "known", "lite", 7)
    words = words_of(Record(cell, "ab" * 32, "failed", "measured", "", "why"))
    assert words[:2] == ["splatbench", "run"]
    options = dict(zip(words[2::2], words[3::2], strict=True))
    assert options["--dataset"] == (name if name == "motorcycle" else f"path/to/{name}")
    assert options["--seeds"] == "7..7" and options["--mode"] == "texture" and options["--scene"] == name
    # As it stands it is understood; only the place of the folder is for the reader to fill in.
    result = run(*words[1:], "--slots", "0")
    assert "--slots" in result.stderr and result.returncode == 2
    free = Record(Cell("feat2gs", "instantsplat", name, name, "free", "known", "lite", 0), "a", "ok", "measured", "")
    assert "--mode" not in words_of(free)


def test_a_record_from_elsewhere_cannot_lead_out_of_the_store(tmp_path):
    from benchmark.cells import Cell
    from benchmark.cli.leaderboard import build
    from benchmark.records import Measurement, Record, write_jsonl

    for folder in ("secret/renders", "secret/truth"):
        (tmp_path / folder).mkdir(parents=True)
        Image.new("RGB", (32, 24), (13, 57, 201)).save(tmp_path / folder / "left.png")
    cell = Cell("feat2gs", "iuvrgb", "motorcycle", "motorcycle", "all", "known", "lite", 0)
    metrics = {"psnr": Measurement(20.0, {"left.png": 20.0})}
    key = "../secret"
    (tmp_path / "results").mkdir()
    write_jsonl(tmp_path / "results" / "a.jsonl", [Record(cell, key, "ok", "measured", "", metrics=metrics)])
    page = build(tmp_path / "store", tmp_path / "site", tmp_path / "results")
    assert page.is_file()
    assert not [path for path in page.parent.rglob("*") if path.suffix in (".png", ".jpg", ".webp")]


def test_tables_are_whole_in_a_pipe_and_numbers_are_numbers():
    rows = json.loads(run("list", "entries", "--json").stdout)
    assert {type(row["channels"]) for row in rows} <= {int, type(None)}
    lines = run("list", "entries").stdout.splitlines()
    # A title, a header, and one line an entry.
    assert len(lines) == len(rows) + 2
