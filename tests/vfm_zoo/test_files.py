"""Where weights are looked for, what is refused, and what the message tells to do."""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from vfm_zoo import registry
from vfm_zoo.errors import ZooError
from vfm_zoo.loading.build import filled
from vfm_zoo.loading.files import weights_files
from vfm_zoo.loading.tensors import read_tensors


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPLATBENCH_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("midas_l16", "get it from https://github.com/isl-org/MiDaS/releases/download/v3/dpt_large_384.pt and put it at"),
        ("clip_b16", "hf download timm/vit_base_patch16_clip_224.openai open_clip_model.safetensors --revision 977e3dd"),
        ("sam3_l14", "the licence is on https://huggingface.co/facebook/sam3"),
        ("dino_b16", r"put the file at vit_base_patch16_224.dino/model.safetensors in the folder that SPLATBENCH_WEIGHTS"),
    ],
)  # fmt: skip
def test_an_absent_file_names_the_entry_and_the_remedy(folder: Path, name: str, words: str) -> None:
    with pytest.raises(ZooError) as caught:
        weights_files(registry.get_entry(name))
    assert f"entry '{name}'" in str(caught.value) and words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_whose_digest_nobody_stated_is_loaded_only_once_the_user_vouches(folder: Path) -> None:
    path = folder / "vit_base_patch16_224.dino" / "model.safetensors"
    path.parent.mkdir()
    save_file({"weight": torch.ones(2)}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    line = f"{digest}  vit_base_patch16_224.dino/model.safetensors"
    with pytest.raises(ZooError, match=r"compare its SHA-256 with that on https://huggingface\.co/timm") as caught:
        weights_files(registry.get_entry("dino_b16"))
    assert f"'{line}' to SHA256SUMS" in str(caught.value)
    (folder / "SHA256SUMS").write_text(line + "\n")
    assert weights_files(registry.get_entry("dino_b16")) == [path]
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ZooError, match=f"not {digest[:12]}"):
        weights_files(registry.get_entry("dino_b16"))


def test_several_files_have_one_digest() -> None:
    weights = registry.get_entry("sd21").weights
    assert weights is not None and len(weights.files) == 3
    one, other = weights.digest, replace(weights, more=weights.more[::-1]).digest
    assert one is not None and one != other
    assert replace(weights, more=((weights.more[0][0], None),)).digest is None


def test_arguments_of_a_training_are_read_but_nothing_that_runs(tmp_path: Path) -> None:
    path = tmp_path / "radio.pth.tar"
    torch.save({"state_dict": {"base_model.a": torch.ones(2)}, "args": argparse.Namespace(lr=1.0)}, path)
    assert set(read_tensors(path, ("base_model.",), "state_dict")) == {"base_model.a"}
    with pytest.raises(ZooError, match="expected tensors by name under 'model'"):
        read_tensors(path, within="model")


def test_radio_v2_loads_from_a_file_like_the_released_one(folder: Path) -> None:
    """Names of the public code, tensors of drawn weights; the same network as filled under timm's own names."""
    entry = registry.get_entry("radio_v2_h16").untaught()
    size = {**entry.options["network"], "embed_dim": 64, "num_heads": 2}
    entry = replace(entry, channels=64, options={**entry.options, "network": size, "depth": 2})
    expected = registry.load(entry)
    ours = expected.tokens.network.state_dict()  # type: ignore[union-attr]
    official = {f"base_model.{name}": value for name, value in ours.items() if name.startswith("blocks.")}
    generator = "base_model.patch_generator."
    # NVIDIA's patches are flattened channels first, timm's channels last.
    channels_last = ours["embeds.proj.weight"].unflatten(1, (16, 16, 3))
    official[f"{generator}embedder.weight"] = channels_last.permute(0, 3, 1, 2).flatten(1)
    official[f"{generator}pos_embed"] = ours["embeds.pos_embed"].flatten(1, 2)
    official[f"{generator}cls_token.token"] = torch.cat((ours["embeds.cls_token"], ours["embeds.reg_token"]), 1)[0]
    official["base_model.summary.weight"] = torch.ones(2)
    path = folder / "RADIO" / "radio_v2.pth.tar"
    path.parent.mkdir()
    torch.save({"state_dict": official, "args": argparse.Namespace(teachers=[{"name": "clip"}])}, path)
    weights = registry.get_entry("radio").weights
    assert weights is not None
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    loaded = registry.load(replace(entry, weights=replace(weights, sha256=digest)))
    images = torch.rand(1, 3, 48, 80)
    torch.testing.assert_close(loaded(images, torch.zeros(1)), expected(images, torch.zeros(1)), rtol=1e-4, atol=1e-4)


def test_assigned_tensors_survive_constants_that_are_made_anew() -> None:
    class Half(torch.nn.Module):
        constant: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.empty(3))
            self.register_buffer("constant", torch.empty(2), persistent=False)

        def init_non_persistent_buffers(self) -> None:
            self.constant.fill_(7)

    network = filled(Half, {"weight": torch.arange(3.0)}, "file")
    assert network.weight.tolist() == [0, 1, 2] and network.constant.tolist() == [7, 7]


def test_networks_of_dinov2s_architecture_load_from_their_own_files(folder: Path) -> None:
    """MoGe's file: the backbone in another network, blocks in groups, no token that hides patches."""
    entry = registry.get_entry("moge_l14").untaught()
    size = {**entry.options["network"], "embed_dim": 64, "num_heads": 2}
    entry = replace(entry, channels=64, options={**entry.options, "network": size})
    expected = registry.load(entry)
    official = {
        "backbone." + name.replace("blocks.", "blocks.0."): value
        for name, value in expected.tokens.network.state_dict().items()  # type: ignore[union-attr]
    }
    path = folder / "moge-vitl" / "model.pt"
    path.parent.mkdir()
    torch.save({"model": {**official, "head.weight": torch.ones(1)}, "model_config": {"encoder": "dinov2"}}, path)
    weights = registry.get_entry("moge_l14").weights
    assert weights is not None
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    loaded = registry.load(replace(entry, weights=replace(weights, sha256=digest)))
    images = torch.rand(1, 3, 42, 70)
    torch.testing.assert_close(loaded(images, torch.zeros(1)), expected(images, torch.zeros(1)))
