"""Table 3 of Latent Radiance Fields on photographs that are at hand, one scene left out at a time.

    python tests/performance/latent_ablation.py DATA FOLDER STORE [--entry dct_f8] [--protocol lite] [--seeds 3]
        [--scene fern ...] [--mode ...] [--change align_encoder.unit=current ...] [--among all]

`DATA` is the folder of the shared data; the dataset is written into `FOLDER` (`latent_scenes.py`). Every cell learns from
all other scenes (`--among real`: of the photographs, `rooms`: of the rooms, on which settings were chosen). Prints a table,
and differences to the frozen autoencoder paired by scene and seed, with a 95 % interval of the mean over scenes (Student's
t; seeds are averaged first, since scenes are what is sampled).
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import itertools
import math
import sys
from pathlib import Path
from statistics import mean, stdev

from scipy.stats import t as student

from benchmark.executors.slots import run_tasks
from benchmark.executors.worker import run_task
from benchmark.lrf.cells import cells_of
from benchmark.lrf.modes import ABLATION, IMAGE_BASELINES
from benchmark.plan import Task
from benchmark.protocols.lrf import LATENT_PROTOCOLS
from benchmark.store import Store

METRICS = ("psnr", "psnr_tint_free", "ssim", "psnr_reconstruction", "latent_error", "match_distance", "match_ratio")


def changed(protocol, changes):
    """The protocol with values replaced: ``part.value=text``."""
    for change in changes:
        place, text = change.split("=")
        part, name = place.split(".")
        old = getattr(getattr(protocol, part), name)
        value = text if isinstance(old, str) else text == "True" if isinstance(old, bool) else type(old)(float(text))
        new = dataclasses.replace(getattr(protocol, part), **{name: value})
        protocol = dataclasses.replace(protocol, **{part: new})
    if changes:
        protocol = dataclasses.replace(protocol, name=f"{protocol.name}_changed")
    return protocol


def interval(values):
    """Mean and half-width of its 95 % interval; the latter is NaN with one value."""
    if len(values) < 2:
        return mean(values), math.nan
    return mean(values), student.ppf(0.975, len(values) - 1) * stdev(values) / math.sqrt(len(values))


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    for name in ("data", "folder", "store"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--entry", nargs="+", default=["dct_f8"])
    parser.add_argument("--protocol", default="lite")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scene", nargs="*")
    parser.add_argument("--mode", nargs="*", default=list(ABLATION))
    parser.add_argument("--change", nargs="*", default=[])
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--among", choices=("real", "rooms", "all"), default="all")
    asked = parser.parse_args()
    spec = importlib.util.spec_from_file_location("latent_scenes", Path(__file__).with_name("latent_scenes.py"))
    scenes = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scenes)
    dataset = scenes.dataset(asked.data, asked.folder)
    if asked.among != "all":
        wanted = {n: s for n, s in dataset.scenes.items() if (n in scenes.REAL) == (asked.among == "real")}
        dataset = dataclasses.replace(dataset, scenes=wanted)
    store, protocol = Store(asked.store), changed(LATENT_PROTOCOLS[asked.protocol], asked.change)
    chosen = asked.scene or list(dataset.scenes)
    cells = cells_of(
        asked.entry, asked.mode, dataset, chosen, "known", range(asked.seeds), protocol, store, lambda n: None
    )
    tasks = [Task(cell, key, dataset, protocol) for cell, key in cells]
    if asked.slots > 1:
        outcomes = run_tasks(tasks, store, asked.slots, threads=1, on_event=lambda event: None)
    else:
        outcomes = [run_task(task, store, lambda *told: None) for task in tasks]
    for outcome in outcomes:
        if outcome.status != "ok":
            sys.stdout.write(f"{outcome.status} {outcome.task.cell.label}: {outcome.reason}\n")
    report([store.read_record(task.key) for task in tasks], chosen)


def report(records, scenes) -> None:
    """The table, and the differences."""
    values = {}
    for record in records:
        if record is not None and record.status == "ok":
            mode = (
                record.cell.entry if record.cell.entry in IMAGE_BASELINES else f"{record.cell.entry} {record.cell.mode}"
            )
            for name in METRICS:
                if name in record.metrics:
                    values[mode, name, record.cell.scene, record.cell.seed] = record.metrics[name].value
    modes = list(dict.fromkeys(key[0] for key in values))
    for name in METRICS:
        sys.stdout.write(f"\n{name:22s}" + "".join(f"{scene:>16s}" for scene in scenes) + f"{'mean':>9s}\n")
        for mode in modes:
            row = [[v for (m, n, s, _), v in values.items() if (m, n, s) == (mode, name, scene)] for scene in scenes]
            if all(row):
                cells = "".join(f"{mean(c):9.3f}" + (f" ±{stdev(c):5.3f}" if len(c) > 1 else " " * 7) for c in row)
                sys.stdout.write(f"{mode:22s}{cells}{mean(map(mean, row)):9.3f}\n")
    for name, (one, other) in itertools.product(METRICS[:3], itertools.combinations(modes, 2)):
        by_scene = []
        for scene in scenes:
            pairs = [
                v - values[one, n, s, seed]
                for (m, n, s, seed), v in values.items()
                if (m, n, s) == (other, name, scene) and (one, n, s, seed) in values
            ]
            if pairs:
                by_scene.append(mean(pairs))
        if by_scene:
            middle, half = interval(by_scene)
            worst, best = min(by_scene), max(by_scene)
            sys.stdout.write(
                f"{name}: {other} - {one}: {middle:+.3f} ± {half:.3f} over {len(by_scene)} scenes "
                f"({worst:+.3f} to {best:+.3f}; better in {sum(v > 0 for v in by_scene)})\n"
            )


if __name__ == "__main__":
    main()
