"""Ctrl-C in the middle of a real run: what is finished is kept, and the same command goes on from there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SPLATBENCH = shutil.which("splatbench", path=str(Path(sys.executable).parent))
pytestmark = pytest.mark.skipif(
    SPLATBENCH is None, reason="the command splatbench is not beside this Python: install the package"
)


def test_a_run_goes_on_where_it_was_stopped(photographs, tmp_path):
    store = tmp_path / "store"
    command = [SPLATBENCH, "run", "-e", "instantsplat", "-d", str(photographs()), "--seeds", "2", "--slots", "1"]
    command += ["--store", str(store), "--site", str(tmp_path / "site")]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    end = time.monotonic() + 240
    while not list(store.glob("cells/*/*/record.json")) and run.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    os.killpg(run.pid, signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 130
    assert err.strip().splitlines() == [
        "splatbench: stopped; what is finished is kept, the same command goes on from there"
    ]
    (first,) = store.glob("cells/*/*/record.json")
    kept = first.read_bytes()
    assert json.loads(kept)["status"] == "ok"
    assert list((store / "partial").iterdir()) == []

    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "1 of 2 cells were done before" in again.stdout
    assert first.read_bytes() == kept
    assert len(list(store.glob("cells/*/*/record.json"))) == 2
    assert (tmp_path / "site" / "index.html").is_file()
