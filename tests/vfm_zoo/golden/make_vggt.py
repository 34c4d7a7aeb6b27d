"""Run the encoder of the public VGGT on drawn weights and keep what it gives.

``python tests/vfm_zoo/golden/make_vggt.py CLONE`` where CLONE is a clone of github.com/facebookresearch/vggt (the file
here: the copy of it in fanegg/Feat2GS). Only numbers leave that code.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent
RULE = runpy.run_path(str(HERE / "rule.py"))


@torch.no_grad()
def main(clone: str) -> None:
    sys.path.insert(0, clone)
    from vggt.layers.vision_transformer import DinoVisionTransformer

    network = DinoVisionTransformer(
        img_size=70,
        patch_size=14,
        embed_dim=RULE["ENCODER_WIDTH"],
        depth=RULE["ENCODER_DEPTH"],
        num_heads=2,
        num_register_tokens=4,
        interpolate_antialias=True,
        interpolate_offset=0.0,
        block_chunks=0,
        init_values=1.0,
    ).eval()
    for name, value in network.state_dict().items():
        value.copy_(RULE["drawn"](name, tuple(value.shape)))
    outputs = {}
    for name, size in RULE["VGGT_SIZES"].items():
        mean, std = (torch.tensor(value).view(3, 1, 1) for value in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
        images = (RULE["images"](name, size) + 1) / 2
        tokens = network((images - mean) / std)["x_norm_patchtokens"]
        outputs |= {f"{name}.{key}": value for key, value in RULE["kept"]({"tokens": tokens}).items()}
    shapes = {name: list(value.shape) for name, value in network.state_dict().items()}
    save_file(outputs, HERE / "vggt_encoder.safetensors", metadata={"shapes": json.dumps(shapes)})


if __name__ == "__main__":
    main(sys.argv[1])
