"""What every extractor promises, as functions that say in a sentence what is broken."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from vfm_zoo.entry import Entry
from vfm_zoo.loading.extractor import Extractor

# Columns and rows in units of what the entry takes: square, wide and odd, tall and odd.
SHAPES = ((4, 4), (9, 4), (3, 7))
# Loads the entry under test anew.
Load = Callable[[], Extractor]


@dataclass(frozen=True)
class Promise:
    """One promise.

    Attributes
    ----------
    text
        In a few words.
    broken
        From a loaded entry and a function that loads it anew to what is broken, or None.
    """

    text: str
    broken: Callable[[Extractor, Load], str | None]


def some_images(entry: Entry, shape: tuple[int, int], count: int = 1, seed: int = 0) -> torch.Tensor:
    """Smooth colour fields with some noise, the sides whole multiples of what the entry takes."""
    # A per-pixel entry would otherwise see an image of four pixels.
    unit = max(entry.input.multiple_of, 13 if entry.input.multiple_of == 1 else 0)
    width, height = shape[0] * unit, shape[1] * unit
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 3, 3, generator=generator)
    smooth = nn.functional.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=True)
    return (smooth + 0.1 * torch.rand(count, 3, height, width, generator=generator)).clamp(0, 1)


def _covers(extractor: Extractor, load: Load) -> str | None:
    entry = extractor.entry
    for shape in SHAPES:
        images = some_images(entry, shape, count=2)
        tokens = extractor(images, torch.tensor([0.0, 1.0]))
        expected = (2, entry.channels, images.shape[2] // entry.stride, images.shape[3] // entry.stride)
        if tuple(tokens.shape) != expected:
            return f"an image of {images.shape[3]} x {images.shape[2]} gives {tuple(tokens.shape)}, not {expected}"
        if tokens.dtype != torch.float32 or not torch.isfinite(tokens).all() or tokens.requires_grad:
            return "tokens must be float32, finite and without gradients"
    return None


def _repeats(extractor: Extractor, load: Load) -> str | None:
    images, positions = some_images(extractor.entry, (5, 4)), torch.tensor([0.5])
    kept, first = images.clone(), extractor(images, positions)
    if not torch.equal(images, kept):
        return "the images that it was given were changed"
    torch.rand(3)  # another state of the random numbers
    if not torch.equal(extractor(images, positions), first):
        return "the same image gives other tokens the second time"
    if not torch.equal(load()(images, positions), first):
        return "the same image gives other tokens once the entry is loaded anew"
    return None


def _batches(extractor: Extractor, load: Load) -> str | None:
    if extractor.entry.whole_scene:
        return None
    images, positions = some_images(extractor.entry, (5, 4), count=3), torch.tensor([0.0, 0.5, 1.0])
    together = extractor(images, positions)
    scale = float(together.abs().max())
    for index in range(3):
        alone = extractor(images[index : index + 1], positions[index : index + 1])
        if not torch.allclose(alone[0], together[index], rtol=1e-5, atol=2e-5 * scale):
            return "one image gives other tokens than it gives in a batch"
    return None


def global_state() -> dict[str, object]:
    """What an entry must leave as it is."""
    return {
        "torch's random state": torch.random.get_rng_state().tolist(),
        "NumPy's random state": np.random.get_state(legacy=False)["state"]["key"].tolist(),  # noqa: NPY002
        "Python's random state": random.getstate(),
        "the number of threads": torch.get_num_threads(),
        "the gradient mode": torch.is_grad_enabled(),
        "the default dtype": torch.get_default_dtype(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "the precision of products": torch.get_float32_matmul_precision(),
        "cuDNN's settings": (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
        "autocast": torch.is_autocast_enabled("cpu"),
    }


def _leaves(extractor: Extractor, load: Load) -> str | None:
    # An entry that sets a seed would find it set by its own first call.
    torch.rand(1)
    np.random.rand(1)  # noqa: NPY002
    random.random()
    before = global_state()
    load()(some_images(extractor.entry, (4, 4)), torch.zeros(1))
    after = global_state()
    changed = [name for name in before if before[name] != after[name]]
    return f"loading and running it changes {', '.join(changed)}" if changed else None


def _evaluates(extractor: Extractor, load: Load) -> str | None:
    if not isinstance(extractor.tokens, nn.Module):
        return None
    training = any(module.training for module in extractor.tokens.modules())
    gradients = any(parameter.requires_grad for parameter in extractor.tokens.parameters())
    return "the network is in training mode or keeps gradients" if training or gradients else None


def _localises(extractor: Extractor, load: Load) -> str | None:
    entry = extractor.entry
    if entry.architecture == "none":
        return None  # position and noise do not look at the image
    images = some_images(entry, (12, 8))
    changed = images.clone()
    rows, columns = images.shape[2] // 4, images.shape[3] // 4
    changed[:, :, :rows, -columns:] = 1 - changed[:, :, :rows, -columns:]
    positions = torch.zeros(1)
    difference = (extractor(changed, positions) - extractor(images, positions))[0].norm(dim=0)
    grid_rows, grid_columns = difference.shape
    row, column = divmod(int(difference.argmax()), grid_columns)
    if row < grid_rows / 2 and column >= grid_columns / 2:
        return None
    return "a change at the upper right moves tokens elsewhere most: the grid is turned, or ignores the image"


def _knows_no_place(extractor: Extractor, load: Load) -> str | None:
    images = some_images(extractor.entry, (4, 4))
    first, last = (extractor(images, torch.tensor([position])) for position in (0.0, 1.0))
    if torch.equal(first, last) == (extractor.entry.kind != "raw"):
        return None
    return "tokens hang on the view's place in the scene, which only raw entries may use"


def _refuses(extractor: Extractor, load: Load) -> str | None:
    entry, multiple = extractor.entry, extractor.entry.input.multiple_of
    wrong = [((some_images(entry, (4, 4)) * 255).byte(), torch.zeros(1)), (some_images(entry, (4, 4)), torch.zeros(2))]
    if multiple > 1:
        wrong.append((torch.rand(1, 3, 4 * multiple + 1, 4 * multiple), torch.zeros(1)))
        wrong.append((torch.rand(1, 3, 0, multiple), torch.zeros(1)))
    for images, positions in wrong:
        try:
            extractor(images, positions)
        except ValueError:
            continue
        return f"images of shape {tuple(images.shape)} and type {images.dtype} are not refused"
    return None


PROMISES = (
    Promise("tokens cover the image, square, wide and tall; float32 and finite", _covers),
    Promise("the same image gives the same tokens", _repeats),
    Promise("one image gives what it gives in a batch", _batches),
    Promise("nothing outside changes: random states, threads, modes", _leaves),
    Promise("the network is in evaluation mode", _evaluates),
    Promise("tokens lie where the image changed", _localises),
    Promise("only raw entries know the place of a view", _knows_no_place),
    Promise("images of another size or type are refused", _refuses),
)
