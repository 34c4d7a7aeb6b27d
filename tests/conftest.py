"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real photographs and weights that lies beside the project; never part of it."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("SPLATBENCH_SHARED_DATA", root.parent / "shared" / "data"))
    if not (folder / "scenes").is_dir():
        pytest.skip(f"real photographs are absent: no folder {folder.name}/scenes beside the project")
    return folder
