"""MASt3R: that our network is the released one, without the released weights."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch

from vfm_zoo.dust3r import DUST3R, load_dust3r
from vfm_zoo.errors import ZooError
from vfm_zoo.mast3r import MAST3R, load_mast3r


def beside(name: str) -> ModuleType:
    """Another test file of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(f"beside_{name}", Path(__file__).parent / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DUST3R_TESTS = beside("test_dust3r")
RULE = DUST3R_TESTS.RULE


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = DUST3R_TESTS.write_release("mast3r", tmp_path_factory.mktemp("released"))
    return path


def test_outputs_are_those_of_the_public_code(release: Path) -> None:
    network = load_mast3r(release)
    for pair in RULE["PAIRS"]:
        DUST3R_TESTS.assert_golden(network, "mast3r", pair)


def test_shapes_and_ranges(release: Path) -> None:
    predictions = load_mast3r(release)(*DUST3R_TESTS.views("mixed"))
    for prediction, (height, width) in zip(predictions, RULE["PAIRS"]["mixed"], strict=True):
        assert {name: tuple(value.shape) for name, value in prediction.items()} == {
            "points": (2, height, width, 3),
            "confidence": (2, height, width),
            "descriptors": (2, height, width, 24),
            "descriptor_confidence": (2, height, width),
        }
        torch.testing.assert_close(prediction["descriptors"].norm(dim=-1), torch.ones(2, height, width))
        assert (prediction["confidence"] > 1).all() and (prediction["descriptor_confidence"] > 0).all()
        # Not bounded from below by one, unlike the confidence of points.
        assert (prediction["descriptor_confidence"] < 1).any()


def test_files_are_not_taken_for_one_another(release: Path, tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="is no release of DUSt3R"):
        load_dust3r(release)
    with pytest.raises(ZooError, match="is no release of MASt3R"):
        load_mast3r(DUST3R_TESTS.write_release("dust3r_linear", tmp_path))


def test_the_extractor_finds_its_own_file(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLATBENCH_WEIGHTS", str(tmp_path))
    entry = DUST3R_TESTS.in_folder(release, MAST3R, tmp_path)
    tokens = DUST3R_TESTS.registry.load(entry)(torch.rand(1, 3, 48, 32), torch.zeros(1))
    assert tokens.shape == (1, 128, 3, 2)
    assert isinstance(load_mast3r(entry), torch.nn.Module)


def test_what_it_has_seen_is_on_the_card() -> None:
    assert MAST3R.exposure("dl3dv").state == "seen" and DUST3R.exposure("dl3dv").state == "not seen"
    assert {entry.exposure("tanks_and_temples").state for entry in (DUST3R, MAST3R)} == {"unknown"}
    assert not MAST3R.licence.commercial
