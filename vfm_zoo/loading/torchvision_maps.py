"""Maps inside networks of torchvision, padded so that their grid covers the image exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torchvision
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vfm_zoo.entry import Entry
from vfm_zoo.loading.build import network_of


class Maps(nn.Module):
    """What comes out of the parts up to and including ``layer``."""

    def __init__(self, network: nn.Module, layer: int):
        super().__init__()
        parts: Any = network.features
        # Depthwise convolutions on a CPU are several times faster with channels last in memory.
        self.parts = parts[: layer + 1].to(memory_format=torch.channels_last)

    def forward(
        self, images: Float[Tensor, "batch 3 height width"], view_positions: Float[Tensor, "batch"]
    ) -> Float[Tensor, "batch channel row column"]:
        """Maps of normalised images; ``view_positions`` is not looked at."""
        return self.parts(images.contiguous(memory_format=torch.channels_last)).contiguous()


def mobilenet_maps(entry: Entry) -> Maps:
    """MobileNetV2 with the padding that it was trained with: at stride 2 below and to the right alone."""
    network = _network(entry, torchvision.models.mobilenet_v2)
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Conv2d) and child.stride == (2, 2):
                child.padding = (0, 0)
                setattr(module, name, nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), child))
    assert isinstance(entry.layer, int)
    return Maps(network, entry.layer)


def squeezenet_maps(entry: Entry) -> Maps:
    """SqueezeNet with a pixel of padding before its first convolution, without which the grid is a token short."""
    network = _network(entry, torchvision.models.squeezenet1_1)
    network.features[0].padding = (1, 1)
    assert isinstance(entry.layer, int)
    return Maps(network, entry.layer)


def _network(entry: Entry, make: Callable[..., nn.Module]) -> Any:
    network = network_of(entry, lambda: make(weights=None), built_on="cpu")
    for sequence in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        for place in range(len(sequence) - 1):
            convolution, normalisation = sequence[place], sequence[place + 1]
            if isinstance(convolution, nn.Conv2d) and isinstance(normalisation, nn.BatchNorm2d):
                # A fixed normalisation is part of the convolution before it: one pass over the maps less.
                sequence[place] = fuse_conv_bn_eval(convolution, normalisation)
                sequence[place + 1] = nn.Identity()
    return network
