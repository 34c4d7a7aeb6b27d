"""`Extractor`: what every loaded entry is, whatever network is inside."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vfm_zoo.entry import Entry
from vfm_zoo.errors import ZooError

# From normalised images and view positions to tokens.
Tokens = Callable[
    [Float[Tensor, "batch 3 height width"], Float[Tensor, "batch"]], Float[Tensor, "batch channel row column"]
]


class Extractor:
    """From photographs to tokens: normalises as the entry declares, and holds the network to its card.

    No resizing, no PCA, no caching. Evaluation mode, no gradients; the same images give the same tokens, one image
    gives what it gives in a batch, and nothing outside (random state, threads, modes) changes.

    Parameters
    ----------
    tokens
        What the entry's loader returned.
    """

    def __init__(self, entry: Entry, tokens: Tokens, device: str):
        self.entry = entry
        self.device = torch.device(device)
        if isinstance(tokens, nn.Module):
            tokens = tokens.to(self.device).eval().requires_grad_(False)
        self.tokens = tokens
        self.mean = torch.tensor(entry.input.mean, device=self.device).view(3, 1, 1)
        self.std = torch.tensor(entry.input.std, device=self.device).view(3, 1, 1)

    @torch.no_grad()
    def __call__(
        self, images: Float[Tensor, "batch 3 height width"], view_positions: Float[Tensor, "batch"]
    ) -> Float[Tensor, "batch channel row column"]:
        """Tokens of a batch.

        Parameters
        ----------
        images
            sRGB in [0, 1]; both sides a multiple of the entry's ``input.multiple_of``.
        view_positions
            In [0, 1]: ``i / (n - 1)`` for view ``i`` of the ``n`` of its scene, 0 for a single view. Networks do not
            look at it.

        Returns
        -------
        float32, finite, on the extractor's device; row and column count the sides in strides.

        Raises
        ------
        ValueError
            For images of another shape or size.
        ZooError
            If the network gives something else than its card says.
        """
        rows, columns = self._grid(images, view_positions)
        normalised = (images.to(self.device, torch.float32) - self.mean) / self.std
        precision = getattr(torch, self.entry.precision)
        with torch.autocast(self.device.type, precision, enabled=precision != torch.float32):
            tokens = self.tokens(normalised, view_positions.to(self.device, torch.float32)).float()
        expected = (len(images), self.entry.channels, rows, columns)
        if tuple(tokens.shape) != expected:
            raise ZooError(
                f"entry '{self.entry.name}': gave tokens of shape {tuple(tokens.shape)} where its card says {expected};"
                " mend its channels or stride"
            )
        if not torch.isfinite(tokens).all():
            raise ZooError(f"entry '{self.entry.name}': gave tokens that are not finite; run it in a higher precision")
        return tokens

    def _grid(self, images: Tensor, view_positions: Tensor) -> tuple[int, int]:
        if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
            raise ValueError(
                f"images: expected floats [batch 3 height width], got {images.dtype} {tuple(images.shape)}"
            )
        if view_positions.shape != images.shape[:1]:
            raise ValueError(f"view_positions: expected [{len(images)}], got {tuple(view_positions.shape)}")
        height, width = images.shape[2:]
        multiple = self.entry.input.multiple_of
        if height < multiple or width < multiple or height % multiple or width % multiple:
            raise ValueError(
                f"images: '{self.entry.name}' takes sides that are multiples of {multiple}, got {width} x {height}"
            )
        return height // self.entry.stride, width // self.entry.stride
