"""Run the public code of DUSt3R and MASt3R on drawn weights and keep what it gives.

``python tests/vfm_zoo/golden/make_pairs.py CLONE`` where CLONE is a recursive clone of github.com/naver/mast3r (the
files here: mast3r f5209afc, dust3r 4c24a6eb, croco d7de0705; also needs einops). Only numbers leave that code, which
is CC BY-NC-SA 4.0.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent
RULE = runpy.run_path(str(HERE / "rule.py"))
INFINITY = float("inf")

COMMON: dict[str, Any] = {
    "pos_embed": "RoPE100",
    "img_size": (512, 512),
    "depth_mode": ("exp", -INFINITY, INFINITY),
    "conf_mode": ("exp", 1, INFINITY),
    "landscape_only": False,
}
HEADS: dict[str, dict[str, Any]] = {
    "dust3r_dpt": {"head_type": "dpt", "output_mode": "pts3d"},
    "dust3r_linear": {"head_type": "linear", "output_mode": "pts3d"},
    "mast3r": {
        "head_type": "catmlp+dpt",
        "output_mode": "pts3d+desc24",
        "two_confs": True,
        "desc_conf_mode": ("exp", 0, INFINITY),
    },
}


def size(encoder_width: int, encoder_depth: int, decoder_width: int, decoder_depth: int) -> dict[str, int]:
    return {
        "enc_embed_dim": encoder_width,
        "enc_depth": encoder_depth,
        "enc_num_heads": encoder_width // 64,
        "dec_embed_dim": decoder_width,
        "dec_depth": decoder_depth,
        "dec_num_heads": decoder_width // 64,
    }


def build(name: str, sizes: dict[str, int]) -> torch.nn.Module:
    from mast3r.model import AsymmetricMASt3R  # isort: skip: it puts the others on the path
    from dust3r.model import AsymmetricCroCo3DStereo

    network = AsymmetricMASt3R if name == "mast3r" else AsymmetricCroCo3DStereo
    return network(**COMMON, **HEADS[name], **sizes).eval()


def released_names(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Without the second name of what is registered twice."""
    return {name: value for name, value in network.state_dict().items() if ".layer_rn." not in name}


@torch.no_grad()
def run(network: Any, pair: str) -> dict[str, torch.Tensor]:
    views = [
        {"img": RULE["images"](f"{pair}{n}", shape), "instance": [f"{n}a", f"{n}b"]}
        for n, shape in enumerate(RULE["PAIRS"][pair], 1)
    ]
    (_, tokens, _), predictions = network._encode_symmetrized(*views), network(*views)
    names = {
        "pts3d": "points",
        "pts3d_in_other_view": "points",
        "conf": "confidence",
        "desc": "descriptors",
        "desc_conf": "descriptor_confidence",
    }
    outputs = {}
    for n, (encoded, prediction) in enumerate(zip(tokens, predictions, strict=True), 1):
        values = {"tokens": encoded, **{names[name]: value for name, value in prediction.items()}}
        outputs |= {f"{pair}.{n}.{name}": value for name, value in RULE["kept"](values).items()}
    return outputs


def main(clone: str) -> None:
    sys.path[:0] = [clone, f"{clone}/dust3r"]
    signatures = {}
    for name in HEADS:
        network = build(
            name, size(*(RULE[f"{part}_{what}"] for part in ("ENCODER", "DECODER") for what in ("WIDTH", "DEPTH")))
        )
        for key, value in released_names(network).items():
            value.copy_(RULE["drawn"](key, tuple(value.shape)))
        outputs = {key: value for pair in RULE["PAIRS"] for key, value in run(network, pair).items()}
        save_file(outputs, HERE / f"{name}.safetensors")
        with torch.device("meta"):
            full = build(name, size(1024, 24, 768, 12))
        signatures[name] = RULE["signature"]({key: tuple(value.shape) for key, value in released_names(full).items()})
    (HERE / "released.json").write_text(json.dumps(signatures, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
