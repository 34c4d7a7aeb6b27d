"""Published rows: what follows from them is what the papers print, cell by cell."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from benchmark.errors import InputError
from benchmark.records import METRICS, Record, read_jsonl
from leaderboard.aggregate import table
from leaderboard.correlation import correlations, oriented, spearman
from leaderboard.formats import number
from leaderboard.matrices import column, mean_column
from leaderboard.published import published_key, read_transcripts
from leaderboard.questions import PAPER_ENTRIES, criteria

PUBLISHED = Path(__file__).parents[2] / "results" / "published"
IMAGE = ("psnr", "ssim", "lpips_3dgs")
PRINTED_METRICS = (*IMAGE, "accuracy", "completeness", "distance")
MODES = ("geometry", "texture", "all")
DATASETS = ("casual", "dl3dv", "llff", "mipnerf360", "mvimgnet", "tanks_and_temples")
ELEVEN = (*PAPER_ENTRIES, "iuvrgb")


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return list(read_jsonl(PUBLISHED / "feat2gs.jsonl"))


@pytest.fixture(scope="module")
def means(records):
    """By mode and metric, then entry: the mean over the six datasets as our tables make it, larger is better."""
    tables = {
        (mode, dataset): table(records, "feat2gs", "published", dataset, mode)
        for mode, dataset in product(MODES, DATASETS)
    }
    return {
        (mode, metric): mean_column([column(tables[mode, dataset], metric) for dataset in DATASETS])
        for mode, metric in product(MODES, IMAGE)
    }


def test_every_row_of_the_papers_is_there(records):
    main = [r for r in records if r.cell.protocol == "published" and r.cell.reconstruction == "dust3r"]
    assert len([r for r in main if r.cell.entry in ELEVEN]) == 198
    assert len([r for r in main if r.cell.entry.startswith("vggt")]) == 36
    assert len([r for r in records if r.cell.dataset == "dtu"]) == 11
    lrf = list(read_jsonl(PUBLISHED / "lrf.jsonl"))
    assert {r.cell.protocol for r in lrf} == {
        "published", "published_3_views", "published_ablation", "published_autoencoder"
    }  # fmt: skip
    assert len(lrf) == 24 + 4 + 4 + 6
    for record in [*records, *lrf]:
        assert record.made_by == "published" and record.key == published_key(record.cell, record.provenance)
        assert {"source", "page", "table"} <= set(record.provenance)


# Section 11.2 of the protocol's description: published, and the mean of the six published rows.
ONE_UNIT_OFF = {
    ("dino", "all", "psnr"): ("19.55", "19.56"),
    ("dino", "all", "ssim"): ("0.6427", "0.6428"),
    ("dino", "all", "lpips_3dgs"): ("0.3793", "0.3794"),
    ("dust3r", "all", "psnr"): ("19.58", "19.59"),
    ("iuvrgb", "geometry", "ssim"): ("0.5422", "0.5423"),
    ("iuvrgb", "all", "lpips_3dgs"): ("0.4832", "0.4833"),
    ("mae", "geometry", "lpips_3dgs"): ("0.3317", "0.3318"),
    ("midas", "texture", "lpips_3dgs"): ("0.3288", "0.3289"),
    ("radio", "texture", "lpips_3dgs"): ("0.3301", "0.3302"),
    ("sam", "texture", "ssim"): ("0.5966", "0.5967"),
    ("vggt_encoder", "geometry", "ssim"): ("0.6527", "0.6528"),
}


def test_our_means_are_the_papers_in_106_cells_of_117_and_one_unit_off_in_the_others(records, means):
    printed = {
        (r.cell.entry, r.cell.mode, name): number(measured.value, name)
        for r in records
        if r.cell.protocol == "published_means" and r.cell.entry in (*ELEVEN, "vggt_encoder", "vggt_decoder")
        for name, measured in r.metrics.items()
    }
    assert len(printed) == 117
    ours = {cell: number(abs(means[cell[1], cell[2]][cell[0]]), cell[2]) for cell in printed}
    off = {cell: (printed[cell], ours[cell]) for cell in printed if printed[cell] != ours[cell]}
    assert off == ONE_UNIT_OFF
    for (_, _, name), (paper, mean) in off.items():
        assert Decimal(mean) - Decimal(paper) == Decimal(1).scaleb(-METRICS[name].decimals)


# 2-D/2-D, 2-D by Acc., Comp., Dist., and the three pairs of those.
PRINTED = {("2-D", "2-D"): 1.00, ("2-D", "accuracy"): 0.95, ("2-D", "completeness"): 0.80, ("2-D", "distance"): 0.96,
           ("accuracy", "completeness"): 0.83, ("accuracy", "distance"): 0.99,
           ("completeness", "distance"): 0.84}  # fmt: skip


def printed(first: str, second: str) -> float:
    return PRINTED["2-D" if first in IMAGE else first, "2-D" if second in IMAGE else second]


@pytest.fixture(scope="module")
def dtu(records):
    rows = sorted((r for r in records if r.cell.dataset == "dtu"), key=lambda r: r.cell.entry)
    entries = [r.cell.entry for r in rows]
    return entries, {name: np.array([r.metrics[name].value for r in rows]) for name in PRINTED_METRICS}


def turned(values):
    return {name: oriented(column, METRICS[name].better) for name, column in values.items()}


def test_matrix_of_2d_and_3d_metrics_on_dtu(dtu):
    _, values = dtu
    found = {pair: c.value for pair, c in correlations(turned(values), draws=0).items()}
    # Off the diagonal; with the six ones on it, 17 of 21 cells.
    differing = {pair: round(value, 2) for pair, value in found.items() if round(value, 2) != printed(*pair)}
    assert differing == {
        ("psnr", "completeness"): 0.79,
        ("ssim", "completeness"): 0.79,
        ("lpips_3dgs", "completeness"): 0.79,
        ("accuracy", "completeness"): 0.84,
    }
    assert found["psnr", "accuracy"] == pytest.approx(0.9545, abs=5e-5)
    assert found["psnr", "distance"] == pytest.approx(0.9636, abs=5e-5)
    assert found["accuracy", "distance"] == pytest.approx(0.9909, abs=5e-5)
    assert found["psnr", "completeness"] == pytest.approx(0.7945, abs=5e-5)
    assert found["accuracy", "completeness"] == pytest.approx(0.8402, abs=5e-5)


def test_one_way_to_break_the_two_ties_gives_every_printed_cell(dtu):
    entries, values = dtu
    whole = []
    for dino, dinov2 in product((-1e-5, 1e-5), repeat=2):
        broken = dict(values, completeness=values["completeness"].copy())
        broken["completeness"][entries.index("dino")] += dino
        broken["completeness"][entries.index("dinov2")] += dinov2
        found = correlations(turned(broken), draws=0)
        if all(round(c.value, 2) == printed(*pair) for pair, c in found.items()):
            whole.append((dino, dinov2))
            assert found["psnr", "completeness"].value == pytest.approx(0.8, abs=5e-5)
            assert found["accuracy", "completeness"].value == pytest.approx(0.8273, abs=5e-5)
            assert found["completeness", "distance"].value == pytest.approx(0.8364, abs=5e-5)
    assert whole == [(-1e-5, -1e-5)]


def test_what_the_outlier_makes_of_that_matrix(dtu):
    entries, values = dtu
    models = [i for i, entry in enumerate(entries) if entry != "iuvrgb"]
    found = correlations(turned({name: column[models] for name, column in values.items()}), draws=0)
    for name, others in {
        "psnr": {"accuracy": 0.94, "completeness": 0.73, "distance": 0.95},
        "accuracy": {"completeness": 0.79, "distance": 0.99},
    }.items():
        for other, value in others.items():
            assert round(found[name, other].value, 2) == value


@pytest.mark.parametrize(("mode", "expected"), [("geometry", (0.75, 0.88, 0.04)), ("texture", (0.20, -0.17, 0.69))])
def test_what_the_all_mode_goes_with(means, mode, expected):
    for metric, value in zip(IMAGE, expected, strict=True):
        columns = [[means[name, metric][entry] for entry in ELEVEN] for name in ("all", mode)]
        assert round(spearman(*columns), 2) == value


@pytest.fixture(scope="module")
def orders(means):
    """By mode and criterion: the ten models, the best first."""
    found = {}
    for mode in MODES:
        columns = {name: means[mode, name] for name in IMAGE}
        for criterion, scores in criteria(columns, PAPER_ENTRIES).items():
            found[mode, criterion] = [PAPER_ENTRIES[i] for i in np.argsort(-scores, kind="stable")]
    return found


def test_geometry_is_as_the_paper_states_by_every_criterion(orders):
    for criterion in ("PSNR", "SSIM", "LPIPS (3DGS)", "mean rank", "TOPSIS"):
        assert orders["geometry", criterion][:4] == ["radio", "mast3r", "dust3r", "dino"]


def test_texture_is_not_as_the_paper_states(means, orders):
    assert orders["texture", "PSNR"][:3] == ["radio", "clip", "mast3r"]
    assert orders["texture", "TOPSIS"][0] == orders["texture", "mean rank"][0] == "mast3r"
    lpips = {entry: number(-means["texture", "lpips_3dgs"][entry], "lpips_3dgs") for entry in PAPER_ENTRIES}
    assert lpips["mast3r"] == lpips["mae"] == min(lpips.values()) == "0.3276"
    assert "iuvrgb" == max(ELEVEN, key=means["texture", "psnr"].get) == max(ELEVEN, key=means["texture", "ssim"].get)


def test_all_is_as_the_paper_states_by_two_metrics_of_three(orders):
    assert orders["all", "PSNR"][:3] == orders["all", "SSIM"][:3] == ["mast3r", "dust3r", "dino"]
    assert orders["all", "LPIPS (3DGS)"][0] == "mae"


def test_mean_rank_over_every_dataset_and_metric_puts_another_first(records):
    from leaderboard.ranking import fractional_ranks

    ranks = []
    for dataset, metric in product(DATASETS, IMAGE):
        values = column(table(records, "feat2gs", "published", dataset, "geometry"), metric)
        ranks.append(fractional_ranks([values[entry] for entry in PAPER_ENTRIES], "higher"))
    mean = dict(zip(PAPER_ENTRIES, np.mean(ranks, axis=0).round(2).tolist(), strict=True))
    assert mean["mast3r"] == min(mean.values()) == 2.22
    assert mean["radio"] == 2.78


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def test_transcripts_become_records_again(tmp_path, records):
    kept = [r for r in records if r.cell.dataset == "dtu"]
    lines = ["vfm," + ",".join(PRINTED_METRICS)]
    lines += [f"{r.cell.entry}," + ",".join(str(r.metrics[name].value) for name in PRINTED_METRICS) for r in kept]
    write(tmp_path, "feat2gs_dtu_3d.csv", "\n".join(lines) + "\n")
    assert read_transcripts(tmp_path) == {"feat2gs": sorted(kept, key=lambda r: r.cell)}


def test_transcripts_that_contradict_each_other_or_hold_no_number_are_refused(tmp_path):
    with pytest.raises(InputError, match="none of the known tables"):
        read_transcripts(tmp_path)
    write(tmp_path, "feat2gs_all_datasets.csv", "vfm,mode,psnr\nradio,geometry,19.73\n")
    write(tmp_path, "feat2gs_methods.csv", "method,psnr\nFeat2GS w/ RADIO,19.99\n")
    with pytest.raises(InputError, match=r"feat2gs_methods\.csv: radio .* differs"):
        read_transcripts(tmp_path)
    write(tmp_path, "feat2gs_methods.csv", "method,psnr\nFeat2GS w/ RADIO,many\n")
    with pytest.raises(InputError, match=r"feat2gs_methods\.csv line 2"):
        read_transcripts(tmp_path)


@pytest.mark.real
def test_the_records_are_those_of_the_transcribed_tables(shared_data, records):
    folder = shared_data.parent / "reference"
    if not folder.is_dir():
        pytest.skip("the transcribed tables are absent: no folder reference beside the data")
    made = {r.cell: r for group in read_transcripts(folder).values() for r in group}
    ours = {r.cell: r for r in [*records, *read_jsonl(PUBLISHED / "lrf.jsonl")]}
    assert all(ours[cell].metrics == record.metrics for cell, record in made.items())
