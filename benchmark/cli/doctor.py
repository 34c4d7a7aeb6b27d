"""`splatbench doctor`: what this machine can do, and why something is skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import typer

from benchmark.cli.output import DEFAULT_STORE, JsonOption, StoreOption, cores, print_json, print_table
from benchmark.errors import SplatbenchError

# Extra, the module that shows it is there, and what is missing without it.
EXTRAS = (
    ("gpu", "gsplat", "rendering on CUDA"),
    ("lpips", "lpips", "the metric LPIPS"),
    ("zoo", "transformers", "entries with weights on a hub"),
    ("view", "viser", "the live view of a fitted scene"),
    ("video", "imageio_ffmpeg", "videos of a fitted scene"),
    ("upsample", "kornia", "modes *_up: features along the edges of the photographs"),
    ("ray", "ray", "running on a cluster"),
)


class Finding(NamedTuple):
    """One line of the report: ``ok``, ``missing`` (something will be skipped) or ``error`` (nothing will run)."""

    what: str
    state: str
    detail: str


def doctor(store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """Check the installation, the store, extras and the accelerator.

    Example: `splatbench doctor`
    """
    findings = list(examine(store))
    if json:
        print_json([finding._asdict() for finding in findings])
    else:
        print_table("Doctor", ["what", "state", "detail"], findings)
    if any(finding.state == "error" for finding in findings):
        raise typer.Exit(1)


def examine(store: Path) -> Iterator[Finding]:
    """Everything that decides what can run here."""
    import torch

    yield Finding("splatbench", "ok", f"{version('splatbench')}, torch {torch.__version__}, {cores()} cores")
    if torch.cuda.is_available():
        yield Finding("accelerator", "ok", torch.cuda.get_device_name(0))
    else:
        yield Finding("accelerator", "missing", "no CUDA device: cells run on the CPU (protocol lite is made for it)")
    yield _store(store)
    yield _hugging_face_datasets()
    for extra, module, purpose in EXTRAS:
        if find_spec(module) is None:
            yield Finding(f"extra [{extra}]", "missing", f"{purpose}: pip install 'splatbench[{extra}]'")
        else:
            yield Finding(f"extra [{extra}]", "ok", f"{purpose} ({module} {_version(module)})")
    yield _lpips_weights()


def _store(store: Path) -> Finding:
    from benchmark.store import Store

    try:
        Store(store)
    except SplatbenchError as error:
        return Finding("store", "error", str(error))
    free = shutil.disk_usage(store).free / 1e9
    return Finding("store", "ok" if free > 1 else "error", f"{store}, {free:.1f} GB free")


def _hugging_face_datasets() -> Finding:
    """The name `datasets` must mean Hugging Face's package or nothing, never a folder of this repository."""
    spec = find_spec("datasets")
    if spec is None or (spec.origin and "site-packages" in spec.origin):
        return Finding("name 'datasets'", "ok", "not shadowed")
    return Finding(
        "name 'datasets'", "error", "the repository's folder shadows Hugging Face's package: set PYTHONSAFEPATH=1"
    )


def _lpips_weights() -> Finding:
    from benchmark.metrics.lpips import unavailable

    reason = unavailable()
    if reason:
        return Finding("LPIPS weights", "missing", reason)
    return Finding("LPIPS weights", "ok", os.environ.get("SPLATBENCH_WEIGHTS", "from the cache of torch.hub"))


def _version(module: str) -> str:
    try:
        return version(module.replace("_", "-"))
    except PackageNotFoundError:
        return "version unknown"
