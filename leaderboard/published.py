"""Tables of papers, transcribed as CSV, to records: facts with their source, on boards of their own.

A published number is a mean over the scenes of a dataset, or over the scenes of all of them; where it stands for the
scene, the record says ``mean``. The two kinds, and tables made under other settings, are protocols of their own, so that
no table and no mean mixes them.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.cells import Cell, cell_key
from benchmark.errors import InputError
from benchmark.records import METRICS, Measurement, Record

MEAN = "mean"
ALL_DATASETS = "all_datasets"
TRANSCRIBED = "2026-11-24T00:00:00Z"

FEAT2GS = "Feat2GS: Probing Visual Foundation Models with Gaussian Splatting, CVPR 2025, arXiv 2412.09606"
FEAT2GS_PDF = "repository fanegg/Feat2GS at 0930a18, assets/Feat2GS_Benchmark.pdf, page 1"
FEAT2GS_CHART = "repository fanegg/Feat2GS at 0930a18, values of the line chart in paper/line_chart.py"
FEAT2GS_PAGE = "https://arxiv.org/abs/2412.09606"
LRF = "Latent Radiance Fields with 3D-aware 2D Representations, ICLR 2025, arXiv 2502.09613"
LRF_PAGE = "https://arxiv.org/abs/2502.09613"

Row = Mapping[str, str]
# Columns that are called like another metric than theirs: Feat2GS leaves images in [0, 1] for LPIPS (Q13).
METRIC_OF = {("feat2gs", "lpips"): "lpips_3dgs"}


@dataclass(frozen=True)
class Source:
    """Where a table was printed; ``page`` is an address of the web, ``table`` says which one there."""

    source: str
    page: str
    table: str


@dataclass(frozen=True)
class Transcript:
    """A file of a transcription: which records it belongs to, and how its lines become some."""

    file: str
    group: str
    source: Source
    read: Callable[[Iterable[Row], Source], Iterable[Record]]


def read_transcripts(folder: Path) -> dict[str, list[Record]]:
    """Records of every known table in a folder, by group (a file of ``results/published``).

    Raises
    ------
    InputError
        If the folder holds none, a value is no number, or two tables print different numbers for one cell.
    """
    found: dict[str, dict[Cell, Record]] = {}
    for transcript in TRANSCRIPTS:
        path = folder / transcript.file
        if not path.is_file():
            continue
        group = found.setdefault(transcript.group, {})
        for record in _records(path, transcript):
            # Papers repeat rows; the first table that has a row is the one that is named.
            known = group.setdefault(record.cell, record)
            if known.metrics != record.metrics:
                raise InputError(f"{path.name}: {record.cell.label} differs from {known.provenance['table']}")
    if not found:
        names = ", ".join(transcript.file for transcript in TRANSCRIPTS)
        raise InputError(f"transcripts {folder}: none of the known tables is there ({names})")
    return {name: [group[cell] for cell in sorted(group)] for name, group in found.items()}


def _records(path: Path, transcript: Transcript) -> Iterable[Record]:
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        try:
            yield from transcript.read(rows, transcript.source)
        except (KeyError, ValueError) as error:
            raise InputError(f"{path.name} line {rows.line_num}: {error}; mend the transcript") from None


def published_key(cell: Cell, provenance: Mapping[str, Any]) -> str:
    """Key of a published record: its cell and the table that it was read from."""
    return cell_key(cell, {"published": {name: provenance.get(name, "") for name in ("source", "table")}})


def _record(cell: Cell, row: Mapping[str, str], source: Source, details: Mapping[str, Any] | None = None) -> Record:
    provenance = {"source": source.source, "page": source.page, "table": source.table}
    columns = {column: METRIC_OF.get((cell.track, column), column) for column in row}
    metrics = {columns[name]: Measurement(float(row[name])) for name in row if columns[name] in METRICS and row[name]}
    key = published_key(cell, provenance)
    return Record(cell, key, "ok", "published", TRANSCRIBED, "", metrics, {}, {}, dict(details or {}), provenance)


def _probe(entry: str, dataset: str, mode: str, protocol: str = "published", reconstruction: str = "dust3r") -> Cell:
    return Cell("feat2gs", entry, dataset, MEAN, mode, reconstruction, protocol, 0)


def _main_table(rows: Iterable[Row], source: Source) -> Iterable[Record]:
    for row in rows:
        yield _record(_probe(row["vfm"], row["dataset"], row["mode"]), row, source)


def _means(rows: Iterable[Row], source: Source) -> Iterable[Record]:
    for row in rows:
        yield _record(_probe(row["vfm"], ALL_DATASETS, row["mode"], "published_means"), row, source)


def _dtu(rows: Iterable[Row], source: Source) -> Iterable[Record]:
    for row in rows:
        yield _record(_probe(row["vfm"], "dtu", "geometry", reconstruction="known"), row, source, {"unit": "mm"})


def _variants(rows: Iterable[Row], source: Source) -> Iterable[Record]:
    for row in rows:
        # Names that may stand in a path: the paper writes + for FeatUp's features and * for fine-tuned ones.
        entry = row["feature"].replace("+", "_featup").replace("*", "_finetuned")
        yield _record(_probe(entry, ALL_DATASETS, row["mode"], "published_means"), row, source)


METHODS = {
    "InstantSplat": ("instantsplat", "free"),
    "Feat2GS w/ RADIO": ("radio", "geometry"),
    "Feat2GS w/ concat all": ("concat_all", "geometry"),
    "Feat2GS w/ DUSt3R": ("dust3r", "geometry"),
    "Feat2GS w/ DUSt3R*": ("dust3r_finetuned", "geometry"),
}


def _methods(rows: Iterable[Row], source: Source) -> Iterable[Record]:
    for row in rows:
        entry, mode = METHODS[row["method"]]
        yield _record(_probe(entry, ALL_DATASETS, mode, "published_means"), row, source)


def _chains(rows: Iterable[Row], source: Source) -> Iterable[Record]:
    chains: dict[str, list[str]] = {}
    for row in rows:
        chain = chains.setdefault(row["order"], [])
        chain.append(row["added"])
        entry = f"concat_{row['order']}_{len(chain):02d}"
        cell = _probe(entry, ALL_DATASETS, "geometry", "published_concatenation")
        yield _record(cell, row, source, {"curve": row["order"], "members": list(chain)})


LRF_METHODS = {
    "3dgs": "3dgs",
    "3dgs/8": "3dgs_8",
    "mip-splatting": "mip_splatting",
    "mip-splatting/8": "mip_splatting_8",
    "3dgs-vae": "3dgs_vae",
    "latent-nerf*": "latent_nerf_adapted",
    "feature-gs": "feature_gs",
    "3dgs-lrf": "3dgs_lrf",
    "vae": "vae",
    "lrf-vae": "lrf_vae",
}


def _latent(entry: str, dataset: str, protocol: str, mode: str = "nvs") -> Cell:
    return Cell("lrf", entry, dataset, MEAN, mode, "colmap", protocol, 0)


def _latent_table(rows: Iterable[Row], source: Source) -> Iterable[Record]:
    """One line a metric, one column a method."""
    values: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        for column, entry in LRF_METHODS.items():
            if column in row:
                values.setdefault((row["dataset"], entry), {})[row["metric"]] = row[column]
    for (dataset, entry), metrics in values.items():
        yield _record(_latent(entry, dataset, "published"), metrics, source)


def _latent_sparse(rows: Iterable[Row], source: Source) -> Iterable[Record]:
    for row in rows:
        yield _record(_latent(LRF_METHODS[row["method"]], "llff", "published_3_views"), row, source)


STAGES = {
    ("no", "no"): "3dgs_vae",
    ("yes", "no"): "3dgs_lrf_encoder_only",
    ("no", "yes"): "3dgs_lrf_decoder_only",
    ("yes", "yes"): "3dgs_lrf",
}


def _latent_ablation(rows: Iterable[Row], source: Source) -> Iterable[Record]:
    for row in rows:
        entry = STAGES[row["encoder_finetuned"], row["decoder_finetuned"]]
        yield _record(_latent(entry, "dl3dv", "published_ablation"), row, source)


def _latent_autoencoder(rows: Iterable[Row], source: Source) -> Iterable[Record]:
    for row in rows:
        for dataset in ("llff", "dl3dv", "mipnerf360"):
            cell = _latent(LRF_METHODS[row["method"]], dataset, "published_autoencoder", "autoencoding")
            yield _record(cell, {row["metric"]: row[dataset]}, source)


def _feat2gs(table: str) -> Source:
    return Source(FEAT2GS, FEAT2GS_PAGE, table)


def _lrf(table: str) -> Source:
    return Source(LRF, LRF_PAGE, table)


TRANSCRIPTS = (
    Transcript("feat2gs_nvs.csv", "feat2gs", _feat2gs(f"main table; {FEAT2GS_PDF}, table 1"), _main_table),
    Transcript(
        "feat2gs_nvs_vggt.csv", "feat2gs", _feat2gs(f"update of July 2025; {FEAT2GS_PDF}, table 1"), _main_table
    ),
    Transcript("feat2gs_all_datasets.csv", "feat2gs", _feat2gs(f"means of 30 scenes; {FEAT2GS_PDF}, table 2"), _means),
    Transcript("feat2gs_dtu_3d.csv", "feat2gs", _feat2gs("table of DTU, Geometry mode, distances in mm"), _dtu),
    Transcript("feat2gs_variants.csv", "feat2gs", _feat2gs("table of FeatUp and fine-tuned features"), _variants),
    Transcript("feat2gs_methods.csv", "feat2gs", _feat2gs("table of methods beside InstantSplat"), _methods),
    Transcript("feat2gs_concatenation.csv", "feat2gs", _feat2gs(FEAT2GS_CHART), _chains),
    Transcript("lrf_nvs.csv", "lrf", _lrf("table 1, novel views"), _latent_table),
    Transcript("lrf_llff_3views.csv", "lrf", _lrf("table 2, LLFF with 3 train views"), _latent_sparse),
    Transcript("lrf_ablation_dl3dv.csv", "lrf", _lrf("table 3, ablation of the stages on DL3DV-10K"), _latent_ablation),
    Transcript("lrf_vae_reconstruction.csv", "lrf", _lrf("table of the autoencoders' PSNR"), _latent_autoencoder),
)
