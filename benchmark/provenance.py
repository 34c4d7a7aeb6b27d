"""Where a number comes from: versions, commit and machine. Facts that a record keeps and no key contains."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("splatbench", "torch", "torchvision", "timm", "numba", "numpy", "scipy", "pycolmap", "gsplat")


@cache
def software() -> dict[str, Any]:
    """Versions of what computes, and the commit of this package's own source (not of the working directory)."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {"python": platform.python_version(), "packages": versions, **_commit(Path(__file__).resolve().parent)}


@cache
def machine() -> dict[str, Any]:
    """Kind of machine; no host name, no user, no path."""
    return {"os": f"{platform.system()} {platform.machine()}", "cpu": _cpu(), "cores": os.cpu_count()}


def _commit(folder: Path) -> dict[str, Any]:
    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True
        ).stdout.strip()

    try:
        # An installed package may lie inside someone else's repository: only a tracked file counts.
        git("ls-files", "--error-unmatch", Path(__file__).name)
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return {}


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def provenance(device: str, threads: int, digests: Mapping[str, str], protocol_version: int) -> dict[str, Any]:
    """What is needed to remake a measured number, as a record has it."""
    return {
        "software": software(),
        "machine": machine() | {"device": device, "threads": threads},
        "digests": dict(digests),
        "protocol_version": protocol_version,
    }
