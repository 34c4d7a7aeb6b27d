"""The network of XFeat: coarse and fine convolutions of a grey image, joined at an eighth of its sides.

Parts keep the names that the released file gives its tensors.

References
----------
Potje et al., XFeat: Accelerated Features for Lightweight Image Matching, CVPR 2024, arXiv 2404.19174, section 3.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class Layer(nn.Module):
    """Convolution, normalisation without factors, rectifier."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1):
        super().__init__()
        self.layer = nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs, affine=False),
            nn.ReLU(),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of ``outputs`` channels."""
        return self.layer(maps)


class XFeat(nn.Module):
    """Dense descriptors, 64 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.skip1 = nn.Sequential(nn.AvgPool2d(4), nn.Conv2d(1, 24, 1))
        self.block1 = nn.Sequential(Layer(1, 4), Layer(4, 8, stride=2), Layer(8, 8), Layer(8, 24, stride=2))
        self.block2 = nn.Sequential(Layer(24, 24), Layer(24, 24))
        self.block3 = nn.Sequential(Layer(24, 64, stride=2), Layer(64, 64), Layer(64, 64, kernel=1))
        self.block4 = nn.Sequential(Layer(64, 64, stride=2), Layer(64, 64), Layer(64, 64))
        self.block5 = nn.Sequential(
            Layer(64, 128, stride=2), Layer(128, 128), Layer(128, 128), Layer(128, 64, kernel=1)
        )
        self.block_fusion = nn.Sequential(Layer(64, 64), Layer(64, 64), nn.Conv2d(64, 64, 1))

    def forward(
        self, images: Float[Tensor, "batch 3 height width"], view_positions: Float[Tensor, "batch"]
    ) -> Float[Tensor, "batch 64 row column"]:
        """Descriptors, a token of 8 pixels; sides are multiples of 32. ``view_positions`` is not looked at."""
        grey = functional.instance_norm(images.mean(dim=1, keepdim=True))
        quarter = self.block2(self.block1(grey) + self.skip1(grey))
        eighth = self.block3(quarter)
        sixteenth = self.block4(eighth)
        coarse = [sixteenth, self.block5(sixteenth)]
        joined = eighth + sum(
            functional.interpolate(maps, eighth.shape[2:], mode="bilinear", align_corners=False) for maps in coarse
        )
        return self.block_fusion(joined)
