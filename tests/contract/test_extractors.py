"""What every entry of the registry promises."""

from __future__ import annotations

import random
import re
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from vfm_zoo import registry
from vfm_zoo.entry import Entry
from vfm_zoo.errors import ZooError
from vfm_zoo.loading.extractor import Extractor

pytestmark = pytest.mark.contract

ENTRIES = registry.list_entries()
SEEING = [entry for entry in ENTRIES if entry.name not in ("iuv", "random")]

# SPDX identifiers in use; what SPDX does not list is a LicenseRef.
SPDX = {"Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-NC-4.0", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0"}

every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
every_seeing_entry = pytest.mark.parametrize("entry", SEEING, ids=lambda entry: entry.name)
# Columns and rows in units of what the entry takes: square, wide, tall, odd.
every_shape = pytest.mark.parametrize("shape", [(4, 4), (9, 4), (3, 7)], ids=["square", "wide", "tall"])


@cache
def loaded(entry_name: str) -> Extractor | str:
    try:
        return registry.load(registry.get_entry(entry_name))
    except ZooError as error:
        return str(error)


def extractor_of(entry: Entry) -> Extractor:
    extractor = loaded(entry.name)
    if isinstance(extractor, str):
        pytest.skip(extractor)
    return extractor


def some_images(entry: Entry, shape: tuple[int, int], count: int = 1, seed: int = 0) -> torch.Tensor:
    """Smooth colour fields with some noise, the sides odd multiples of what the entry takes."""
    # A per-pixel entry would otherwise see an image of four pixels.
    unit = max(entry.input.multiple_of, 13 if entry.input.multiple_of == 1 else 0)
    width, height = shape[0] * unit, shape[1] * unit
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 3, 3, generator=generator)
    smooth = nn.functional.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=True)
    return (smooth + 0.1 * torch.rand(count, 3, height, width, generator=generator)).clamp(0, 1)


