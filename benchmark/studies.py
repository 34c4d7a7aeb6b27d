"""Named sets of cells: the demonstration, the paper's experiments, and the controls that they need. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from benchmark.errors import InputError, nearest
from benchmark.feat2gs.modes import BASELINES, FINE_TUNED_MODES
from benchmark.lrf.modes import ABLATION, IMAGE_BASELINES, MODES
from benchmark.plan import Selection, Task
from benchmark.protocols import CAPACITY_LAYERS, CAPACITY_WIDTHS
from benchmark.records import Record

PAPER_DATASETS = ("llff", "dl3dv", "casual", "mipnerf360", "mvimgnet", "tanks_and_temples")
# From best to worst in Geometry, as the paper joins them (section 3.3 of the protocol notes).
DESCENDING = (
    "radio",
    "mast3r",
    "dust3r",
    "dino_b16",
    "mae_b16",
    "midas_l16",
    "clip_b16",
    "dinov2_b14",
    "sam_b16",
    "sd21",
    "iuvrgb",
)
# Backbones that FeatUp has weights for (Q11: the paper's plain rows are larger ones).
FEATUP_BACKBONES = ("dino_s16", "dinov2_s14", "clip_b16")
DEMO = ("efficientnet_lite0", "efficientnet_lite0_random", "random", "iuvrgb")
# Everything that a package index alone brings: no hub, no account, no form (`saliency_vits14`: `make saliency`).
WITHOUT_DOWNLOAD = (
    "efficientnet_lite0",
    "saliency_vits14",
    # Untrained networks: what an architecture gives before it has learned anything.
    "efficientnet_lite0_random",
    "saliency_vits14_random",
    "mobilenet_v2_random",
    "r2d2_random",
    "squeezenet1_1_random",
    "xfeat_random",
    "dct_f8_encoder",
    "iuv",
    "iuvrgb",
    "random",
)


@dataclass(frozen=True)
class Study:
    """What is run together, and why."""

    name: str
    description: str
    selections: tuple[Selection, ...]

    def under(self, protocol: str | None, seeds: Sequence[int] | None) -> Study:
        """The same cells under another protocol or with other repetitions; None leaves them."""
        changes: dict[str, object] = {}
        if protocol is not None:
            changes["protocol"] = protocol
        if seeds is not None:
            changes["seeds"] = seeds
        return replace(self, selections=tuple(replace(part, **changes) for part in self.selections))  # type: ignore[arg-type]


def _chain(names: Sequence[str]) -> list[str]:
    """``a``, ``a+b``, ``a+b+c`` ..."""
    return ["+".join(names[: count + 1]) for count in range(len(names))]


def _on_papers_data(entries: Sequence[str], modes: Sequence[str] | None = None) -> tuple[Selection, ...]:
    return tuple(Selection(entries, dataset, modes=modes, protocol="strict") for dataset in PAPER_DATASETS)


# Datasets of Latent Radiance Fields, with the split that it judges by where a dataset has another too.
LATENT_DATASETS = ("llff+every8", "dl3dv", "mipnerf360+every8", "mvimgnet+every8")
# Autoencoders that need no weights, and all.
WITHOUT_WEIGHTS = ("dct_f8", "dct_f8_c4", "dct_f8_c32", "dct_f8_wide")
ALL_AUTOENCODERS = ("*vae*", "*dct*", "tae*", "dc_ae*")


def _latent(
    entries: Sequence[str], modes: Sequence[str] | None, datasets: Sequence[str], protocol: str = "strict"
) -> tuple[Selection, ...]:
    return tuple(Selection(entries, d, modes=modes, protocol=protocol, track="lrf") for d in datasets)


STUDIES: dict[str, Study] = {
    study.name: study
    for study in (
        Study(
            "demo",
            "five entries on one procedural scene; Geometry twice, so that a spread shows",
            (
                Selection([*DEMO, "instantsplat"], "studio", ["shelves"], seeds=(0,)),
                Selection(DEMO, "studio", ["shelves"], ["geometry"], seeds=(0, 1)),
            ),
        ),
        Study(
            "controls",
            "what lite can tell apart: learned features, the same network untrained, noise, colour, on six scenes",
            (Selection([*DEMO, "instantsplat"], "studio"), Selection(DEMO, "motorcycle")),
        ),
        Study(
            "capacity",
            "readout of 64, 256 and 1024 units in 1 to 3 layers: how much of a result is the readout's size",
            tuple(
                Selection(DEMO, "studio", ["shelves"], protocol=f"lite_w{width}_h{layers}")
                for width in CAPACITY_WIDTHS
                for layers in CAPACITY_LAYERS
            ),
        ),
        Study(
            "geometry",
            "points fitted from a noised start, where anybody can run it",
            tuple(
                Selection(DEMO, dataset, modes=["geometry"], protocol="lite_geometry")
                for dataset in ("studio", "motorcycle")
            ),
        ),
        Study(
            "results-lite",
            "the results of this repository: all that needs no download, rooms and a real pair, both tracks",
            (
                *(Selection([*WITHOUT_DOWNLOAD, *BASELINES], dataset) for dataset in ("studio", "motorcycle")),
                *_latent([*WITHOUT_WEIGHTS, *IMAGE_BASELINES], None, ["studio"], "lite"),
                *_latent(["dct_f8"], ABLATION, ["studio"], "lite"),
            ),
        ),
        Study(
            "lrf-demo",
            "the second track where anybody can run it: every mode and baseline on two rooms",
            (
                Selection(
                    ["dct_f8", *IMAGE_BASELINES], "studio", ["shelves", "pile"], tuple(MODES), seeds=(0,), track="lrf"
                ),
            ),
        ),
        Study(
            "lrf-probe",
            "autoencoders as they are: what a latent space keeps on its trip through 3-D",
            _latent([*WITHOUT_WEIGHTS, *IMAGE_BASELINES], None, ["studio"], "lite"),
        ),
        Study(
            "lrf-probe-all",
            "the same for every autoencoder of the zoo, on the paper's datasets",
            _latent([*ALL_AUTOENCODERS, *IMAGE_BASELINES], None, LATENT_DATASETS),
        ),
        Study(
            "lrf-table-1",
            "the paper's main table: its autoencoder, all modes and baselines, four datasets",
            _latent(["sd_vae_ft_mse", *IMAGE_BASELINES], tuple(MODES), LATENT_DATASETS),
        ),
        Study(
            "lrf-table-2",
            "three train views of LLFF",
            _latent(
                ["sd_vae_ft_mse", *IMAGE_BASELINES], ("3dgs_vae", "3dgs_lrf"), ["llff+three_views"], "strict_3_views"
            ),
        ),
        Study(
            "lrf-table-3",
            "which half of the autoencoder is taught: neither, encoder, decoder, both",
            _latent(["sd_vae_ft_mse"], ABLATION, ["dl3dv"]),
        ),
        Study(
            "lrf-ablation",
            "the same where anybody can run it: an autoencoder without weights, each room taught by the others",
            _latent(["dct_f8"], ABLATION, ["studio"], "lite"),
        ),
        Study(
            "lrf-autoencoders",
            "plain encoding and decoding before and after it was taught",
            _latent(["sd_vae_ft_mse"], ("3dgs_vae", "3dgs_lrf"), LATENT_DATASETS),
        ),
        Study(
            "paper",
            "the paper's main table: ten models and the baselines on six datasets",
            _on_papers_data([*DESCENDING, "instantsplat"]),
        ),
        Study(
            "paper-dtu",
            "the paper's 3-D table: 22 scans from a noised start",
            (Selection(DESCENDING, "dtu", modes=["geometry"], protocol="strict_geometry"),),
        ),
        Study(
            "paper-variants",
            "the paper's `*` rows, each Gaussian's own feature fitted too, and its `+` rows, FeatUp beside the same backbone",
            (
                *_on_papers_data(["dust3r", "dinov2_b14", "dino_b16", "clip_b16"], FINE_TUNED_MODES),
                *_on_papers_data([name + end for name in FEATUP_BACKBONES for end in ("", "_featup")]),
            ),
        ),
        Study(
            "paper-descending",
            "joining models from the best down, in Geometry",
            _on_papers_data(_chain(DESCENDING), ["geometry"]),
        ),
        Study(
            "paper-ascending",
            "joining models from the worst up, in Geometry",
            _on_papers_data(_chain(DESCENDING[::-1]), ["geometry"]),
        ),
        Study(
            "paper-pairs",
            "the paper's two named combinations, each beside the model that it is compared with",
            (
                *_on_papers_data(["dinov2_b14+clip_b16+sam_b16", "radio"], ["geometry"]),
                *_on_papers_data(["radio+mae_b16+iuvrgb", "mast3r"], ["all"]),
            ),
        ),
    )
}


def get_study(name: str) -> Study:
    """The study called ``name``; an unknown name answers with the nearest ones."""
    if name not in STUDIES:
        raise InputError(f"study '{name}' is unknown{nearest(name, STUDIES)}; see `splatbench list studies`")
    return STUDIES[name]


@dataclass(frozen=True)
class Estimate:
    """What a set of cells will cost.

    Attributes
    ----------
    cells, done
        How many there are, and how many of these are in the store already.
    seconds
        One-process seconds of the rest, from records of the same protocol on this machine; None without any.
    measured
        How many records that rests on.
    """

    cells: int
    done: int
    seconds: float | None
    measured: int


def estimate(tasks: Sequence[Task], records: Mapping[str, Record]) -> Estimate:
    """Cost of the tasks from what the same protocol and mode, or else the same protocol, has cost so far.

    Parameters
    ----------
    records
        Of the store, by key.
    """
    spent: dict[tuple[str, str, str | None], list[float]] = {}
    for record in records.values():
        if record.status == "ok":
            seconds = float(record.cost["seconds"]["total"])
            for mode in (record.cell.mode, None):
                spent.setdefault((record.cell.track, record.cell.protocol, mode), []).append(seconds)
    total: float | None = 0.0
    left = [task for task in tasks if task.key not in records or records[task.key].status != "ok"]
    for task in left:
        of = task.cell.track, task.cell.protocol
        known = spent.get((*of, task.cell.mode)) or spent.get((*of, None))
        total = None if known is None or total is None else total + sum(known) / len(known)
    measured = sum(len(values) for (*_, mode), values in spent.items() if mode is not None)
    return Estimate(len(tasks), len(tasks) - len(left), total, measured)
