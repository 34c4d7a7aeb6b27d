"""`FeatureMaps` in a folder of the store: safetensors and JSON."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import load_file, save

from benchmark.features.feature_maps import FeatureMaps


def save_feature_maps(folder: Path, maps: FeatureMaps) -> None:
    """Write into an empty folder."""
    # Through Python's own file, whose errors say when a disk is full.
    (folder / "features.safetensors").write_bytes(save({"grid": maps.grid.contiguous()}))
    about = {"extent": list(maps.extent), "reduction": maps.reduction}
    (folder / "features.json").write_text(json.dumps(about, allow_nan=False), encoding="utf-8")


def load_feature_maps(folder: Path) -> FeatureMaps:
    """Read what `save_feature_maps` wrote."""
    about = json.loads((folder / "features.json").read_text(encoding="utf-8"))
    left, top, right, bottom = about["extent"]
    grid = load_file(folder / "features.safetensors")["grid"]
    return FeatureMaps(grid, (left, top, right, bottom), about["reduction"])
