"""One cell of the second track, from photographs to its record."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from benchmark.cells import Cell
from benchmark.cost import Cost
from benchmark.lrf.artifacts import LatentScene
from benchmark.lrf.baselines import enlarged, image_field, joint_field, ray_field
from benchmark.lrf.evaluate import (
    OF_LATENTS,
    Judgement,
    judge_latents,
    judge_matches,
    judge_pictures,
    judge_reconstruction,
)
from benchmark.lrf.field import GaussianField
from benchmark.lrf.latent_nerf import RayField
from benchmark.lrf.latents import Range, decode
from benchmark.lrf.modes import IMAGE_BASELINES, MODES
from benchmark.lrf.photographs import at_scale
from benchmark.lrf.stages import taught
from benchmark.protocols.lrf import LatentProtocol
from benchmark.provenance import provenance
from benchmark.records import Record
from benchmark.report import Report
from benchmark.scenes.spec import DatasetSpec
from benchmark.splatting.gaussians import Gaussians
from benchmark.splatting.ply import write_ply
from benchmark.store import Store, write_durably
from benchmark.view_pictures import write_views
from vfm_zoo import registry


@dataclass
class Outcome:
    """What a cell shows of the test views, how it is judged, and facts for the record."""

    shown: Float[Tensor, "view 3 height width"]
    judgement: Judgement
    gaussians: Gaussians | None = None
    details: dict[str, Any] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)


def run_cell(
    cell: Cell, key: str, dataset: DatasetSpec, protocol: LatentProtocol, store: Store, created: str, report: Report
) -> Record:
    """Run one configuration on one scene, once, and publish record, renders and Gaussians under ``key``."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    cost = Cost()
    report("photographs and points", 0, 1, None)
    baseline = cell.entry in IMAGE_BASELINES
    downscale = protocol.image.downscale if baseline else registry.get_autoencoder(cell.entry).downscale
    with cost.stage("inputs"):
        scene = LatentScene(dataset, cell.scene, protocol, cell.reconstruction, downscale, store)
        truth, names = scene.photographs.test, scene.photographs.test_names
    outcome = (image_baseline if baseline else latent_mode)(cell, scene, device, cost, report)
    report("metrics", 0, 1, None)
    with cost.stage("metrics"):
        judge_pictures(outcome.judgement, outcome.shown, truth, names)
    record = Record(
        cell=cell,
        key=key,
        status="ok",
        made_by="measured",
        created=created,
        metrics=outcome.judgement.metrics,
        absent=outcome.judgement.absent,
        cost=cost.values() | ({} if outcome.gaussians is None else {"gaussians": len(outcome.gaussians.means)}),
        details={
            "train_views": list(scene.photographs.names),
            "test_views": list(names),
            **scene.frame.values(),
            **outcome.details,
        },
        provenance=provenance(device, torch.get_num_threads(), scene.digests | outcome.digests, protocol.version),
    )
    store.publish("cells", key, lambda folder: write_outcome(folder, record, outcome, truth, names))
    report("done", 1, 1, None)
    return record


def latent_mode(cell: Cell, scene: LatentScene, device: str, cost: Cost, report: Report) -> Outcome:
    """The three stages, as the mode has them, then the decoded test views."""
    mode = MODES[cell.mode]
    with cost.stage("stages I and III"):
        teacher = taught(cell, scene, device, report)
    with cost.stage("latents"):
        latents = scene.latents(teacher, device)
        scale = Range.of(latents.train)
    with cost.stage("field"):
        fitted: GaussianField | RayField
        if mode.field == "gaussians":
            fitted = scene.latent_field(teacher, cell.seed, device, report)
        else:
            fit = joint_field if mode.field == "joint" else ray_field
            fitted = fit(scale.normalise(latents.train), scene, cell.seed, device, report)
    with cost.stage("decoding"):
        cameras = at_scale(scene.photographs.test_cameras, scene.downscale, device)
        channels = latents.train.shape[1]
        rendered = scale.restore(fitted.render(cameras)[..., -channels:].cpu())
        shown = decode(teacher.autoencoder, rendered, device)
        plain = decode(teacher.autoencoder, latents.test, device)
    judgement, names = Judgement(), scene.photographs.test_names
    with cost.stage("metrics"):
        judge_reconstruction(judgement, shown, plain, scene.photographs.test, names)
        judge_latents(judgement, rendered, latents.test, scale, names)
        judge_matches(judgement, latents.train, scene.matches(), scale, scene.seed(cell.seed))
    details = {"channels": channels, "constant_channels": list(scale.constant), **teacher.details}
    return Outcome(shown, judgement, getattr(fitted, "gaussians", None), details, {"entry": teacher.digest})


def image_baseline(cell: Cell, scene: LatentScene, device: str, cost: Cost, report: Report) -> Outcome:
    """Colours at the resolution of latents, shown at the full size."""
    baseline = IMAGE_BASELINES[cell.entry]
    judgement = Judgement(absent=dict.fromkeys(OF_LATENTS, "a baseline in image space has no latents"))
    if not baseline.field:
        return Outcome(enlarged(scene.photographs.test, scene.downscale), judgement)
    with cost.stage("field"):
        fitted = image_field(baseline, scene, cell.seed, device, report)
    shown = fitted.render(at_scale(scene.photographs.test_cameras, 1, device)).clamp(0, 1)
    return Outcome(shown.movedim(-1, 1).cpu(), judgement, fitted.gaussians)


def write_outcome(
    folder: Path,
    record: Record,
    outcome: Outcome,
    truth: Float[Tensor, "view 3 height width"],
    names: tuple[str, ...],
) -> None:
    """Record, pictures of the test views, and the Gaussians as a PLY file (latents are further properties)."""
    write_views(folder, names, outcome.shown.movedim(1, -1), truth.movedim(1, -1))
    if outcome.gaussians is not None:
        write_ply(folder / "gaussians.ply", outcome.gaussians)
    write_durably(folder / "record.json", record.to_json())
