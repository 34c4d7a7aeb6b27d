"""Autoencoders beside independent computations: SciPy's cosine transform, diffusers' own networks, real weights."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from vfm_zoo import registry
from vfm_zoo.errors import ZooError
from vfm_zoo.loading.autoencoder import Autoencoder, Halves

DCT = registry.get_autoencoder("dct_f8")


def test_coefficients_are_those_of_scipy_and_all_of_them_lose_nothing():
    from scipy.fft import dctn

    whole = registry.load_autoencoder(replace(DCT, name="dct_whole", channels=192))
    images = torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(1))
    latent = whole.encode(images).mean
    assert torch.allclose(whole.decode(latent), images, atol=1e-5)
    brightness = (images[0] - 0.5).sum(0).numpy()[:8, 8:16] / np.sqrt(3)
    expected = dctn(brightness, norm="ortho") / 8
    found = latent[0, :, 0, 1].numpy()
    # Orthonormal: the 64 coefficients of brightness are all there, in some order.
    for value in expected.ravel():
        assert np.abs(found - value).min() < 1e-5
    assert found[0] == pytest.approx(expected[0, 0], abs=1e-5)


def test_more_channels_reconstruct_better_and_too_many_are_refused():
    x = torch.linspace(0, 3, 64)
    images = (0.5 + 0.4 * torch.sin(x[:, None] * 2 + x * 3)).expand(1, 3, 64, 64)
    errors = []
    for channels in (1, 4, 16, 64):
        loaded = registry.load_autoencoder(replace(DCT, channels=channels))
        errors.append(float((loaded.decode(loaded.encode(images).mean) - images).square().mean()))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0] / 20
    with pytest.raises(ValueError, match="1 to 192, got 193"):
        registry.load_autoencoder(replace(DCT, channels=193))


def test_the_wide_transform_begins_as_the_plain_one():
    images = torch.rand(2, 3, 24, 32, generator=torch.Generator().manual_seed(3))
    plain, wide = (registry.load_autoencoder(registry.get_autoencoder(n)) for n in ("dct_f8", "dct_f8_wide"))
    assert torch.allclose(wide.encode(images).mean, plain.encode(images).mean, atol=1e-6)
    assert torch.allclose(wide.decode(wide.encode(images).mean), plain.decode(plain.encode(images).mean), atol=1e-6)
    for entry in registry.list_autoencoders("dct_f8*"):
        loaded = registry.load_autoencoder(entry)
        assert sum(value.numel() for value in loaded.parameters()) == entry.parameters


@pytest.mark.parametrize("name", ["sd_vae_ft_mse", "sd35_vae", "flux2_vae", "taesd3", "dc_ae_f32"])
def test_halves_are_diffusers_network(name):
    diffusers = pytest.importorskip("diffusers", reason="pip install 'splatbench[zoo]'")
    entry = registry.get_autoencoder(name).untaught()
    loaded = registry.load_autoencoder(entry)
    network = getattr(diffusers, entry.options["class"])(
        **{**entry.options["network"], "latent_channels": entry.channels}
    ).eval()
    parts = dict(network.named_children())
    # The same weights in the network as it stands in the library.
    parts["encoder"].load_state_dict(loaded.encoder[0].state_dict())
    parts["decoder"].load_state_dict(loaded.decoder[-1].state_dict())
    if "quant_conv" in parts and parts["quant_conv"] is not None:
        parts["quant_conv"].load_state_dict(loaded.encoder[1].state_dict())
        parts["post_quant_conv"].load_state_dict(loaded.decoder[0].state_dict())
    side = entry.downscale
    images = torch.rand(1, 3, 2 * side, 3 * side, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        encoded = network.encode(images * 2 - 1)
        latent = encoded.latent_dist.mode() if entry.posterior else getattr(encoded, "latents", None)
        latent = encoded.latent if latent is None else latent
        decoded = (network.decode(latent).sample + 1) / 2
    assert torch.allclose(loaded.encode(images).mean, latent, atol=1e-5)
    assert torch.allclose(loaded.decode(latent), decoded, atol=1e-5)


def test_tensors_of_latent_diffusion_find_their_places():
    diffusers = pytest.importorskip("diffusers", reason="pip install 'splatbench[zoo]'")
    from vfm_zoo.networks.latent_diffusion import renamed

    arguments = registry.get_autoencoder("lrf_vae").untaught().options["network"]
    expected = diffusers.AutoencoderKL(**arguments).state_dict()
    assert {name: tuple(v.shape) for name, v in renamed(_as_latent_diffusion(expected), arguments).items()} == {
        name: tuple(value.shape) for name, value in expected.items()
    }
    found = renamed(_as_latent_diffusion(expected), arguments)
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def _as_latent_diffusion(tensors):
    """Names as in CompVis's code: levels of the decoder count from the finest, attention is of 1x1 convolutions."""
    named = {}
    for name, value in tensors.items():
        name = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", name)
        name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
        name = re.sub(r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{3 - int(m[1])}.block.{m[2]}", name)
        name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample", name)
        name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
        name = name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
        if "mid_block.attentions.0" in name:
            name = name.replace("mid_block.attentions.0", "mid.attn_1").replace("group_norm", "norm")
            for new, old in {"to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}.items():
                name = name.replace(f".{new}.", f".{old}.")
            value = value[:, :, None, None] if value.ndim == 2 else value
        named[name] = value
    return named


def test_a_network_that_contradicts_its_card_or_gives_nan_is_refused():
    images = torch.rand(1, 3, 16, 16)
    wrong = Autoencoder(replace(DCT, name="wrong", channels=7), Halves(nn.Conv2d(3, 8, 8, 8), nn.Identity()))
    with pytest.raises(ZooError, match="card says"):
        wrong.encode(images)
    broken = registry.load_autoencoder(DCT)
    broken.decoder.inverse.bias.data.fill_(float("nan"))
    with pytest.raises(ZooError, match="not finite"):
        broken.decode(broken.encode(images).mean)


@pytest.mark.real
@pytest.mark.parametrize(("scene", "psnr"), [("llff_fern", 26.3), ("fountain_p11", 32.7)])
def test_taef2_reconstructs_as_it_should(scene, psnr, shared_data, monkeypatch):
    monkeypatch.setenv("SPLATBENCH_WEIGHTS", str(shared_data / "weights"))
    loaded = registry.load_autoencoder(registry.get_autoencoder("taef2"))
    found = []
    paths = sorted((shared_data / "scenes" / scene / "images").glob("*.jpg"))
    for path in paths[::8]:
        image = np.asarray(Image.open(path).convert("RGB"), np.float32) / 255
        height, width = (side // 8 * 8 for side in image.shape[:2])
        images = torch.from_numpy(image[:height, :width].copy()).movedim(-1, 0)[None]
        with torch.no_grad():
            decoded = loaded.decode(loaded.encode(images).mean).clamp(0, 1)
        found.append(float(-10 * (decoded - images).square().mean().log10()))
    assert np.mean(found) == pytest.approx(psnr, abs=0.3)
