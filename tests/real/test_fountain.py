"""A real scene of many views, from the command to the page."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.real


def test_the_fountain_runs_through_and_is_not_run_again(shared_data, tmp_path):
    command = shutil.which("splatbench", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("the command splatbench is not beside this Python: install the package")
    store, site = tmp_path / "store", tmp_path / "site"
    arguments = ["run", "--entry", "instantsplat", "--dataset", str(shared_data / "scenes" / "fountain_p11")]
    arguments += ["--seeds", "1", "--store", str(store), "--site", str(site)]
    first = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stdout + first.stderr
    assert (site / "index.html").is_file()
    (path,) = store.glob("cells/*/*/record.json")
    record = json.loads(path.read_text())
    assert record["metrics"]["psnr"]["value"] > 15
    assert set(record["metrics"]["psnr"]["per_view"]) == {"0002.jpg", "0006.jpg"}
    assert "distance" in record["absent"]
    before = path.stat().st_mtime_ns
    second = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    assert second.returncode == 0
    assert "1 of 1 cells were done before" in second.stdout
    assert path.stat().st_mtime_ns == before
