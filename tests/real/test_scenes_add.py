"""A hard case of one's own photographs: of the kitchen structure from motion finds 17 of 25 cameras."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.cameras import project
from benchmark.scenes.load import load_scene
from benchmark.scenes.own.add import add_dataset
from benchmark.scenes.spec import get_dataset

pytestmark = pytest.mark.real


def test_the_kitchen_becomes_a_dataset(shared_data, tmp_path, monkeypatch, record_property):
    monkeypatch.setenv("SPLATBENCH_DATA", str(tmp_path / "data"))
    added = add_dataset("kitchen", shared_data / "scenes" / "kitchen", train=6, test=3)
    record_property("registered", len(added.solved.names))
    record_property("error", added.solved.error)
    assert 15 <= len(added.solved.names) <= 25
    assert added.solved.error < 1.0
    assert added.sheet.stat().st_size > 50_000
    scene = load_scene(get_dataset("kitchen"), "kitchen", tmp_path / "store")
    assert len(scene.train) == 6 and len(scene.test) == 3
    # Points of the model fall inside the straightened photographs of the views that see them.
    by_name = {name: row for row, name in enumerate(added.solved.names)}
    for view in scene.views:
        seen = added.solved.points[added.solved.seen[by_name[view.name]]]
        pixels, depth = project(seen, view.camera)
        assert (depth > 0).all()
        inside = ((pixels > -20) & (pixels < np.array([view.width, view.height]) + 20)).all(axis=1)
        assert inside.mean() > 0.95
    assert min(added.choice.coverage[index] for index in added.choice.test) > 0.3
