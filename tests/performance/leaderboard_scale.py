"""Reading and building a hundred thousand records, and what of it is large.

    python tests/performance/leaderboard_scale.py FOLDER [--entries 200]

Writes generated records of 11 datasets, 5 scenes, 3 modes and 3 seeds into `FOLDER/results`, if they are not there, and the
site into `FOLDER/site`; prints seconds, peak memory and the size of the index.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import resource
import sys
import time
from itertools import product
from pathlib import Path

from benchmark.records import Cell, Measurement, Record, read_jsonl, write_jsonl
from leaderboard.build import build_site

DATASETS, SCENES, MODES, SEEDS, VIEWS = 11, 5, ("geometry", "texture", "all"), 3, 4
DETAILS = {
    "train_views": ["00.png", "01.png", "03.png"],
    "size": [128, 96],
    "readout_parameters": 17419,
    "reduction": {"channels": 112, "components": 64, "explained_variance": 0.98, "method": "pca", "scale": 0.4},
}
PROVENANCE = {
    "digests": {name: hashlib.sha256(name.encode()).hexdigest() for name in ("entry", "features", "scene")},
    "machine": {"cores": 2, "device": "cpu", "os": "Linux x86_64", "threads": 1},
    "protocol_version": 1,
    "software": {"packages": {"numpy": "2.4", "torch": "2.14.1"}, "python": "3.11.7"},
}


def generate(folder: Path, entries: int) -> None:
    """One file an entry and dataset, as contributors send them."""
    draw = random.Random(0)
    for entry, dataset in product(range(entries), range(DATASETS)):
        records = []
        for scene, mode, seed in product(range(SCENES), MODES, range(SEEDS)):
            names = (f"model{entry:03}", f"data{dataset:02}", f"scene{scene}")
            cell = Cell("feat2gs", *names, mode, "known", "lite", seed)
            metrics = {}
            for name, middle, spread in (("psnr", 20 + entry / 100, 0.3), ("ssim", 0.7, 0.02), ("lpips", 0.3, 0.02)):
                views = {f"{view:03}.png": draw.gauss(middle, spread) for view in range(VIEWS)}
                metrics[name] = Measurement(sum(views.values()) / VIEWS, views)
            key = hashlib.sha256(repr(cell).encode()).hexdigest()
            cost = {
                "gaussians": 36864,
                "peak_memory_mb": 950,
                "seconds": {"joint fit": draw.uniform(5, 9), "total": 12.0},
            }
            records.append(
                Record(
                    cell,
                    key,
                    "ok",
                    "measured",
                    "2026-01-01T00:00:00Z",
                    metrics=metrics,
                    cost=cost,
                    details=DETAILS,
                    provenance=PROVENANCE,
                )
            )
        path = folder / f"model{entry:03}" / f"data{dataset:02}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_jsonl(path, records)


def main() -> None:
    """Generate if need be, then time a fresh reading and building."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--entries", type=int, default=200)
    asked = parser.parse_args()
    results = asked.folder / "results"
    if not results.is_dir():
        generate(results, asked.entries)
        sys.stdout.write("generated; run again, so that generating is not in the peak of memory\n")
        return
    began = time.perf_counter()
    records = [record for path in sorted(results.rglob("*.jsonl")) for record in read_jsonl(path)]
    read = time.perf_counter()
    index = build_site(
        records, asked.folder / "site", entries={}, datasets={}, protocols={}, command=lambda record: record.cell.label
    )
    built = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    sys.stdout.write(
        f"{len(records)} records: read in {read - began:.1f} s, built in {built - read:.1f} s, peak {peak:.2f} GB, "
        f"index {index.stat().st_size / 1000:.0f} kB\n"
    )


if __name__ == "__main__":
    main()
