"""Run the public code of FeatUp's upsampler on drawn weights and keep what it gives.

``python tests/vfm_zoo/golden/make_featup.py CLONE`` where CLONE is a clone of github.com/mhamilton723/FeatUp (the file
here: 6b5a6c0e). Its filter in C++ is compiled for the CPU; that for CUDA is left out. Only numbers leave that code,
which is MIT.
"""

from __future__ import annotations

import runpy
import sys
import types
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.utils.cpp_extension import load

HERE = Path(__file__).parent
RULE = runpy.run_path(str(HERE / "rule.py"))


@torch.no_grad()
def main(clone: Path) -> None:
    source = clone / "featup" / "adaptive_conv_cuda" / "adaptive_conv.cpp"
    sys.modules["adaptive_conv_cpp_impl"] = load("adaptive_conv_cpp_impl", [str(source)])
    sys.modules["adaptive_conv_cuda_impl"] = types.ModuleType("adaptive_conv_cuda_impl")
    sys.path.insert(0, str(clone))
    from featup.layers import ChannelNorm
    from featup.upsamplers import JBUStack

    norm, stack = ChannelNorm(RULE["FEATUP_CHANNELS"]).eval(), JBUStack(RULE["FEATUP_CHANNELS"]).eval()
    for prefix, part in (("model.1.", norm), ("upsampler.", stack)):
        tensors = {
            name: RULE["drawn_any"](prefix + name, tuple(value.shape)) for name, value in part.state_dict().items()
        }
        part.load_state_dict(tensors)
    outputs = {}
    for name, size in RULE["FEATUP_SIZES"].items():
        tokens, guide = RULE["featup_inputs"](name, size)
        outputs[name] = RULE["kept"]({name: stack(norm(tokens), guide).movedim(1, -1)})[name]
    save_file(outputs, HERE / "featup.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
