"""`splatbench results` and `splatbench submit`, as a contributor meets them; and the repository's own results."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmark.records import read_jsonl

SPLATBENCH = shutil.which("splatbench", path=str(Path(sys.executable).parent))
pytestmark = pytest.mark.skipif(
    SPLATBENCH is None, reason="the command splatbench is not beside this Python: install the package"
)
RESULTS = Path(__file__).parents[2] / "results"


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    assert SPLATBENCH is not None
    return subprocess.run([SPLATBENCH, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=cwd)


def test_the_repositorys_own_results_pass(tmp_path):
    done = run("results", "check", RESULTS, "--no-keys", "--against", RESULTS, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(": 0 problems\n")


@pytest.fixture
def changed(tmp_path) -> Path:
    shutil.copytree(RESULTS, tmp_path / "results")
    return tmp_path / "results"


def test_a_published_number_that_was_touched_is_found(changed, tmp_path):
    path = changed / "published" / "lrf.jsonl"
    path.write_text(path.read_text("utf-8").replace("22.45", "23.45", 1), encoding="utf-8")
    comment = tmp_path / "comment.md"
    done = run("results", "check", changed, "--against", RESULTS, "--comment", comment, cwd=tmp_path)
    assert done.returncode == 1
    assert "lrf.jsonl: is not the file of SHA256SUMS" in done.stdout
    assert "is a published row and was changed" in done.stdout
    assert "published row and was changed" in comment.read_text("utf-8")
    diff = run("results", "diff", RESULTS, changed)
    assert diff.returncode == 1 and "psnr 22.45" in diff.stdout and "0 added, 1 changed, 0 removed" in diff.stdout


def test_a_row_that_is_gone_is_found(changed):
    path = changed / "published" / "lrf.jsonl"
    path.write_text("".join(path.read_text("utf-8").splitlines(keepends=True)[1:]), encoding="utf-8")
    done = run("results", "diff", RESULTS, changed)
    assert done.returncode == 1 and done.stdout.startswith("removed: ")


def test_from_a_store_to_a_submission(record_in_store, tmp_path):
    store = record_in_store
    done = run("submit", "--store", store, "--results", tmp_path / "results", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    path = tmp_path / "results" / "measured" / "lite" / "feat2gs" / "random" / "motorcycle.jsonl"
    assert f"git add {path}" in done.stdout
    assert [record.cell.entry for record in read_jsonl(path)] == ["random"]
    assert "`random`" in (tmp_path / "comment.md").read_text("utf-8")
    card = run("results", "export", "random", "--format", "huggingface", "--results", tmp_path / "results")
    assert card.returncode == 0, card.stderr
    values = yaml.safe_load(card.stdout.strip().strip("-"))
    assert values["model-index"][0]["results"][0]["metrics"][0] == {"type": "psnr", "name": "PSNR", "value": 12.5}
    # A number of another cell under this key is found.
    path.write_text(path.read_text("utf-8").replace('"seed": 0', '"seed": 1'), encoding="utf-8")
    done = run("results", "check", path, "--store", store, cwd=tmp_path)
    assert done.returncode == 1 and "run the cell again" in done.stdout


@pytest.fixture
def record_in_store(tmp_path) -> Path:
    """A record as a run leaves it, of a scene that ships with a package; its key is the planner's."""
    from benchmark.plan import Selection, plan
    from benchmark.records import Measurement, Record
    from benchmark.store import Store

    store = Store(tmp_path / "runs")
    (task,) = plan(Selection(["random"], "motorcycle", modes=["geometry"], seeds=[0]), store)
    metrics = {"psnr": Measurement(12.5, {"right.png": 12.5})}
    record = Record(task.cell, task.key, "ok", "measured", "2026-01-01T00:00:00Z", metrics=metrics)
    store.publish("cells", task.key, lambda folder: (folder / "record.json").write_text(record.to_json(), "utf-8"))
    return tmp_path / "runs"


def test_nothing_to_do_is_one_line(tmp_path):
    for arguments, expected in (
        (("results", "pack", "--store", tmp_path / "runs"), "no such records"),
        (("results", "transcribe", tmp_path), "none of the known tables"),
        (("results", "export", "nobody", "--results", RESULTS), "no complete row"),
        (("results", "check", tmp_path), "no .jsonl file"),
    ):
        done = run(*arguments, cwd=tmp_path)
        assert done.returncode == 2, (arguments, done)
        (line,) = done.stderr.strip().splitlines()
        assert line.startswith("splatbench: ") and expected in line
