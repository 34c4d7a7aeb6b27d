"""Where the time of a cell goes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.profile import parts_of, stages_of


def test_stages_and_what_is_between_them_are_the_whole():
    stages = stages_of({"inputs": 1.0, "joint fit": 2.5, "total": 4.0})
    assert {stage.name: stage.seconds for stage in stages} == {"inputs": 1.0, "joint fit": 2.5, "other": 0.5}
    assert sum(stage.share for stage in stages) == pytest.approx(1.0)


def test_backward_is_counted_once():
    parts = {
        part.name: part
        for part in parts_of(
            {"readout": 1.0, "render": 1.0, "loss": 1.0, "backward": 4.0, "BlendBackward": 3.0, "optimizer": 1.0}
        )
    }
    assert parts["backward in all"].share == pytest.approx(0.5)
    assert parts["rasterise backward"].seconds == 3.0
    assert (
        sum(part.share for name, part in parts.items() if name not in ("rasterise backward", "readout backward")) == 1
    )


def test_the_command_profiles_one_cell_and_keeps_nothing(tmp_path):
    command = shutil.which("splatbench", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("the command splatbench is not beside this Python: install the package")
    arguments = ["run", "-e", "random", "-d", "motorcycle", "--mode", "geometry", "--seeds", "1", "--profile"]
    arguments += ["--store", str(tmp_path / "store"), "--site", str(tmp_path / "site")]
    result = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    printed = result.stdout
    for part in ("joint fit", "readout forward", "rasterise backward", "optimiser"):
        seconds = re.search(rf"{part}\s+(\d+\.\d\d)", printed)
        assert seconds is not None, printed
        assert float(seconds[1]) > 0
    assert not list((tmp_path / "store" / "cells").iterdir())
    assert not (tmp_path / "site").exists()
