"""What every autoencoder of the registry promises; with drawn weights, and a small network, where the real are absent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from vfm_zoo import card, registry
from vfm_zoo.autoencoders.entry import AutoencoderEntry
from vfm_zoo.errors import ZooError
from vfm_zoo.loading.autoencoder import Autoencoder
from vfm_zoo.loading.contract import global_state

pytestmark = pytest.mark.contract

ENTRIES = registry.list_autoencoders()


@pytest.fixture(scope="module", params=ENTRIES, ids=lambda entry: entry.name)
def autoencoder(request: pytest.FixtureRequest) -> Iterator[Autoencoder]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield load(request.param)
    finally:
        torch.set_num_threads(before)


def load(entry: AutoencoderEntry) -> Autoencoder:
    try:
        return registry.load_autoencoder(entry)
    except ZooError as absent:
        try:
            return registry.load_autoencoder(entry.untaught())
        except ZooError as error:
            pytest.skip(f"{absent}; nor with drawn weights: {error}")


def pictures(autoencoder: Autoencoder, columns: int, rows: int, count: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    side = autoencoder.entry.downscale
    coarse = torch.rand(count, 3, rows, columns, generator=generator)
    return torch.nn.functional.interpolate(coarse, scale_factor=side, mode="bilinear").clamp(0, 1)


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 4)], ids=str)
def test_latents_cover_the_image_and_decode_to_its_size(autoencoder, shape):
    images = pictures(autoencoder, *shape, count=2)
    latent = autoencoder.encode(images)
    entry = autoencoder.entry
    assert tuple(latent.mean.shape) == (2, entry.channels, shape[1], shape[0])
    assert (latent.log_variance is not None) == entry.posterior
    decoded = autoencoder.decode(latent.mean)
    assert decoded.shape == images.shape
    assert torch.isfinite(decoded).all()


def test_the_same_image_gives_the_same_latent_alone_and_in_a_batch(autoencoder):
    images = pictures(autoencoder, 4, 3, count=2)
    together = autoencoder.encode(images).mean
    assert torch.equal(autoencoder.encode(images).mean, together)
    alone = autoencoder.encode(images[1:]).mean
    assert torch.allclose(alone[0], together[1], atol=2e-5 * float(together.abs().max()), rtol=1e-4)


def test_either_half_learns_and_nothing_else(autoencoder):
    images = pictures(autoencoder, 4, 4)
    for learning, fixed in ((autoencoder.encoder, autoencoder.decoder), (autoencoder.decoder, autoencoder.encoder)):
        assert not any(value.requires_grad for value in autoencoder.parameters())
        learning.requires_grad_(True)
        loss = (autoencoder.decode(autoencoder.encode(images).mean) - images).square().mean()
        loss.backward()
        moved = [value.grad for value in learning.parameters() if value.grad is not None]
        assert moved
        assert any(bool(gradient.abs().sum() > 0) for gradient in moved)
        assert all(value.grad is None for value in fixed.parameters())
        learning.requires_grad_(False)
        autoencoder.zero_grad(set_to_none=True)


def test_other_sizes_types_and_channels_are_refused(autoencoder):
    step, channels = autoencoder.entry.downscale, autoencoder.entry.channels
    if step > 1:
        with pytest.raises(ValueError, match=f"multiples of {step}"):
            autoencoder.encode(torch.rand(1, 3, step * 2 + 1, step * 2))
    with pytest.raises(ValueError, match="floats"):
        autoencoder.encode(torch.zeros(1, 3, step, step, dtype=torch.uint8))
    with pytest.raises(ValueError, match="latents: expected"):
        autoencoder.decode(torch.zeros(1, channels + 1, 2, 2))


def test_loading_and_running_changes_nothing_outside(autoencoder):
    before = global_state()
    loaded = load(autoencoder.entry)
    loaded.decode(loaded.encode(pictures(loaded, 3, 3)).mean)
    after = global_state()
    assert [name for name in before if before[name] != after[name]] == []


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_the_card_is_complete(entry):
    assert card.problems(entry) == []
    assert entry.scaling.source or entry.kind == "control" or entry.name == "taef2"


def test_the_autoencoders_of_the_protocol_are_there_and_no_name_is_an_extractors():
    names = {entry.name for entry in ENTRIES}
    wanted = "sd_vae_ft_mse sdxl_vae sd35_vae flux1_vae flux2_vae taesd taesdxl taesd3 taef1 taef2 dc_ae_f32 eq_vae"
    assert {*wanted.split(), "eq_sdxl_vae", "lrf_vae", "dct_f8", "dct_f8_c4", "dct_f8_c32"} <= names
    assert not names & {entry.name for entry in registry.list_entries()}
