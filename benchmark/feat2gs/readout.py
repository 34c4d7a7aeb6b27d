"""The readout: one small MLP an attribute, applied to the feature of every pixel (section 4 of the protocol notes).

The first layer runs on the tokens and the rest is fused (`token_kernel` on a CPU, `cell_kernel` on CUDA); where there is
a token a pixel, both layers are (`pixel_kernel`, on a CPU). Elsewhere, and for features that are free for each Gaussian,
the plain path upsamples first. All give the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import nn
from torch.nn import functional

from benchmark.feat2gs.pixel_kernel import CHUNK, read_out_pixels, read_out_pixels_backward
from benchmark.feat2gs.token_kernel import TokenSampling, read_out, read_out_backward, sample_tokens
from benchmark.features.feature_maps import sample_grid

if TYPE_CHECKING:
    from benchmark.feat2gs.cell_kernel import CellSampling

Extent = tuple[float, float, float, float]
WHOLE_IMAGE: Extent = (0.0, 0.0, 1.0, 1.0)


class Readout(nn.Module):
    """Linear, ReLU, Linear for each attribute, deeper if asked; nothing is shared but the feature.

    Parameters
    ----------
    channels
        Of the features.
    sizes
        Outputs by attribute.
    width
        Hidden units of each MLP.
    generator
        Draws PyTorch's default first weights, without touching the global state.
    hidden_layers
        At least 1. Only one is fused; more take the plain path.
    """

    def __init__(
        self,
        channels: int,
        sizes: Mapping[str, int],
        width: int,
        generator: torch.Generator,
        hidden_layers: int = 1,
    ):
        super().__init__()
        self.width = width
        self.first = nn.ModuleDict({name: _linear(channels, width, generator) for name in sizes})
        self.middle = nn.ModuleDict(
            {
                name: nn.Sequential(*(_linear(width, width, generator) for _ in range(hidden_layers - 1)))
                for name in (sizes if hidden_layers > 1 else ())
            }
        )
        self.second = nn.ModuleDict({name: _linear(width, size, generator) for name, size in sizes.items()})
        # By identity of the tensors they were made from, which are kept beside them: both never change.
        self._samplings: dict[int, tuple[torch.Tensor, TokenSampling]] = {}
        self._cells: dict[int, tuple[torch.Tensor, CellSampling]] = {}
        self._features: dict[int, tuple[torch.Tensor, np.ndarray]] = {}

    def _first(self) -> list[nn.Linear]:
        return [layer for layer in self.first.values() if isinstance(layer, nn.Linear)]

    def parameters_by_attribute(self) -> dict[str, list[nn.Parameter]]:
        """Weights and biases of each MLP."""
        layers = {name: [self.first[name], *self._middle(name), self.second[name]] for name in self.first}
        return {name: [value for layer in parts for value in layer.parameters()] for name, parts in layers.items()}

    def forward(
        self,
        grid: Float[torch.Tensor, "view channel row column"],
        extent: Extent,
        valid: Bool[torch.Tensor, "view height width"],
    ) -> dict[str, Float[torch.Tensor, "pixel size"]]:
        """Attributes of the valid pixels, in their order; ``grid`` and ``extent`` are those of `FeatureMaps`."""
        on_cpu = grid.device.type == "cpu"
        # Without a few pixels a token there is nothing to share; on CUDA large matrix products are the quicker way then.
        fusible = on_cpu or (find_spec("triton") is not None and grid[0, 0].numel() * 4 <= valid[0].numel())
        if self.middle or not fusible:
            features = sample_grid(grid, extent, (valid.shape[1], valid.shape[2])).movedim(1, -1)[valid]
            return self.plain(features)
        if on_cpu and grid.shape[2:] == valid.shape[1:] and extent == WHOLE_IMAGE:
            return self._read_pixels(grid, valid)
        hidden = self._hidden(grid.movedim(1, -1).flatten(0, 1))
        layers = [value for layer in self.second.values() for value in (layer.weight, layer.bias)]
        if on_cpu:
            outputs = _FusedReadout.apply(hidden, self._sample(grid, extent, valid), *layers)
        else:
            outputs = _CellReadout.apply(hidden, self._sample_cells(grid, extent, valid), *layers)
        return dict(zip(self.second, outputs, strict=True))

    def plain(
        self, features: Float[torch.Tensor, "gaussian channel"], detached: tuple[str, ...] = ()
    ) -> dict[str, Float[torch.Tensor, "gaussian size"]]:
        """Attributes from one feature a Gaussian; those named in ``detached`` send it no gradient."""
        outputs = {}
        for name in self.first:
            hidden = functional.relu(self.first[name](features.detach() if name in detached else features))
            for layer in self._middle(name):
                hidden = functional.relu(layer(hidden))
            outputs[name] = self.second[name](hidden)
        return outputs

    def _middle(self, name: str) -> list[nn.Module]:
        return list(self.middle[name].children()) if self.middle else []

    def _hidden(self, tokens: Float[torch.Tensor, "row column channel"]) -> Float[torch.Tensor, "head row column unit"]:
        """First layers of all heads in one batched matrix product, before ReLU."""
        weight = torch.stack([layer.weight.mT for layer in self._first()])
        bias = torch.stack([layer.bias for layer in self._first()])[:, None]
        return torch.baddbmm(bias, tokens.flatten(0, 1).expand(len(weight), -1, -1), weight).unflatten(
            1, tokens.shape[:2]
        )

    def _read_pixels(
        self, grid: torch.Tensor, valid: Bool[torch.Tensor, "view height width"]
    ) -> dict[str, torch.Tensor]:
        if id(grid) not in self._features:
            values = grid.movedim(1, -1)[valid]
            # A channel of ones carries the first layer's bias.
            self._features[id(grid)] = grid, torch.cat([values, torch.ones_like(values[:, :1])], dim=1).numpy()
        _, features = self._features[id(grid)]
        outputs = {}
        for name, first, second in zip(self.first, self._first(), self.second.values(), strict=True):
            weight = torch.cat([first.weight.mT, first.bias[None]])
            outputs[name] = _PixelReadout.apply(features, weight, second.weight, second.bias)
        return outputs

    def _sample(
        self, grid: torch.Tensor, extent: Extent, valid: Bool[torch.Tensor, "view height width"]
    ) -> TokenSampling:
        """Where the valid pixels lie between the tokens."""
        if id(valid) not in self._samplings:
            views, height, width = valid.shape
            places = valid.flatten().nonzero().squeeze(1).numpy()
            sampling = sample_tokens(views, (height, width), (grid.shape[2], grid.shape[3]), extent, places)
            self._samplings[id(valid)] = valid, sampling
        return self._samplings[id(valid)][1]

    def _sample_cells(
        self, grid: torch.Tensor, extent: Extent, valid: Bool[torch.Tensor, "view height width"]
    ) -> CellSampling:
        """The same, sorted for CUDA."""
        if id(valid) not in self._cells:
            from benchmark.feat2gs.cell_kernel import sample_cells

            shape = len(grid), grid.shape[2], grid.shape[3]
            self._cells[id(valid)] = valid, sample_cells(shape, extent, valid)
        return self._cells[id(valid)][1]


class _FusedReadout(torch.autograd.Function):
    """Bilinear sampling of the hidden layer, ReLU and the second layer of every head, in one pass over the pixels."""

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, sampling: TokenSampling, *layers: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        ctx.sampling = sampling
        ctx.save_for_backward(hidden, *layers)
        values = hidden.detach().numpy()
        count = int(sampling.row_first[-1])
        outputs = []
        for head, weight, bias in zip(values, layers[::2], layers[1::2], strict=True):
            out = np.empty((count, weight.shape[0]), np.float32)
            read_out(head, *_arrays(sampling), weight.detach().numpy(), bias.detach().numpy(), out)
            outputs.append(torch.from_numpy(out))
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        hidden, *layers = ctx.saved_tensors
        values = hidden.detach().numpy()
        hidden_gradient = np.zeros_like(values)
        chunks = len(ctx.sampling.chunk_first) - 1
        layer_gradients: list[torch.Tensor] = []
        for head, head_gradient, weight, gradient in zip(values, hidden_gradient, layers[::2], gradients, strict=True):
            weight_partial = np.zeros((chunks, *weight.shape), np.float32)
            bias_partial = np.zeros((chunks, weight.shape[0]), np.float32)
            read_out_backward(
                head,
                *_arrays(ctx.sampling),
                weight.detach().numpy(),
                gradient.contiguous().numpy(),
                head_gradient,
                weight_partial,
                bias_partial,
            )
            layer_gradients += [
                torch.from_numpy(weight_partial.sum(axis=0)),
                torch.from_numpy(bias_partial.sum(axis=0)),
            ]
        return (torch.from_numpy(hidden_gradient), None, *layer_gradients)


class _CellReadout(torch.autograd.Function):
    """`_FusedReadout` on CUDA."""

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, sampling: CellSampling, *layers: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        from benchmark.feat2gs.cell_kernel import read_out_cells

        ctx.sampling = sampling
        ctx.save_for_backward(hidden, *layers)
        heads = zip(hidden.flatten(1, 2), layers[::2], layers[1::2], strict=True)
        return tuple(read_out_cells(values, sampling, weight, bias) for values, weight, bias in heads)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        from benchmark.feat2gs.cell_kernel import read_out_cells_backward

        hidden, *layers = ctx.saved_tensors
        hidden_gradient = torch.empty_like(hidden)
        layer_gradients: list[torch.Tensor] = []
        heads = zip(hidden.flatten(1, 2), hidden_gradient.flatten(1, 2), layers[::2], gradients, strict=True)
        for values, filled, weight, gradient in heads:
            own, second = read_out_cells_backward(values, ctx.sampling, weight, gradient.contiguous())
            filled.copy_(own)
            layer_gradients += [second, gradient.sum(dim=0)]
        return (hidden_gradient, None, *layer_gradients)


class _PixelReadout(torch.autograd.Function):
    """Both layers of one head at every pixel; gradients for the weights alone, since raw features are given."""

    @staticmethod
    def forward(
        ctx: Any, features: np.ndarray, weight: torch.Tensor, second: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        ctx.features = features
        ctx.save_for_backward(weight, second)
        out = np.empty((len(features), len(second)), np.float32)
        read_out_pixels(features, *(value.detach().numpy() for value in (weight, second, bias)), out)
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        weight, second = (value.detach().numpy() for value in ctx.saved_tensors)
        chunks = -(-len(ctx.features) // CHUNK)
        partial = [np.zeros((chunks, *shape), np.float32) for shape in (weight.shape, second.shape, (len(second),))]
        read_out_pixels_backward(ctx.features, weight, second, gradient.contiguous().numpy(), *partial)
        return (None, *(torch.from_numpy(values.sum(axis=0)) for values in partial))


def _arrays(sampling: TokenSampling) -> tuple[np.ndarray, ...]:
    return (
        sampling.row_first,
        sampling.row_token,
        sampling.row_step,
        sampling.row_weight,
        sampling.column,
        sampling.weight,
        sampling.chunk_first,
    )


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """PyTorch's default: weights and biases uniform within ``1 / sqrt(inputs)``."""
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
    bound = 1 / math.sqrt(inputs)
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.uniform_(-bound, bound, generator=generator)
    return layer
