"""Features that nobody learned."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vfm_zoo import registry


def test_position_and_colour_by_hand() -> None:
    images = torch.rand(3, 3, 4, 8)
    tokens = registry.load(registry.get_entry("iuvrgb"))(images, torch.tensor([0.0, 0.5, 1.0]))
    assert tokens[1, :, 2, 3].tolist() == pytest.approx([0.5, 3.5 / 8, 2.5 / 4, *(images[1, :, 2, 3] * 2 - 1).tolist()])
    np.testing.assert_array_equal(tokens[2, 0], np.ones((4, 8)))
    # Left to right and top to bottom, symmetric about the middle of the image.
    assert tokens[0, 1, 0].diff().min() > 0 and tokens[0, 2, :, 0].diff().min() > 0
    torch.testing.assert_close(tokens[:, 1:3].mean((2, 3)), torch.full((3, 2), 0.5))


def test_position_alone_is_the_first_three_channels() -> None:
    images, positions = torch.rand(2, 3, 5, 7), torch.tensor([0.0, 1.0])
    both = registry.load(registry.get_entry("iuvrgb"))(images, positions)
    alone = registry.load(registry.get_entry("iuv"))(images, positions)
    torch.testing.assert_close(alone, both[:, :3], rtol=0, atol=0)


def test_noise_is_as_wide_and_fine_as_what_it_is_compared_with() -> None:
    noise, learned = registry.get_entry("random"), registry.get_entry("efficientnet_lite0")
    assert (noise.channels, noise.stride) == (learned.channels, learned.stride)


def test_noise_is_normal_and_knows_nothing() -> None:
    entry = registry.get_entry("random")
    images = torch.rand(2, 3, 256, 384)
    images[1] = images[0]
    images[1, 0, 0, 0] = 1 - images[0, 0, 0, 0]
    first, second = registry.load(entry)(images, torch.zeros(2)).flatten(1)
    count = len(first)
    for tokens in (first, second):
        assert abs(float(tokens.mean())) < 4 / count**0.5
        assert float(tokens.var()) == pytest.approx(1, abs=4 * (2 / count) ** 0.5)
    # One pixel makes another image, and other noise.
    assert abs(float((first * second).mean())) < 4 / count**0.5


def test_noise_does_not_notice_the_last_bit_of_a_pixel() -> None:
    extractor = registry.load(registry.get_entry("random"))
    images = torch.full((1, 3, 16, 16), 100 / 255)
    torch.testing.assert_close(extractor(images, torch.zeros(1)), extractor(images * (1 + 1e-6), torch.zeros(1)))