@every_entry
@every_shape
def test_tokens_cover_the_image(entry: Entry, shape: tuple[int, int]) -> None:
    images = some_images(entry, shape, count=2)
    tokens = extractor_of(entry)(images, torch.tensor([0.0, 1.0]))
    height, width = images.shape[2:]
    assert tokens.shape == (2, entry.channels, height // entry.stride, width // entry.stride)
    assert tokens.dtype == torch.float32
    assert torch.isfinite(tokens).all()
    assert not tokens.requires_grad


@every_entry
def test_the_same_image_gives_the_same_tokens(entry: Entry) -> None:
    images, positions = some_images(entry, (5, 4)), torch.tensor([0.5])
    first = extractor_of(entry)(images, positions)
    kept = images.clone()
    assert torch.equal(extractor_of(entry)(images, positions), first)
    assert torch.equal(images, kept)
    torch.rand(3)  # another state of the random numbers
    assert torch.equal(registry.load(entry)(images, positions), first)


@every_entry
def test_one_image_gives_what_it_gives_in_a_batch(entry: Entry) -> None:
    images, positions = some_images(entry, (5, 4), count=3), torch.tensor([0.0, 0.5, 1.0])
    together = extractor_of(entry)(images, positions)
    scale = float(together.abs().max())
    for index in range(3):
        alone = extractor_of(entry)(images[index : index + 1], positions[index : index + 1])
        torch.testing.assert_close(alone[0], together[index], rtol=1e-5, atol=1e-5 * scale)


def global_state() -> dict[str, object]:
    return {
        "torch seed": torch.random.get_rng_state().tolist(),
        "numpy seed": np.random.get_state(legacy=False)["state"]["key"].tolist(),  # noqa: NPY002
        "python seed": random.getstate(),
        "threads": torch.get_num_threads(),
        "gradients": torch.is_grad_enabled(),
        "default dtype": torch.get_default_dtype(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "matmul precision": torch.get_float32_matmul_precision(),
        "cudnn": (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
        "autocast": torch.is_autocast_enabled("cpu"),
    }


@every_entry
def test_nothing_outside_changes(entry: Entry) -> None:
    extractor_of(entry)  # what a first import sets is not the entry's doing
    before = global_state()
    registry.load(entry)(some_images(entry, (4, 4)), torch.zeros(1))
    after = global_state()
    assert [name for name in before if before[name] != after[name]] == []


@every_entry
def test_networks_are_in_evaluation_mode(entry: Entry) -> None:
    tokens = extractor_of(entry).tokens
    if isinstance(tokens, nn.Module):
        assert not any(module.training for module in tokens.modules())
        assert not any(parameter.requires_grad for parameter in tokens.parameters())


@every_seeing_entry
def test_tokens_lie_where_the_image_changed(entry: Entry) -> None:
    """A transposed or flipped grid, or an extractor that ignores the image, fails here."""
    images = some_images(entry, (12, 8))
    changed = images.clone()
    rows, columns = images.shape[2] // 4, images.shape[3] // 4
    changed[:, :, :rows, -columns:] = 1 - changed[:, :, :rows, -columns:]
    positions = torch.zeros(1)
    difference = (extractor_of(entry)(changed, positions) - extractor_of(entry)(images, positions))[0].norm(dim=0)
    grid_rows, grid_columns = difference.shape
    row, column = divmod(int(difference.argmax()), grid_columns)
    assert row < grid_rows / 2 and column >= grid_columns / 2


@every_entry
def test_only_raw_entries_know_the_place_of_a_view(entry: Entry) -> None:
    images = some_images(entry, (4, 4))
    first, last = (extractor_of(entry)(images, torch.tensor([position])) for position in (0.0, 1.0))
    assert torch.equal(first, last) == (entry.kind != "raw")


@every_entry
def test_an_image_of_another_size_is_refused(entry: Entry) -> None:
    extractor = extractor_of(entry)
    multiple = entry.input.multiple_of
    with pytest.raises(ValueError, match="expected floats"):
        extractor((some_images(entry, (4, 4)) * 255).byte(), torch.zeros(1))
    with pytest.raises(ValueError, match="view_positions: expected"):
        extractor(some_images(entry, (4, 4)), torch.zeros(2))
    if multiple > 1:
        with pytest.raises(ValueError, match=f"multiples of {multiple}, got {4 * multiple} x {4 * multiple + 1}"):
            extractor(torch.rand(1, 3, 4 * multiple + 1, 4 * multiple), torch.zeros(1))
        with pytest.raises(ValueError, match="multiples of"):
            extractor(torch.rand(1, 3, 0, multiple), torch.zeros(1))


@every_entry
def test_the_card_is_complete(entry: Entry) -> None:
    assert entry.title and entry.family and entry.architecture and entry.supervision
    assert entry.licence.spdx in SPDX or entry.licence.spdx.startswith("LicenseRef-")
    assert entry.licence.source
    assert not (entry.licence.commercial and "-NC" in entry.licence.spdx)
    assert (entry.training_data == "none") == (entry.kind != "learned")
    assert (entry.weights is not None) == (entry.kind == "learned")
    assert (entry.parameters > 0) >= (entry.kind == "learned")
    assert entry.superseded_by is None or registry.get_entry(entry.superseded_by)
    for exposure in entry.trained_on.values():
        assert exposure.state in ("seen", "not seen", "unknown")
        assert exposure.source or exposure.state == "unknown"


@every_entry
def test_the_extra_exists(entry: Entry) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert not entry.extra or entry.extra in project["project"]["optional-dependencies"]


@every_entry
def test_the_citation_parses(entry: Entry) -> None:
    if entry.kind == "control" and not entry.citation:
        return
    fields = parse_bibtex(entry.citation)
    assert {"title", "author", "year"} <= set(fields)
    assert re.fullmatch(r"(19|20)\d\d", fields["year"])


def parse_bibtex(text: str) -> dict[str, str]:
    """Fields of one BibTeX item whose values stand in braces; fails where braces do not match."""
    item = re.fullmatch(r"@[a-z]+\{[\w:-]+,(.*)\}", text.strip(), flags=re.DOTALL)
    assert item, text
    body, fields = item.group(1), {}
    while body.strip(" ,\n"):
        start = re.match(r"\s*,?\s*(\w+)\s*=\s*\{", body)
        assert start, body
        depth, position = 1, start.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(body[position], 0)
            position += 1
        fields[start.group(1).lower()] = body[start.end() : position - 1]
        body = body[position:]
    return fields
