"""LPIPS (Zhang et al., CVPR 2018): VGG, version 0.1, pictures brought to the range that it expects.

Its weights are torchvision's VGG16, which no package carries. Nothing is downloaded here: where the file is absent the
metric is absent, with the reason.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import torch
from jaxtyping import Float

# Name and beginning of the SHA-256 of torchvision's file, as torch.hub stores it.
WEIGHTS = "vgg16-397923af.pth"
DIGEST = "397923af"


@cache
def unavailable() -> str:
    """Why LPIPS cannot be computed here, or an empty text."""
    if find_spec("lpips") is None:
        return "LPIPS needs its package: pip install 'splatbench[lpips]'"
    path = _weights()
    if path is None:
        return (
            f"LPIPS needs torchvision's {WEIGHTS}: put the file into the folder that SPLATBENCH_WEIGHTS names, or into "
            "torch.hub's checkpoints"
        )
    with path.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if not found.startswith(DIGEST):
        return f"{path.name}: its SHA-256 begins with {found[:8]}, expected {DIGEST}; fetch the file again"
    return ""


def lpips(
    image: Float[torch.Tensor, "height width 3"], truth: Float[torch.Tensor, "height width 3"], signed: bool = True
) -> tuple[float | None, str]:
    """Distance of two pictures in [0, 1], and an empty text; or None and the reason why there is none.

    Parameters
    ----------
    signed
        Bring pictures to [-1, 1], as the network expects; False leaves them as they are, as the code of 3DGS and of the
        paper does (Q13).
    """
    if reason := unavailable():
        return None, reason
    with torch.no_grad():
        inputs = (to_signed(picture) if signed else picture.movedim(-1, 0)[None] for picture in (image, truth))
        value = _network()(*inputs)
    return float(value), ""


def to_signed(image: Float[torch.Tensor, "height width 3"]) -> Float[torch.Tensor, "1 3 height width"]:
    """From [0, 1] to [-1, 1], the range that the network's constants assume (Q13)."""
    return image.movedim(-1, 0)[None] * 2 - 1


def _weights() -> Path | None:
    folders = [Path(torch.hub.get_dir()) / "checkpoints"]
    if named := os.environ.get("SPLATBENCH_WEIGHTS"):
        folders.insert(0, Path(named))
    return next((folder / WEIGHTS for folder in folders if (folder / WEIGHTS).is_file()), None)


@cache
def _network() -> torch.nn.Module:
    from lpips import LPIPS

    # pnet_rand: the package's own loading would go to the network; the backbone's weights are put in below.
    network = LPIPS(net="vgg", version="0.1", pretrained=True, pnet_rand=True, verbose=False)
    path = _weights()
    assert path is not None
    features = {
        name.removeprefix("features."): values
        for name, values in torch.load(path, map_location="cpu", weights_only=True).items()
        if name.startswith("features.")
    }
    slices = {
        f"{part}.{layer}": value
        for part, module in network.net.named_children()
        for layer, value in module.named_children()
    }
    for place, module in slices.items():
        number = place.split(".")[1]
        if f"{number}.weight" in features:
            module.weight.data.copy_(features[f"{number}.weight"])
            module.bias.data.copy_(features[f"{number}.bias"])
    return network.eval().requires_grad_(False)
