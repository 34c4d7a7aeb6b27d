"""The network of R2D2: dilated convolutions at the full resolution, a unit descriptor a pixel.

Parts keep the names that the released file gives its tensors.

References
----------
Revaud et al., R2D2: Repeatable and Reliable Detector and Descriptor, NeurIPS 2019, arXiv 1906.06195, section 3.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

# Of each convolution: channels, kernel, dilation, whether it is normalised, whether a rectifier follows. Where the
# network it was made from takes every second pixel, this one doubles the dilation of all that follows.
PLAN = (
    (32, 3, 1, True, True),
    (32, 3, 1, True, True),
    (64, 3, 1, True, True),
    (64, 3, 2, True, True),
    (128, 3, 2, True, True),
    (128, 3, 4, True, True),
    (128, 2, 4, True, False),
    (128, 2, 8, True, False),
    (128, 2, 16, False, False),
)


class R2D2(nn.Module):
    """Descriptors averaged over squares of pixels.

    Parameters
    ----------
    square
        Side of the squares.
    """

    def __init__(self, square: int):
        super().__init__()
        self.square = square
        self.ops = nn.ModuleList()
        inputs = 3
        for outputs, kernel, dilation, normalised, rectified in PLAN:
            padding = (kernel - 1) * dilation // 2
            self.ops.append(nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation))
            if normalised:
                self.ops.append(nn.BatchNorm2d(outputs, affine=False))
            if rectified:
                self.ops.append(nn.ReLU())
            inputs = outputs

    def forward(
        self, images: Float[Tensor, "batch 3 height width"], view_positions: Float[Tensor, "batch"]
    ) -> Float[Tensor, "batch 128 row column"]:
        """Mean descriptors of normalised images; ``view_positions`` is not looked at."""
        maps = images
        for operation in self.ops:
            maps = operation(maps)
        return functional.avg_pool2d(functional.normalize(maps, dim=1), self.square)
