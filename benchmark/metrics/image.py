"""Image metrics as pure functions of two pictures and perhaps a mask."""

from __future__ import annotations

from functools import lru_cache

import torch
from jaxtyping import Bool, Float

Image = Float[torch.Tensor, "height width channel"]
Mask = Bool[torch.Tensor, "height width"]

# Wang et al., "Image quality assessment", TIP 2004, with the window of the field: 11x11, sigma 1.5.
WINDOW = 11
SIGMA = 1.5
C1 = 0.01**2
C2 = 0.03**2


def psnr(image: Image, truth: Image, mask: Mask | None = None) -> Float[torch.Tensor, ""]:
    """Peak signal-to-noise ratio in dB of pictures in [0, 1].

    The mean square error is taken over all channels of the pixels of the mask (None: all). Equal pictures give
    infinity.

    Raises
    ------
    ValueError
        If the shapes differ or the mask has no pixel.
    """
    _check(image, truth, mask)
    squared = (image - truth).square()
    return -10 * (squared if mask is None else squared[mask]).mean().log10()


def ssim(image: Image, truth: Image, mask: Mask | None = None) -> Float[torch.Tensor, ""]:
    """Structural similarity: the mean of `ssim_map` over all channels of the pixels of the mask (None: all).

    Raises
    ------
    ValueError
        If the shapes differ or the mask has no pixel.
    """
    _check(image, truth, mask)
    similarity = ssim_map(image, truth)
    return (similarity if mask is None else similarity[mask]).mean()


def ssim_map(image: Image, truth: Image) -> Image:
    """Structural similarity around each pixel, in each channel, in [-1, 1]; beyond the border lie zeros, as in 3DGS."""
    x, y = image.movedim(-1, 0), truth.movedim(-1, 0)
    # One separable blur of all five moments.
    moments = _blur(torch.stack([x, y, x * x, y * y, x * y]).flatten(0, 1)).unflatten(0, (5, len(x)))
    mean_x, mean_y, mean_xx, mean_yy, mean_xy = moments
    variance_x, variance_y = mean_xx - mean_x.square(), mean_yy - mean_y.square()
    covariance = mean_xy - mean_x * mean_y
    top = (2 * mean_x * mean_y + C1) * (2 * covariance + C2)
    bottom = (mean_x.square() + mean_y.square() + C1) * (variance_x + variance_y + C2)
    return (top / bottom).movedim(0, -1)


def gaussian_window(dtype: torch.dtype, device: torch.device) -> Float[torch.Tensor, "11"]:
    """The window along one axis; sums to 1."""
    offset = torch.arange(WINDOW, dtype=dtype, device=device) - WINDOW // 2
    weights = torch.exp(-offset.square() / (2 * SIGMA**2))
    return weights / weights.sum()


def _blur(planes: Float[torch.Tensor, "plane height width"]) -> Float[torch.Tensor, "plane height width"]:
    # Two products with banded matrices: on a CPU several times quicker, backwards too, than convolutions of one channel.
    height, width = (_bands(size, planes.dtype, planes.device) for size in planes.shape[1:])
    return height @ (planes @ width)


@lru_cache(maxsize=16)
def _bands(size: int, dtype: torch.dtype, device: torch.device) -> Float[torch.Tensor, "size size"]:
    """The blur along one axis as a symmetric matrix: the window around each diagonal element."""
    place = torch.arange(size, device=device)
    offset = place[:, None] - place + WINDOW // 2
    window = gaussian_window(dtype, device)
    return torch.where((offset >= 0) & (offset < WINDOW), window[offset.clamp(0, WINDOW - 1)], 0)


def _check(image: Image, truth: Image, mask: Mask | None) -> None:
    if image.shape != truth.shape:
        raise ValueError(f"truth: expected the image's shape {list(image.shape)}, got {list(truth.shape)}")
    if mask is not None:
        if mask.shape != image.shape[:2]:
            raise ValueError(f"mask: expected shape {list(image.shape[:2])}, got {list(mask.shape)}")
        if not mask.any():
            raise ValueError("mask: it has no pixel, so there is nothing to judge")
