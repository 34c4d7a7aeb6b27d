"""The convolutional head of dense prediction transformers, which joins the tokens of four blocks, coarse to fine.

Parts keep the names that the released files give their tensors.

References
----------
Ranftl, Bochkovskiy, Koltun, Vision Transformers for Dense Prediction, ICCV 2021, arXiv 2103.13413, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

CHANNELS = 256
LEVEL_CHANNELS = (96, 192, 384, 768)


def _doubled(maps: Float[Tensor, "batch channel row column"]) -> Tensor:
    return functional.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=True)


def _convolution(inputs: int, outputs: int, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=bias)


class ResidualUnit(nn.Module):
    """Two convolutions, added to what came in."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = _convolution(channels, channels)
        self.conv2 = _convolution(channels, channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of the same shape."""
        return maps + self.conv2(functional.relu(self.conv1(functional.relu(maps))))


class Fusion(nn.Module):
    """Adds a level to what the coarser levels gave, and doubles the resolution."""

    def __init__(self, channels: int, coarsest: bool):
        super().__init__()
        if not coarsest:
            self.resConfUnit1 = ResidualUnit(channels)
        self.resConfUnit2 = ResidualUnit(channels)
        self.out_conv = nn.Conv2d(channels, channels, kernel_size=1)

    def forward(self, maps: Tensor, level: Tensor | None = None) -> Tensor:
        """Maps of twice the sides."""
        if level is not None:
            maps = maps + self.resConfUnit1(level)
        # Mixing channels and interpolating commute; mixing first takes a quarter of the work.
        return _doubled(self.out_conv(self.resConfUnit2(maps)))


class Dpt(nn.Module):
    """From the tokens of four blocks to a map as fine as the image.

    Parameters
    ----------
    token_channels
        Of the tokens of each of the four blocks.
    outputs
        Channels of the map.
    """

    def __init__(self, token_channels: Sequence[int], outputs: int):
        super().__init__()
        one, two, three, four = (
            nn.Conv2d(channels, level, kernel_size=1)
            for channels, level in zip(token_channels, LEVEL_CHANNELS, strict=True)
        )
        # To four times, twice, once and half the resolution of the tokens.
        self.act_postprocess = nn.ModuleList(
            [
                nn.Sequential(one, nn.ConvTranspose2d(LEVEL_CHANNELS[0], LEVEL_CHANNELS[0], kernel_size=4, stride=4)),
                nn.Sequential(two, nn.ConvTranspose2d(LEVEL_CHANNELS[1], LEVEL_CHANNELS[1], kernel_size=2, stride=2)),
                nn.Sequential(three),
                nn.Sequential(
                    four, nn.Conv2d(LEVEL_CHANNELS[3], LEVEL_CHANNELS[3], kernel_size=3, stride=2, padding=1)
                ),
            ]
        )
        self.scratch = nn.ModuleDict(
            {
                **{
                    f"layer{n}_rn": _convolution(level, CHANNELS, bias=False)
                    for n, level in enumerate(LEVEL_CHANNELS, 1)
                },
                **{f"refinenet{n}": Fusion(CHANNELS, coarsest=n == 4) for n in (1, 2, 3, 4)},
            }
        )
        self.head = nn.Sequential(
            _convolution(CHANNELS, CHANNELS // 2),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
            _convolution(CHANNELS // 2, CHANNELS // 2),
            nn.ReLU(),
            nn.Conv2d(CHANNELS // 2, outputs, kernel_size=1),
        )

    def forward(
        self, layers: Sequence[Float[Tensor, "batch token channel"]], grid: tuple[int, int]
    ) -> Float[Tensor, "batch output height width"]:
        """A map of 16 times the sides of the grid, from the tokens of four blocks, the earliest first."""
        levels = [
            self.scratch[f"layer{n}_rn"](resize(tokens.transpose(1, 2).unflatten(2, grid)))
            for n, (resize, tokens) in enumerate(zip(self.act_postprocess, layers, strict=True), 1)
        ]
        rows, columns = levels[2].shape[2:]
        # Half of an odd number of tokens was rounded up.
        maps = self.scratch["refinenet4"](levels[3])[:, :, :rows, :columns]
        for n in (3, 2, 1):
            maps = self.scratch[f"refinenet{n}"](maps, levels[n - 1])
        return self.head(maps)
