"""Stages I and III of a cell: an autoencoder taught by the other scenes of the dataset, kept in the store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from benchmark.cells import Cell, digest
from benchmark.errors import InputError
from benchmark.lrf.align_decoder import decoder_lesson
from benchmark.lrf.align_encoder import encoder_lesson
from benchmark.lrf.artifacts import FIELD_VERSION, LatentScene, Teacher
from benchmark.lrf.cells import teachers_of
from benchmark.lrf.modes import MODES
from benchmark.lrf.training import Progress, teach
from benchmark.report import Report
from vfm_zoo import registry
from vfm_zoo.loading.autoencoder import Autoencoder

# Rises when code changes what the stages teach and no setting shows it.
STAGES_VERSION = 1


def taught(cell: Cell, scene: LatentScene, device: str, report: Report) -> Teacher:
    """The autoencoder of a cell after the stages that its mode asks for; it has seen no view of the cell's scene.

    Raises
    ------
    InputError
        If no other scene is there, or one shares a photograph with the cell's scene.
    CellError
        If a training scene has no verified matches, or a loss stops being a number.
    """
    mode, entry = MODES[cell.mode], registry.get_autoencoder(cell.entry)
    teacher = Teacher(registry.load_autoencoder(entry, device), entry.digest())
    if not mode.learns:
        return teacher
    names = teachers_of(scene.dataset, cell.scene)
    others = [
        LatentScene(scene.dataset, name, scene.protocol, scene.method, scene.downscale, scene.store) for name in names
    ]
    check_apart(scene, others)
    if mode.encoder:
        teacher = align_encoder(teacher, others, cell.seed, device, report)
    if mode.decoder:
        teacher = align_decoder(teacher, others, cell.seed, device, report)
    return teacher


def align_encoder(
    teacher: Teacher, scenes: Sequence[LatentScene], repetition: int, device: str, report: Report
) -> Teacher:
    """The autoencoder after Stage I on these scenes."""
    settings, store = scenes[0].protocol.align_encoder, scenes[0].store
    autoencoder, seed = teacher.autoencoder, _seed(scenes, repetition)
    key = _key("I", teacher.digest, scenes, asdict(settings) | scenes[0].protocol.matches.values(), seed)
    best, progress = teach(
        lambda: encoder_lesson(autoencoder, scenes, settings, device), settings, key, seed, store, report
    )
    _put(autoencoder, best)
    return Teacher(autoencoder, key, teacher.details | {"stage_1": _story(scenes, progress)})


def align_decoder(
    teacher: Teacher, scenes: Sequence[LatentScene], repetition: int, device: str, report: Report
) -> Teacher:
    """The autoencoder after Stage III on these scenes; its latents are as they were, and so is its digest."""
    protocol, store = scenes[0].protocol, scenes[0].store
    settings, autoencoder, seed = protocol.align_decoder, teacher.autoencoder, _seed(scenes, repetition)
    values = {
        "align": asdict(settings),
        "field_version": FIELD_VERSION,
        "start": asdict(protocol.start),
        "fit": asdict(protocol.fit),
        "reconstructions": [scene.reconstruction_key for scene in scenes],
    }
    key = _key("III", teacher.digest, scenes, values, seed)
    best, progress = teach(
        lambda: decoder_lesson(teacher, scenes, settings, repetition, device, report),
        settings, key, seed, store, report,
    )  # fmt: skip
    _put(autoencoder, best)
    return Teacher(autoencoder, teacher.digest, teacher.details | {"stage_3": _story(scenes, progress)})


def check_apart(scene: LatentScene, others: Sequence[LatentScene]) -> None:
    """Guard: no photograph of the scene that is judged is among those of the scenes that teach.

    Raises
    ------
    InputError
        Naming the first that is.
    """
    judged = {_hash(view): view.name for view in scene.scene.views}
    for other in others:
        for view in other.scene.views:
            if (same := judged.get(_hash(view))) is not None:
                raise InputError(
                    f"dataset '{scene.dataset.name}': view {view.name} of scene {other.name} is the photograph {same} of "
                    f"scene {scene.name}, which would be judged on what it has taught; take one of the scenes out"
                )


def _hash(view: Any) -> str:
    return hashlib.sha256(view.image_path.read_bytes()).hexdigest()


def _seed(scenes: Sequence[LatentScene], repetition: int) -> int:
    # Not that of the judged scene: cells that share their training scenes share what these taught.
    return int(digest([scene.seed(repetition) for scene in scenes])[:8], 16)


def _key(stage: str, teacher: str, scenes: Sequence[LatentScene], values: dict[str, Any], seed: int) -> str:
    seen = [scene.seen for scene in scenes]
    return digest(
        {"stage": stage, "version": STAGES_VERSION, "teacher": teacher, "scenes": seen, "values": values, "seed": seed}
    )


def _put(autoencoder: Autoencoder, parameters: dict[str, Tensor]) -> None:
    own = dict(autoencoder.named_parameters())
    with torch.no_grad():
        for name, value in parameters.items():
            own[name].copy_(value)


def _story(scenes: Sequence[LatentScene], progress: Progress) -> dict[str, Any]:
    """For the record: who taught, for how long, and what the held-out loss did."""
    return {
        "scenes": [scene.name for scene in scenes],
        "steps": progress.steps,
        "best_round": progress.best_round,
        "held_out": [round(value, 6) for value in progress.history],
    }
