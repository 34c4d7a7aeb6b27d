"""One cell of the first track, from photographs to its record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image

from benchmark.cells import Cell, seed_of
from benchmark.cost import Cost
from benchmark.feat2gs.evaluate import judge_geometry, judge_images
from benchmark.feat2gs.fit import joint_fit, warm_start
from benchmark.feat2gs.inputs import Inputs, gather
from benchmark.feat2gs.model import ProbedScene
from benchmark.feat2gs.photographs import Photographs, photographs_of
from benchmark.feat2gs.pose_fit import fit_test_poses
from benchmark.feat2gs.start import start_values
from benchmark.protocols import Protocol
from benchmark.provenance import machine, software
from benchmark.records import Record
from benchmark.report import Report
from benchmark.scenes.spec import DatasetSpec
from benchmark.splatting.gaussians import Gaussians
from benchmark.splatting.ply import write_ply
from benchmark.splatting.render import TorchCameras, render
from benchmark.store import Store, write_durably


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
        reconstruction = inputs.reconstruction
        names = [view.name for view in inputs.scene.test_views]
        truth, masks = torch.from_numpy(photographs.test), torch.from_numpy(photographs.masks)
        seen = judge_images(fitted.renders.cpu(), truth, masks, names, protocol.evaluate)
        shaped = judge_geometry(fitted.gaussians, reconstruction, protocol.evaluate)
    record = Record(
        cell=cell,
        key=key,
        status="ok",
        made_by="measured",
        created=created,
        metrics=seen.metrics | shaped.metrics,
        absent=seen.absent | shaped.absent,
        cost=cost.values() | {"gaussians": len(fitted.gaussians.means)},
        details=details(inputs, fitted, photographs, names),
        provenance={
            "software": software(),
            "machine": machine() | {"device": device, "threads": torch.get_num_threads()},
            "digests": inputs.digests,
            "protocol_version": protocol.version,
        },
    )
    store.publish("cells", key, lambda folder: write_outcome(folder, record, fitted, truth, masks, names))
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
    scene = ProbedScene(
        {name: values.to(device) for name, values in start.items()},
        None if inputs.features is None else inputs.features.to(device),
        cell.mode,
        protocol.readout,
        torch.from_numpy(reconstruction.valid).to(device),
        generator,
    ).to(device)
    optimizer = scene.optimizer(protocol.joint.rates)
    cameras = TorchCameras.of(photographs.cameras, device)
    train_images = torch.from_numpy(photographs.train).to(device)
    # Published for raw features alone, which would send Gaussians of any size without it.
    scale_penalty = protocol.joint.scale_penalty if inputs.is_raw else 0.0
    with cost.stage("warm start"):
        warm_start(scene, optimizer, protocol.warm_start, report)
    with cost.stage("joint fit"):
        cameras = joint_fit(scene, optimizer, cameras, train_images, protocol.joint, generator, report, scale_penalty)
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


def details(inputs: Inputs, fitted: Fitted, photographs: Photographs, names: list[str]) -> dict[str, Any]:
    """Facts about the run that are no metric."""
    coverage = photographs.masks.mean(axis=(1, 2))
    return {
        "train_views": [inputs.scene.views[index].name for index in inputs.train],
        "test_views": names,
        "size": [photographs.test_cameras.width, photographs.test_cameras.height],
        "mask_coverage": dict(zip(names, coverage.round(4).tolist(), strict=True)),
        "train_psnr": round(fitted.train_psnr, 4),
        "readout_parameters": fitted.readout_parameters,
        "reduction": {} if inputs.features is None else inputs.features.reduction,
    }


def write_outcome(
    folder: Path,
    record: Record,
    fitted: Fitted,
    photographs: Float[torch.Tensor, "view height width 3"],
    masks: torch.Tensor,
    names: list[str],
) -> None:
    """Record, pictures of the test views, and the Gaussians as a standard PLY."""
    errors = (
        (fitted.renders.cpu() - photographs).abs().mean(dim=-1, keepdim=True).mul(4).clamp(0, 1).expand(-1, -1, -1, 3)
    )
    pictures = {"renders": fitted.renders, "truth": photographs, "error": errors}
    pictures["masks"] = masks[..., None].float().expand(-1, -1, -1, 3)
    for kind, images in pictures.items():
        (folder / kind).mkdir()
        for name, picture in zip(names, images, strict=True):
            pixels = (picture.numpy() * 255).round().astype(np.uint8)
            Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels).save(
                folder / kind / f"{Path(name).stem}.png", optimize=True
            )
    write_ply(folder / "gaussians.ply", fitted.gaussians)
    write_durably(folder / "record.json", record.to_json())
