"""The tutorial, as a reader would follow it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from benchmark.cli.main import app
from vfm_zoo import registry

SPLATBENCH = shutil.which("splatbench", path=str(Path(sys.executable).parent))
FILE = Path(__file__).parents[2] / "examples" / "my_extractor" / "my_extractor.py"
pytestmark = pytest.mark.skipif(
    SPLATBENCH is None, reason="the command splatbench is not beside this Python: install the package"
)


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    assert SPLATBENCH is not None
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [SPLATBENCH, *arguments], capture_output=True, text=True, check=False, cwd=cwd, env=environment
    )


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for index in range(2):
        pixels = generator.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((160, 120)).save(folder / f"{index}.png")
    return folder


def test_check_keeps_every_promise_and_features_draws_a_picture(tmp_path: Path, photographs: Path) -> None:
    result = run("check", "my_extractor", "--entry-file", str(FILE), cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "every promise is kept" in result.stdout
    arguments = ("features", "my_extractor", "--entry-file", str(FILE), "--images", str(photographs))
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    with Image.open(tmp_path / "my_extractor.png") as picture:
        # Two photographs, each with its features, and a gap.
        assert picture.size == (4 * 320 + 4, 240)
        assert np.asarray(picture)[:, 320:640].std() > 10


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("entry.stride)", "entry.stride).flip(3)"), "the grid is turned"),
        (("return functional", "torch.manual_seed(0)\n        return functional"), "torch's random state"),
        (("channels=9", "channels=8"), "mend its channels"),
        (('"Apache-2.0"', '"Apache 2"'), "is no known SPDX identifier"),
    ],
)
def test_check_says_in_words_what_is_broken(
    tmp_path: Path, change: tuple[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.list_entries()
    for name in ("_entries", "_sources"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    monkeypatch.setenv(registry.ENTRY_FILES, "")
    broken = tmp_path / "broken.py"
    broken.write_text(FILE.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    result = CliRunner().invoke(app, ["check", "my_extractor", "--entry-file", str(broken)], env={"COLUMNS": "300"})
    assert result.exit_code == 1
    assert words in result.output


def test_a_new_entry_passes_its_own_test_and_is_not_written_over(tmp_path: Path) -> None:
    assert run("new-entry", "mine_b16", cwd=tmp_path).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"mine_b16.py", "test_mine_b16.py", "mine_b16.md"}
    test = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine_b16.py"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert test.returncode == 0, test.stdout
    again = run("new-entry", "mine_b16", cwd=tmp_path)
    assert again.returncode == 2 and "is not written over" in again.stderr
    taken = run("new-entry", "iuv", cwd=tmp_path)
    assert taken.returncode == 2 and "is taken by vfm_zoo.raw" in taken.stderr


def test_an_entry_file_is_listed_and_a_bad_one_is_one_line(tmp_path: Path) -> None:
    result = run("list", "entries", "--json", "--entry-file", str(FILE), cwd=tmp_path)
    assert "my_extractor" in [row["name"] for row in json.loads(result.stdout)]
    bad = tmp_path / "bad.py"
    bad.write_text("raise ValueError('no')")
    result = run("list", "entries", "--entry-file", str(bad), cwd=tmp_path)
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1 and "ValueError: no (line 1)" in result.stderr


def test_worker_processes_know_the_entries_of_a_file(tmp_path: Path) -> None:
    """What `splatbench run --entry-file` hands to a spawned process, without the minutes of a run."""
    code = (
        "import multiprocessing, sys\n"
        "from vfm_zoo import registry\n"
        "def digest(name):\n    return registry.get_entry(name).digest()\n"
        "if __name__ == '__main__':\n"
        "    (entry,) = registry.load_entry_file(sys.argv[1])\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        assert pool.apply(digest, ('my_extractor',)) == entry.digest()\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code)
    result = subprocess.run([sys.executable, str(script), str(FILE)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
