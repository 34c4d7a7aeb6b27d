"""What a cell leaves to look at beside its record: renders, errors, features, a flight along the cameras, the Gaussians."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from PIL import Image

from benchmark.cameras import Cameras
from benchmark.errors import MissingError
from benchmark.feat2gs.photographs import Photographs
from benchmark.features.feature_maps import FeatureMaps
from benchmark.features.picture import sheet_of
from benchmark.reconstruction.picture import picture as overview
from benchmark.reconstruction.reconstruction import Reconstruction
from benchmark.records import Record
from benchmark.splatting.gaussians import Gaussians
from benchmark.splatting.ply import write_ply
from benchmark.splatting.video import interpolated_path, write_video
from benchmark.store import write_durably
from benchmark.view_pictures import write_pictures, write_views

log = logging.getLogger(__name__)

FRAMES, FRAMES_PER_SECOND = 48, 24


@dataclass(frozen=True)
class Outcome:
    """A fitted scene and what its test views show, on the CPU.

    Attributes
    ----------
    features
        None for a baseline.
    """

    gaussians: Gaussians
    renders: Float[torch.Tensor, "view height width 3"]
    truth: Float[torch.Tensor, "view height width 3"]
    masks: Bool[torch.Tensor, "view height width"]
    names: list[str]
    photographs: Photographs
    reconstruction: Reconstruction
    features: FeatureMaps | None


def write_outcome(folder: Path, record: Record, outcome: Outcome) -> None:
    """Write pictures of test views, features and reconstruction, the video, ``gaussians.ply`` and, last, the record."""
    write_views(folder, outcome.names, outcome.renders, outcome.truth)
    write_pictures(folder / "masks", outcome.names, outcome.masks[..., None].float())
    if outcome.features is not None:
        Image.fromarray(sheet_of(outcome.features, outcome.reconstruction.colors)).save(folder / "features.png")
    Image.fromarray(overview(outcome.reconstruction)).save(folder / "reconstruction.png", optimize=True)
    write_flight(folder / "flight.mp4", outcome.gaussians, outcome.photographs)
    write_ply(folder / "gaussians.ply", outcome.gaussians)
    write_durably(folder / "record.json", record.to_json())


def write_flight(path: Path, gaussians: Gaussians, photographs: Photographs) -> None:
    """A video along the train cameras and back, or from the train to the test camera where there is one of them.

    Without the extra ``[video]`` there is none: a picture more or less is no reason for a cell to fail.
    """
    cameras = photographs.cameras
    if len(cameras) == 1:
        test = photographs.test_cameras
        scaled = [test[index].resized(cameras.width, cameras.height) for index in range(len(test))]
        cameras = Cameras.stack([cameras[0], *scaled])
    try:
        write_video(path, gaussians, interpolated_path(cameras, FRAMES, loop=True), FRAMES_PER_SECOND)
    except MissingError as error:
        log.info("no video: %s", error)
