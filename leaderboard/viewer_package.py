"""Where the viewer's package is kept, and having npm fetch it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmark.errors import InputError
from leaderboard.viewer import NAME, VERSION


def viewer_package() -> Path:
    """Where the package is kept, whether it is there or not."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "splatbench" / f"{NAME.rpartition('/')[2]}-{VERSION}.tgz"


def fetch_viewer(path: Path) -> None:
    """Have npm fetch the package to ``path``, complete or not at all; its bytes are not looked at here.

    Raises
    ------
    InputError
        If npm is absent or fails.
    """
    package = f"{NAME}@{VERSION}"
    npm = shutil.which("npm")
    if npm is None:
        raise InputError(f"npm is not installed; install it, or put the package {package} at {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        done = subprocess.run(
            [npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", folder, package],
            capture_output=True,
            text=True,
            cwd=folder,
            check=False,
        )
        found = list(Path(folder).glob("*.tgz"))
        if done.returncode or len(found) != 1:
            said = " ".join(done.stderr.split())[-300:] or f"exit code {done.returncode}"
            raise InputError(f"npm pack {package}: failed ({said}); try again, or put the package at {path}")
        found[0].replace(path)
