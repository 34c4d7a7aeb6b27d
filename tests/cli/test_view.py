"""`splatbench view`: which file it opens, and the one line when there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from benchmark.cli import main, view
from benchmark.errors import InputError
from benchmark.splatting import viewer
from benchmark.splatting.gaussians import Gaussians
from benchmark.splatting.ply import write_ply
from benchmark.store import Store

KEY = "ab" + "0" * 62


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    means = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    quaternions = torch.tensor([[1.0, 0, 0, 0]]).expand(50, 4)
    gaussians = Gaussians(means, torch.full((50, 3), -2.0), quaternions, torch.zeros(50), torch.zeros(50, 1, 3))
    store.publish("cells", KEY, lambda folder: write_ply(folder / "gaussians.ply", gaussians))
    store.publish("cells", "cd" + "1" * 62, lambda folder: None)
    store.publish("cells", "ef0000" + "1" * 58, lambda folder: None)
    store.publish("cells", "ef0000" + "2" * 58, lambda folder: None)
    return store


@pytest.mark.parametrize("prefix", [KEY, KEY[:6]])
def test_the_gaussians_of_the_record_are_shown(store, monkeypatch, prefix):
    shown = []

    class Server:
        def sleep_forever(self) -> None:
            shown.append("waits")

    monkeypatch.setattr(viewer, "serve", lambda *a, **k: shown.append((a, k)) or Server())
    view.view(prefix, store.root, 8123)
    (gaussians, cameras), options = shown[0]
    assert len(gaussians.means) == 50 and options["port"] == 8123 and shown[1] == "waits"
    image = viewer.pixels(gaussians, cameras[0].resized(40, 30), viewer.colors_of, None)
    assert image.max() > 0


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ("beef", "no record of that key"),
        ("../..", "no record of that key"),
        ("ef0000", "2 records of that key"),
        ("cd111", r"no gaussians\.ply.*run the cell again"),
    ],
)
def test_what_is_missing_is_said_in_one_line(store, prefix, message):
    with pytest.raises(InputError, match=message) as caught:
        view.fitted_gaussians(store, prefix)
    assert "\n" not in str(caught.value)


def test_a_missing_extra_is_one_line_and_exit_code_2(store, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "viser", None)
    monkeypatch.setattr(sys, "argv", ["splatbench", "view", KEY, "--store", str(store.root)])
    with pytest.raises(SystemExit) as ended:
        main.main()
    error = capsys.readouterr().err
    assert ended.value.code == 2 and "[view]" in error and error.count("\n") == 1
