"""One cell of each track on CUDA, from photographs to its record, beside the same cell on the CPU."""

from __future__ import annotations

import pytest
import torch

from benchmark.executors.worker import run_task
from benchmark.plan import Selection, plan
from benchmark.store import Store

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.mark.parametrize(
    ("selection", "tolerance"),
    [
        (Selection(["random"], "studio", ["shelves"], ["geometry"], seeds=(0,)), 0.5),
        (Selection(["random"], "studio", ["shelves"], ["texture_ft"], seeds=(0,)), 0.5),
        (Selection(["dct_f8"], "studio", ["shelves"], ["3dgs_vae"], seeds=(0,), track="lrf"), 0.5),
    ],
    ids=lambda value: f"{value.track} {value.modes[0]}" if isinstance(value, Selection) else "",
)
def test_both_devices_come_to_the_same_score(selection, tolerance, tmp_path, monkeypatch):
    pytest.importorskip("gsplat", reason="gsplat, the extra [gpu], is not installed")
    scores = []
    for device in ("cuda", "cpu"):
        if device == "cpu":
            monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        store = Store(tmp_path / device)
        (task,) = plan(selection, store)
        outcome = run_task(task, store, lambda *progress: None)
        assert outcome is not None and outcome.status == "ok", outcome
        record = store.read_record(task.key)
        assert record.provenance["machine"]["device"] == device
        scores.append(record.metrics["psnr"].value)
    assert abs(scores[0] - scores[1]) < tolerance
