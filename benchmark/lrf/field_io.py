"""`GaussianField` in a folder of the store."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from benchmark.errors import InputError
from benchmark.lrf.field import GaussianField
from benchmark.splatting.gaussians import Gaussians

PARTS = tuple(part.name for part in fields(Gaussians))


def save_field(folder: Path, field: GaussianField) -> None:
    """Write into an empty folder."""
    tensors = {name: getattr(field.gaussians, name).detach().cpu().contiguous() for name in PARTS}
    (folder / "field.safetensors").write_bytes(save(tensors | {"background": field.background.cpu().contiguous()}))
    (folder / "field.json").write_text(json.dumps({"antialiased": field.antialiased}), encoding="utf-8")


def load_field(folder: Path, device: str) -> GaussianField:
    """Read what `save_field` wrote; `InputError` names the folder if its files are damaged."""
    try:
        tensors = load_file(folder / "field.safetensors", device=device)
        about = json.loads((folder / "field.json").read_text(encoding="utf-8"))
        gaussians = Gaussians(**{name: tensors[name] for name in PARTS})
        return GaussianField(gaussians, tensors["background"], about["antialiased"])
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise InputError(
            f"{folder}: a damaged field ({type(error).__name__}); remove this folder, it is then made again"
        ) from None
