"""The fused readouts as PyTorch functions: tensors in, tensors out, gradients from the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch.autograd.function import once_differentiable

from benchmark.feat2gs import pixel_kernel, token_kernel
from benchmark.feat2gs.pixel_blocks import SPARE
from benchmark.feat2gs.token_kernel import TokenSampling


class TokenReadout(torch.autograd.Function):
    """From the first layer on the tokens to every head's outputs at the pixels.

    ``apply(hidden, sampling, weight, bias, weight, bias, ...)`` takes ``hidden [head, token row, column, unit]`` before
    ReLU and each head's second layer, and returns ``[pixel, output]`` for each head.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Float[torch.Tensor, "head row column unit"],
        sampling: TokenSampling,
        *seconds: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        """Outputs of each head."""
        ctx.save_for_backward(hidden, *seconds)
        ctx.set_materialize_grads(False)
        ctx.sampling = sampling
        where = fields(sampling)
        outs = []
        for head, (weight, bias) in enumerate(pairs(seconds)):
            out = torch.empty(sampling.pixels, len(weight))
            token_kernel.read_out(array(hidden[head]), *where, array(weight), array(bias), out.numpy())
            outs.append(out)
        return tuple(outs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        """Gradients by the hidden layer on the tokens and by the second layers."""
        hidden, *seconds = ctx.saved_tensors
        where = fields(ctx.sampling)
        chunks = len(ctx.sampling.chunk_first) - 1
        hidden_gradient = torch.zeros_like(hidden)
        results: list[torch.Tensor | None] = []
        for head, ((weight, _), gradient) in enumerate(zip(pairs(seconds), gradients, strict=True)):
            if gradient is None:
                results += [None, None]
                continue
            partials = zeros(chunks, weight.shape), zeros(chunks, weight.shape[:1])
            token_kernel.read_out_backward(
                array(hidden[head]), *where, array(weight), array(gradient), hidden_gradient[head].numpy(), *partials
            )
            results += [summed(partial) for partial in partials]
        return hidden_gradient, None, *results


class PixelReadout(torch.autograd.Function):
    """From features at the pixels to every head's outputs; the features themselves get no gradient.

    ``apply(features, weights, biases, weight, bias, weight, bias, ...)`` takes ``features [pixel, channel]``, the first
    layers ``[head, unit, channel]`` and ``[head, unit]``, and each head's second layer.
    """

    @staticmethod
    def forward(
        ctx: Any,
        features: Float[torch.Tensor, "pixel channel"],
        firsts: Float[torch.Tensor, "head unit channel"],
        first_biases: Float[torch.Tensor, "head unit"],
        *seconds: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        """Outputs of each head."""
        ctx.save_for_backward(firsts, first_biases, *seconds)
        ctx.set_materialize_grads(False)
        ctx.features = pixel_kernel.pad_channels(array(features), SPARE)
        ctx.bounds = pixel_kernel.chunk_bounds(len(features))
        outs = []
        for first, first_bias, (weight, bias) in zip(firsts, first_biases, pairs(seconds), strict=True):
            out = torch.empty(len(features), len(weight))
            pixel_kernel.read_out_pixels(
                ctx.features, ctx.bounds, by_channel(first), array(first_bias), array(weight), array(bias), out.numpy()
            )
            outs.append(out)
        return tuple(outs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        """Gradients by both layers."""
        firsts, first_biases, *seconds = ctx.saved_tensors
        chunks = len(ctx.bounds) - 1
        first_gradient, first_bias_gradient = torch.zeros_like(firsts), torch.zeros_like(first_biases)
        results: list[torch.Tensor | None] = []
        for head, ((weight, _), gradient) in enumerate(zip(pairs(seconds), gradients, strict=True)):
            if gradient is None:
                results += [None, None]
                continue
            first = by_channel(firsts[head])
            partials = (
                zeros(chunks, first.shape),
                zeros(chunks, first.shape[1:]),
                zeros(chunks, weight.shape),
                zeros(chunks, weight.shape[:1]),
            )
            pixel_kernel.read_out_pixels_backward(
                ctx.features, ctx.bounds, first, array(first_biases[head]), array(weight), array(gradient), *partials
            )
            first_gradient[head] = summed(partials[0]).T[:, : firsts.shape[2]]
            first_bias_gradient[head] = summed(partials[1])
            results += [summed(partial) for partial in partials[2:]]
        return None, first_gradient, first_bias_gradient, *results


def pairs(seconds: Sequence[torch.Tensor]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Weight and bias of each head."""
    return list(zip(seconds[::2], seconds[1::2], strict=True))


def array(tensor: torch.Tensor) -> np.ndarray:
    """The same memory as a contiguous NumPy array."""
    return tensor.detach().contiguous().numpy()


def by_channel(weight: Float[torch.Tensor, "unit channel"]) -> np.ndarray:
    """A first layer as the kernels take it: ``[channel, unit]``, contiguous and padded."""
    return np.ascontiguousarray(pixel_kernel.pad_channels(array(weight), 0).T)


def fields(sampling: TokenSampling) -> tuple[np.ndarray, ...]:
    """The arrays of a sampling in the order in which the kernels take them."""
    return tuple(getattr(sampling, name) for name in sampling.__dataclass_fields__)


def zeros(chunks: int, shape: Sequence[int]) -> np.ndarray:
    """One partial sum a chunk."""
    return np.zeros((chunks, *shape), np.float32)


def summed(partials: np.ndarray) -> torch.Tensor:
    """Partial sums added in the order of the chunks."""
    return torch.from_numpy(partials.sum(axis=0))
