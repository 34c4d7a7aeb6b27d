"""What every entry of the registry promises; with drawn weights, and two blocks, where the real ones are absent."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from vfm_zoo import card, registry
from vfm_zoo.entry import Entry
from vfm_zoo.errors import ZooError
from vfm_zoo.loading.contract import PROMISES, Promise
from vfm_zoo.loading.extractor import Extractor

pytestmark = pytest.mark.contract

ENTRIES = registry.list_entries()
# Families that share a network with one that is tried, and differ in their weights alone.
SAME_NETWORK = {
    "mast3r", "croco_v2_l16", "ibot_b16", "moge_l14", "franca_l14", "dinov2_l14", "siglip_b16", "convnext_b_clip",
    "dinov3_convnext_b", "clip_b16_laion", "dinov2_b14_reg", "dinov2_l14_reg", "lingbot_b16", "depth_anything_v2_l14",
    "depth_anything_v2_b14", "cradio_v3_l16", "pe_spatial_b16", "pe_spatial_l14", "eva02_l14", "tipsv2_l14",
    "dinov3_l16", "cradio_v4_so16", "cradio_v4_h16", "eupe_b16", "sam2_hiera_b", "vggt_encoder",
}  # fmt: skip
TRIED = [entry for entry in ENTRIES if entry.name not in SAME_NETWORK]


@pytest.fixture(scope="module", params=TRIED, ids=lambda entry: entry.name)
def extractor(request: pytest.FixtureRequest) -> Iterator[Extractor]:
    """One network at a time in memory."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield registry.load(request.param)
    except ZooError as absent:
        try:
            yield registry.load(request.param.untaught())
        except ZooError as error:
            pytest.skip(f"{absent}; nor with drawn weights: {error}")
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.text.partition(":")[0])
def test_promises_are_kept(extractor: Extractor, promise: Promise) -> None:
    assert promise.broken(extractor, lambda: registry.load(extractor.entry)) is None


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_the_card_is_complete(entry: Entry) -> None:
    assert card.problems(entry) == []
    assert entry.superseded_by is None or registry.get_entry(entry.superseded_by)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_the_extra_exists(entry: Entry) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert not entry.extra or entry.extra in project["project"]["optional-dependencies"]


def test_there_are_the_rows_of_the_paper_and_forty_in_all() -> None:
    names = "dust3r mast3r midas_l16 dinov2_b14 dino_b16 sam_b16 clip_b16 radio mae_b16 sd21 iuvrgb iuv"
    for name in [*names.split(), "vggt_encoder", "vggt_decoder"]:
        entry = registry.get_entry(name)
        assert entry.chosen("paper").digest()
    assert len(ENTRIES) >= 40
