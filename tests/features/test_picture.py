"""Features as a picture: colours mean the same in every view, and lie where the photograph's parts lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.errors import InputError
from benchmark.features.feature_maps import FeatureMaps
from benchmark.features.picture import GAP, WIDTH, colours, feature_picture, views_of
from benchmark.protocols import Images
from vfm_zoo.registry import get_entry

SMALL = Images(long_side=32, feature_long_side=96, train_views=None)


def test_halves_of_different_texture_get_different_features(tmp_path: Path) -> None:
    pixels = np.zeros((60, 96, 3), np.uint8)
    pixels[:, :48], pixels[:, 48:] = (250, 60, 20), (20, 90, 240)
    pixels[::4, 48:] = 255
    for name in ("a.png", "b.png", "c.jpg", "d.png"):
        Image.fromarray(pixels).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no photograph")
    views = views_of(tmp_path)
    assert [view.name for view in views] == ["a.png", "b.png", "c.jpg", "d.png"]
    picture = feature_picture(get_entry("efficientnet_lite0"), views, SMALL)
    # Three in a row, each twice as wide as a photograph; the fourth below.
    assert picture.shape == (2 * 200 + GAP, 3 * 2 * WIDTH + 2 * GAP, 3)
    np.testing.assert_allclose(picture[100, 20].astype(int), (250, 60, 20), atol=3)
    left, right = picture[60:140, WIDTH + 60 : WIDTH + 110], picture[60:140, 2 * WIDTH - 110 : 2 * WIDTH - 60]
    assert np.abs(left.mean((0, 1)) - right.mean((0, 1))).max() > 60
    np.testing.assert_array_equal(picture[:200, WIDTH : 2 * WIDTH], picture[:200, 3 * WIDTH + GAP : 4 * WIDTH + GAP])
    assert (picture[-50:, -50:] == 255).all()


def test_each_channel_fills_its_range_over_all_views() -> None:
    ramp = torch.linspace(-3, 5, 2 * 10 * 10).view(2, 1, 10, 10)
    grid = torch.cat((ramp, torch.full_like(ramp, 4.0)), dim=1)
    coloured = colours(FeatureMaps(grid))
    assert coloured.shape == (2, 3, 10, 10)
    assert coloured[0, 0].max() <= coloured[1, 0].min()  # one scale for both views
    assert (coloured[:, 0].min(), coloured[:, 0].max()) == (0, 1)
    assert (coloured[:, 1:] == 0.5).all()  # constant, and absent


@pytest.mark.parametrize(
    ("content", "words"), [(None, "is no folder"), ({}, "holds no photograph"), ({"a.png": b"no"}, "a.png: cannot be")]
)
def test_a_bad_folder_is_named(tmp_path: Path, content: dict[str, bytes] | None, words: str) -> None:
    folder = tmp_path / "photographs"
    if content is not None:
        folder.mkdir()
        for name, data in content.items():
            (folder / name).write_bytes(data)
    with pytest.raises(InputError, match=words):
        views_of(folder)
