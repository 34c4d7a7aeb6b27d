"""The second track on real photographs, with reduced budgets; full measurements: `tests/performance/latent_ablation.py`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmark.executors.worker import run_task
from benchmark.lrf.cells import cells_of
from benchmark.plan import Task
from benchmark.protocols.lrf import LITE
from benchmark.scenes.spec import DatasetSpec, Licence, SceneSpec
from benchmark.store import Store

pytestmark = pytest.mark.real

# A quarter of the pixels; Gaussians in image space need all their steps to become finer than a pixel.
QUICK = replace(LITE, images=replace(LITE.images, long_side=256), fit=replace(LITE.fit, steps=200))


@pytest.fixture(scope="module")
def results(shared_data, tmp_path_factory):
    """Metrics by entry, of the fountain, every eighth view judged."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPLATBENCH_WEIGHTS", str(shared_data / "weights"))
        folder, store = shared_data / "scenes" / "fountain_p11", Store(tmp_path_factory.mktemp("store"))
        names = sorted(path.name for path in (folder / "images").iterdir())
        split = SceneSpec(tuple(name for name in names if name not in names[::8]), tuple(names[::8]))
        dataset = DatasetSpec(
            name="fountain", version=1, title="", task="nvs", citation="", licence=Licence("LicenseRef-unknown", "", False),
            source={"kind": "folder", "folder": str(folder)}, layout="cameras_json", scenes={"fountain": split},
            split_origin="ours",
        )  # fmt: skip
        found = {}
        entries = ["dct_f8", "taef2", "3dgs_8", "mip_splatting_8", "bicubic_8"]
        cells = cells_of(entries, ["3dgs_vae"], dataset, ["fountain"], "known", [0], QUICK, store, lambda name: None)
        for cell, key in cells:
            outcome = run_task(Task(cell, key, dataset, QUICK), store, lambda *told: None)
            assert outcome.status == "ok", outcome.reason
            record = store.read_record(key)
            found[cell.entry] = {name: measured.value for name, measured in record.metrics.items()}
        return found


def test_the_filters_of_mip_splatting_help_when_rendered_at_the_full_size(results):
    assert results["mip_splatting_8"]["psnr"] > results["3dgs_8"]["psnr"] + 0.3


@pytest.mark.parametrize("entry", ["dct_f8", "taef2"])
def test_latents_survive_the_trip_in_part(results, entry):
    assert results[entry]["psnr_reconstruction"] > 24
    assert 15 < results[entry]["psnr"] < results[entry]["psnr_reconstruction"] - 3
    # Latents of one point are nearer than those of any two, and rendered latents better than a constant.
    assert results[entry]["match_ratio"] < 0.8
    assert results[entry]["latent_error"] < 1.0


def test_the_reference_line_is_above_what_fields_reach(results):
    assert results["bicubic_8"]["psnr"] > max(results[name]["psnr"] for name in ("dct_f8", "mip_splatting_8"))
