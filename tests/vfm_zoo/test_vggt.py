"""VGGT: its encoder against the public code, its decoder against a stand-in for Meta's package."""

from __future__ import annotations

import hashlib
import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import timm
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from vfm_zoo import registry
from vfm_zoo.entry import Entry
from vfm_zoo.errors import ZooError
from vfm_zoo.vggt import VGGT_DECODER, VGGT_ENCODER

GOLDEN = Path(__file__).parent / "golden"
RULE = runpy.run_path(str(GOLDEN / "rule.py"))
TINY = {"embed_dim": RULE["ENCODER_WIDTH"], "depth": RULE["ENCODER_DEPTH"], "num_heads": 2, "img_size": 70}


def with_weights(entry: Entry, tensors: dict[str, Tensor], folder: Path) -> Entry:
    """The entry with these tensors for its weights, which lie where the folder of weights is to have them."""
    assert entry.weights is not None
    path = folder / entry.weights.id.split("/")[1] / entry.weights.file
    path.parent.mkdir(parents=True)
    save_file(tensors, path)
    return replace(entry, weights=replace(entry.weights, sha256=hashlib.sha256(path.read_bytes()).hexdigest()))


def test_the_encoder_is_that_of_the_public_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with safe_open(GOLDEN / "vggt_encoder.safetensors", framework="pt") as file:
        shapes = json.loads(file.metadata()["shapes"])
        golden = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    tensors = {f"aggregator.patch_embed.{name}": RULE["drawn"](name, tuple(shape)) for name, shape in shapes.items()}
    tensors["aggregator.camera_token"] = torch.zeros(1, 2, 1, 128)  # and what else is of the decoder
    monkeypatch.setenv("SPLATBENCH_WEIGHTS", str(tmp_path))
    entry = replace(
        VGGT_ENCODER,
        options={**VGGT_ENCODER.options, "network": {"dynamic_img_size": True, **TINY}},
        channels=TINY["embed_dim"],
        layer=TINY["depth"] - 1,
    )
    extractor = registry.load(with_weights(entry, tensors, tmp_path))
    for name, size in RULE["VGGT_SIZES"].items():
        tokens = extractor((RULE["images"](name, size) + 1) / 2, torch.zeros(2))
        assert tokens.shape == (2, 128, size[0] // 14, size[1] // 14)
        kept = RULE["kept"]({"tokens": tokens.flatten(2).transpose(1, 2)})["tokens"]
        torch.testing.assert_close(kept, golden[f"{name}.tokens"], rtol=1e-4, atol=1e-4)


class Aggregator(nn.Module):
    """What is known of the one in Meta's package from outside: tokens that tell where they come from."""

    patch_size = 14

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1))

    def forward(self, images: Tensor) -> tuple[list[Tensor], int]:
        scenes, views = images.shape[:2]
        patches = nn.functional.avg_pool2d(images.flatten(0, 1).mean(1), 14).view(scenes, views, -1)
        special = torch.full((scenes, views, 5), 7.0)
        frame = torch.cat((special, patches), dim=2)
        whole = frame.mean(dim=(1, 2), keepdim=True).expand_as(frame)
        return [torch.zeros(1), self.weight * torch.stack((frame, whole), dim=-1)], 5


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("vggt", "vggt.models", "vggt.models.aggregator"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(sys.modules["vggt.models.aggregator"], "Aggregator", Aggregator, raising=False)


@pytest.fixture
def tiny_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entry:
    monkeypatch.setenv("SPLATBENCH_WEIGHTS", str(tmp_path))
    tensors = {"aggregator.weight": torch.tensor([2.0]), "camera_head.weight": torch.zeros(3)}
    return with_weights(replace(VGGT_DECODER, channels=2), tensors, tmp_path)


@pytest.mark.usefixtures("package")
def test_the_decoder_gives_patch_tokens_on_their_grid(tiny_decoder: Entry) -> None:
    images, positions = torch.rand(3, 3, 42, 70), torch.zeros(3)
    before = torch.random.get_rng_state()
    extractor = registry.load(tiny_decoder)
    tokens = extractor(images, positions)
    assert torch.equal(torch.random.get_rng_state(), before)
    means = nn.functional.avg_pool2d(images.mean(1, keepdim=True), 14)
    torch.testing.assert_close(tokens[:, :1], 2 * means)
    torch.testing.assert_close(extractor(images[1:2], positions[1:2]), tokens[1:2])


@pytest.mark.usefixtures("package")
def test_views_of_a_scene_may_be_decoded_together(tiny_decoder: Entry) -> None:
    images, positions = torch.rand(3, 3, 42, 70), torch.zeros(3)
    alone = registry.load(tiny_decoder)(images, positions)
    together = registry.load(replace(tiny_decoder, options={"views": "together"}))(images, positions)
    torch.testing.assert_close(together[:, 0], alone[:, 0])
    assert together[:, 1].unique().numel() == 1 and alone[:, 1].unique().numel() == 3


@pytest.mark.parametrize("found", [None, ModuleType("vggt.models.aggregator")], ids=["absent", "another package"])
def test_a_missing_package_names_the_command(
    tiny_decoder: Entry, found: ModuleType | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("vggt", "vggt.models"):
        monkeypatch.setitem(sys.modules, name, None if found is None else ModuleType(name))
    monkeypatch.setitem(sys.modules, "vggt.models.aggregator", found)
    with pytest.raises(
        ZooError, match=r"'vggt_decoder'.*pip install --no-deps 'git\+https://.*/vggt\.git@[0-9a-f]{40}'"
    ):
        registry.load(tiny_decoder)


def test_the_cards_count_the_parameters() -> None:
    with torch.device("meta"):
        network = timm.create_model("vit_large_patch14_reg4_dinov2", num_classes=0)
    # timm keeps no token of what is masked, and no position of the class token.
    assert sum(parameter.numel() for parameter in network.parameters()) == VGGT_ENCODER.parameters
    width, depth = 1024, 24
    # Norms, fused projection, queries and keys normalised by head, output, layer scales, perceptron.
    block = 4 * width + 3 * width * (width + 1) + 4 * 64 + width * (width + 1) + 2 * width + 8 * width**2 + 5 * width
    decoder = 2 * depth * block + 2 * (1 + 4) * width
    assert VGGT_DECODER.parameters == VGGT_ENCODER.parameters + width + decoder
