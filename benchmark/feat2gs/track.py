"""One cell of the first track, from photographs to its record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float

from benchmark.cells import Cell, seed_of
from benchmark.cost import Cost
from benchmark.feat2gs.evaluate import judge_geometry, judge_images
from benchmark.feat2gs.fit import joint_fit, warm_start
from benchmark.feat2gs.inputs import Inputs, gather
from benchmark.feat2gs.memory import check_memory
from benchmark.feat2gs.model import ProbedScene
from benchmark.feat2gs.modes import BASELINES, Baseline
from benchmark.feat2gs.outcome import Outcome, write_outcome
from benchmark.feat2gs.photographs import Photographs, photographs_of
from benchmark.feat2gs.pose_fit import fit_test_poses
from benchmark.feat2gs.start import start_values, true_means
from benchmark.protocols import Protocol
from benchmark.provenance import provenance
from benchmark.records import Record
from benchmark.report import Report
from benchmark.scenes.dtu_official import official_truth_of
from benchmark.scenes.spec import DatasetSpec
from benchmark.splatting.gaussians import Gaussians
from benchmark.splatting.render import TorchCameras, render
from benchmark.store import Store


@dataclass(frozen=True)
class Fitted:
    """A fitted scene and what it shows of the test views."""

    gaussians: Gaussians
    renders: Float[torch.Tensor, "view height width 3"]
    train_psnr: float
    readout_parameters: int


def run_cell(
    cell: Cell, key: str, dataset: DatasetSpec, protocol: Protocol, store: Store, created: str, report: Report
) -> Record:
    """Probe one entry on one scene in one mode, once, and publish record, renders and Gaussians under ``key``."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    cost = Cost()
    report("reconstruction and features", 0, 1, None)
    with cost.stage("inputs"):
        inputs = gather(cell, dataset, protocol, store, device)
        photographs = photographs_of(inputs.scene, inputs.train, inputs.reconstruction, protocol)
    fitted = fit(inputs, photographs, cell, protocol, device, cost, report)
    report("metrics", 0, 1, None)
    with cost.stage("metrics"):
        reconstruction, renders = inputs.reconstruction, fitted.renders.cpu()
        names = [view.name for view in inputs.scene.test_views]
        truth, masks = torch.from_numpy(photographs.test), torch.from_numpy(photographs.masks)
        seen = judge_images(renders, truth, masks, names, protocol.evaluate)
        official = official_truth_of(dataset, cell.scene) if protocol.evaluate.official else None
        shaped = judge_geometry(fitted.gaussians, reconstruction, protocol.evaluate, dataset.millimetres, official)
    record = Record(
        cell=cell,
        key=key,
        status="ok",
        made_by="measured",
        created=created,
        metrics=seen.metrics | shaped.metrics,
        absent=seen.absent | shaped.absent,
        cost=cost.values() | {"gaussians": len(fitted.gaussians.means)},
        details=details(inputs, fitted, photographs, names, dataset.millimetres),
        provenance=provenance(device, torch.get_num_threads(), inputs.digests, protocol.version),
    )
    shown = Outcome(fitted.gaussians, renders, truth, masks, names, photographs, reconstruction, inputs.features)
    store.publish("cells", key, lambda folder: write_outcome(folder, record, shown))
    report("done", 1, 1, None)
    return record


def fit(
    inputs: Inputs,
    photographs: Photographs,
    cell: Cell,
    protocol: Protocol,
    device: str,
    cost: Cost,
    report: Report,
) -> Fitted:
    """Warm start, joint fit, test poses: the method of the paper, as the protocol's values have it."""
    reconstruction = inputs.reconstruction
    generator = torch.Generator().manual_seed(seed_of(cell))
    start = start_values(reconstruction, protocol.start, protocol.sh_degree, seed_of(cell))
    baseline = BASELINES.get(cell.entry, Baseline(""))
    if baseline.true_points:
        start["means"] = true_means(reconstruction)
    check_memory(start, inputs.features, device)
    settings = protocol.free if baseline.settings == "free" else protocol.joint
    scene = ProbedScene(
        {name: values.to(device) for name, values in start.items()},
        None if inputs.features is None else inputs.features.to(device),
        cell.mode,
        protocol.readout,
        torch.from_numpy(reconstruction.valid).to(device),
        generator,
        baseline.held,
    ).to(device)
    optimizer = scene.optimizer(settings.rates)
    cameras = TorchCameras.of(photographs.cameras, device)
    train_images = torch.from_numpy(photographs.train).to(device)
    # Published for raw features alone, which would send Gaussians of any size without it.
    scale_penalty = settings.scale_penalty if inputs.is_raw else 0.0
    with cost.stage("warm start"):
        warm_start(scene, optimizer, protocol.warm_start, report)
    with cost.stage("joint fit"):
        cameras = joint_fit(scene, optimizer, cameras, train_images, settings, generator, report, scale_penalty)
    with torch.no_grad():
        gaussians = scene.gaussians()
    test_cameras = TorchCameras.of(photographs.test_cameras, device)
    truth, masks = (torch.from_numpy(values).to(device) for values in (photographs.test, photographs.masks))
    with cost.stage("test poses"):
        test_cameras = fit_test_poses(gaussians, test_cameras, truth, masks, protocol.test_poses, report)
    with torch.no_grad():
        renders = render(gaussians, test_cameras).image.clamp(0, 1)
        if protocol.evaluate.eight_bit:
            renders = (renders * 255).round() / 255
        train_error = (render(gaussians, cameras).image.clamp(0, 1) - train_images).square().mean()
    parameters = 0 if scene.readout is None else sum(value.numel() for value in scene.readout.parameters())
    return Fitted(gaussians, renders, float(-10 * train_error.log10()), parameters)


def details(
    inputs: Inputs, fitted: Fitted, photographs: Photographs, names: list[str], millimetres: float | None
) -> dict[str, Any]:
    """Facts about the run that are no metric."""
    coverage = photographs.masks.mean(axis=(1, 2))
    return {
        "train_views": [inputs.scene.views[index].name for index in inputs.train],
        "test_views": names,
        "size": [photographs.test_cameras.width, photographs.test_cameras.height],
        "length_unit": "scene unit" if millimetres is None else "mm",
        "mask_coverage": dict(zip(names, coverage.round(4).tolist(), strict=True)),
        "train_psnr": round(fitted.train_psnr, 4),
        "readout_parameters": fitted.readout_parameters,
        "reconstruction": inputs.reconstruction.facts | {"left_out": list(inputs.reconstruction.left_out)},
        "reduction": {} if inputs.features is None else inputs.features.reduction,
    }
