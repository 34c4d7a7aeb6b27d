"""FeatUp: that our upsampler is the released one, and that a file like the released ones is read whole."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from benchmark.features.extract import input_size
from benchmark.protocols import PROTOCOLS
from vfm_zoo import registry
from vfm_zoo.dinov2 import SMALL
from vfm_zoo.errors import ZooError
from vfm_zoo.featup import CLIP, DINO, DINOV2, ENTRIES
from vfm_zoo.loading.build import filled
from vfm_zoo.loading.timm_models import make
from vfm_zoo.networks.featup import ChannelNorm, JointBilateral, JointBilateralStack
from vfm_zoo.pins import pinned

GOLDEN = Path(__file__).parent / "golden"
RULE = runpy.run_path(str(GOLDEN / "rule.py"))


def drawn(part: torch.nn.Module, prefix: str) -> dict[str, torch.Tensor]:
    return {name: RULE["drawn_any"](prefix + name, tuple(value.shape)) for name, value in part.state_dict().items()}


@pytest.mark.parametrize("name", RULE["FEATUP_SIZES"])
def test_it_is_what_the_public_code_gives(name: str) -> None:
    channels = RULE["FEATUP_CHANNELS"]
    with torch.device("meta"):
        shapes = ChannelNorm(channels), JointBilateralStack(channels)
    norm = filled(lambda: ChannelNorm(channels), drawn(shapes[0], "model.1."), "drawn")
    stack = filled(lambda: JointBilateralStack(channels), drawn(shapes[1], "upsampler."), "drawn")
    tokens, guide = RULE["featup_inputs"](name, RULE["FEATUP_SIZES"][name])
    with torch.no_grad():
        given = RULE["kept"]({name: stack(norm(tokens), guide).movedim(1, -1)})[name]
    torch.testing.assert_close(given, load_file(GOLDEN / "featup.safetensors")[name], rtol=1e-4, atol=1e-5)


def test_a_filter_without_correction_is_a_mean_of_neighbours() -> None:
    up = filled(JointBilateral, drawn(JointBilateral(), "upsampler.up1."), "drawn")
    for parameter in up.fixup_proj.parameters():
        parameter.zero_()
    weights = up.filters(RULE["images"]("guide", (12, 20), count=1))
    assert weights.shape == (1, 49, 12, 20)
    torch.testing.assert_close(weights.sum(1), torch.ones(1, 12, 20))
    # So a constant stays what it is, however the photograph looks.
    constant = torch.full((1, 2, 6, 10), 0.7)
    filtered = up(constant, RULE["images"]("guide", (12, 20), count=1))
    torch.testing.assert_close(filtered, torch.full((1, 2, 12, 20), 0.7))


def write_release(path: Path, entry: registry.Entry) -> None:
    """A file like the released ones, with what stands beside the weights."""
    with torch.device("meta"):
        backbone = make(entry)
        parts = {"model.1.": ChannelNorm(entry.channels), "upsampler.": JointBilateralStack(entry.channels)}
    tensors = {
        f"model.0.model.{name}": RULE["drawn_any"](name, tuple(v.shape)) for name, v in backbone.state_dict().items()
    }
    for prefix, part in parts.items():
        tensors |= {prefix + name: value for name, value in drawn(part, prefix).items()}
    tensors["downsampler.attention_net.0.weight"] = torch.zeros(1)
    torch.save({"state_dict": tensors, "epoch": 3, "pytorch-lightning_version": "1.9.0"}, path)


def test_a_released_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    entry = replace(DINOV2, options={**DINOV2.options, "depth": 2}, layer=1)
    assert entry.weights is not None
    path = tmp_path / entry.weights.file
    write_release(path, entry)
    monkeypatch.setenv("SPLATBENCH_WEIGHTS", str(tmp_path))
    with pytest.raises(ZooError, match="SHA256SUMS"):
        registry.load(entry)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  {path.name}\n")
    extractor = registry.load(pinned(entry))
    images = torch.rand(2, 3, 42, 56)
    tokens = extractor(images, torch.zeros(2))
    assert tokens.shape == (2, 384, 42, 56)

    # Its backbone is the plain row's, so that the two rows differ by the upsampler alone.
    plain = replace(
        SMALL, options={**SMALL.options, "depth": 2, "prefix": "model.0.model.", "within": "state_dict"}, layer=1
    )
    plain = replace(plain, weights=replace(entry.weights, sha256=digest))
    first = registry.load(plain)(images, torch.zeros(2))
    torch.testing.assert_close(
        extractor.tokens.tokens((images - extractor.mean) / extractor.std, torch.zeros(2)), first
    )


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_the_paper_stretches_to_its_square(entry: registry.Entry) -> None:
    images = PROTOCOLS["paper"].images
    assert input_size(entry.chosen("paper"), 1000, 600, images) == (224, 224)
    assert input_size(entry, 1000, 600, images) != (224, 224)
    assert entry.chosen("paper").digest() != entry.digest()


def test_the_papers_words_find_them() -> None:
    names = {word: registry.get_entry(word) for word in ("dino16_featup", "dinov2_featup", "clip_featup")}
    assert list(names.values()) == [DINO, DINOV2, CLIP]
    assert [entry.channels for entry in names.values()] == [384, 384, 512]


def test_a_side_that_the_network_cannot_take_is_refused() -> None:
    with pytest.raises(ZooError, match="input must be a side that is a multiple of 14"):
        replace(DINOV2, input=replace(DINOV2.input, side=225))
