"""The readout: the published sizes, and three paths that give the same numbers."""

from __future__ import annotations

import copy

import numba
import pytest
import torch

from benchmark.feat2gs.modes import MODES, attribute_sizes
from benchmark.feat2gs.readout import WHOLE_IMAGE, Readout
from benchmark.features.feature_maps import sample_grid

GEOMETRY = {"means": 3, "log_scales": 3, "quaternions": 4, "opacity_logits": 1}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sizes_of(mode: str, sh_degree: int = 3) -> dict[str, int]:
    return {name: size for name, size in attribute_sizes(sh_degree).items() if name in MODES[mode].read}


@pytest.mark.parametrize(
    ("mode", "channels", "parameters"),
    [
        # Section 4 of the protocol notes: d = 256, and IUVRGB with d = 6.
        ("geometry", 256, 265_995),
        ("texture", 256, 143_920),
        ("all", 256, 409_915),
        ("geometry", 6, 245),
        ("texture", 6, 420),
        ("all", 6, 665),
    ],
)
def test_parameter_counts_are_the_published_ones(mode, channels, parameters):
    readout = Readout(channels, sizes_of(mode), channels, seeded())
    assert sum(value.numel() for value in readout.parameters()) == parameters


CASES = {
    "tokens": ((2, 5, 6, 8), (24, 32), WHOLE_IMAGE),
    "padded": ((2, 5, 7, 9), (24, 32), (-0.03, -0.02, 1.04, 1.05)),
    "odd sizes": ((3, 4, 5, 3), (23, 31), WHOLE_IMAGE),
    "one token": ((1, 4, 1, 1), (5, 7), WHOLE_IMAGE),
    "finer than the image": ((1, 4, 40, 50), (10, 12), WHOLE_IMAGE),
    "a token a pixel": ((2, 6, 11, 13), (11, 13), WHOLE_IMAGE),
}


def scene(case: str):
    (views, channels, *grid), image, extent = CASES[case]
    generator = seeded(1)
    valid = torch.rand(views, *image, generator=generator) > 0.2
    return torch.randn(views, channels, *grid, generator=generator), extent, valid


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("width", [6, 64])
def test_the_fused_path_equals_the_plain_one_in_double_precision(case, width):
    grid, extent, valid = scene(case)
    fused = Readout(grid.shape[1], GEOMETRY, width, seeded())
    plain = copy.deepcopy(fused).double()
    outputs = fused(grid, extent, valid)
    features = sample_grid(grid.double(), extent, valid.shape[1:]).movedim(1, -1)[valid]
    expected = plain.plain(features)
    for name in GEOMETRY:
        torch.testing.assert_close(outputs[name].double(), expected[name], atol=1e-5, rtol=1e-5)
    sum(value.sin().sum() for value in outputs.values()).backward()
    sum(value.sin().sum() for value in expected.values()).backward()
    for ours, theirs in zip(fused.parameters(), plain.parameters(), strict=True):
        scale = theirs.grad.abs().max()
        assert (ours.grad - theirs.grad).abs().max() <= 1e-4 * scale


def test_upsampling_is_torchs_bilinear_interpolation_where_nothing_is_padded():
    grid = torch.randn(2, 3, 5, 7, generator=seeded())
    expected = torch.nn.functional.interpolate(grid, size=(33, 41), mode="bilinear", align_corners=False)
    torch.testing.assert_close(sample_grid(grid, WHOLE_IMAGE, (33, 41)), expected, atol=1e-5, rtol=1e-5)


def test_a_padded_grid_is_sampled_as_if_its_border_were_cropped():
    # A grid that is linear in image coordinates stays so, wherever its border lies.
    extent = (-0.25, -0.5, 1.25, 1.5)
    columns = extent[0] + (torch.arange(12) + 0.5) / 12 * 1.5
    grid = columns.expand(1, 1, 8, 12).contiguous()
    expected = (torch.arange(20) + 0.5) / 20
    torch.testing.assert_close(sample_grid(grid, extent, (6, 20))[0, 0], expected.expand(6, 20), atol=1e-5, rtol=0)


@pytest.mark.parametrize("case", ["tokens", "a token a pixel"])
def test_threads_change_no_bit(case):
    grid, extent, valid = scene(case)
    before = numba.get_num_threads()
    results = []
    try:
        for threads in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
            numba.set_num_threads(threads)
            readout = Readout(grid.shape[1], GEOMETRY, 64, seeded())
            outputs = readout(grid, extent, valid)
            sum(value.sin().sum() for value in outputs.values()).backward()
            results.append([*outputs.values(), *(value.grad for value in readout.parameters())])
    finally:
        numba.set_num_threads(before)
    assert all(torch.equal(one, two) for one, two in zip(*results, strict=True))


def test_first_weights_come_from_the_generator_alone():
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    one = Readout(8, GEOMETRY, 16, seeded(3))
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(2)
    two = Readout(8, GEOMETRY, 16, seeded(3))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    bound = 8**-0.5
    weights = one.first["means"].weight.detach()
    assert weights.abs().max() <= bound and weights.std() == pytest.approx(bound / 3**0.5, rel=0.2)


def test_a_feature_that_is_no_number_is_noticed_not_hidden():
    grid, extent, valid = scene("tokens")
    grid[0, 0, 0, 0] = float("nan")
    outputs = Readout(grid.shape[1], GEOMETRY, 16, seeded())(grid, extent, valid)
    assert outputs["means"].isnan().any()
