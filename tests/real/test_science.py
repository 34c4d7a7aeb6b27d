"""What the benchmark is for, on a real photograph with real weights: training shows in Geometry (docs/findings.md)."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

pytestmark = pytest.mark.real
SEEDS = 2
ENTRIES = ("xfeat", "xfeat_random", "random", "iuvrgb")


def test_what_xfeat_learned_lifts_it_above_its_twin_above_noise_and_above_colour(
    shared_data, tmp_path, monkeypatch, capsys
):
    """Of three seeds xfeat was 3.1 to 4.0 dB above each of the others; a third of that must be seen with two."""
    command = shutil.which("splatbench", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("the command splatbench is not beside this Python: install the package")
    monkeypatch.setenv("SPLATBENCH_WEIGHTS", str(shared_data / "weights"))
    arguments = ["run", "--entry", ",".join(ENTRIES), "--dataset", "motorcycle", "--mode", "geometry"]
    arguments += ["--seeds", str(SEEDS), "--store", str(tmp_path / "store"), "--site", str(tmp_path / "site")]
    result = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    psnr: dict[str, dict[int, float]] = defaultdict(dict)
    for path in (tmp_path / "store" / "cells").glob("*/*/record.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        psnr[record["cell"]["entry"]][record["cell"]["seed"]] = record["metrics"]["psnr"]["value"]
    for other in ENTRIES[1:]:
        differences = [psnr["xfeat"][seed] - psnr[other][seed] for seed in range(SEEDS)]
        with capsys.disabled():
            sys.stdout.write(f"\nxfeat minus {other}: {' '.join(f'{value:+.2f}' for value in differences)} dB")
        assert statistics.mean(differences) > 1.0
