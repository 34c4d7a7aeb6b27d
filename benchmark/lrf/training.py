"""Teaching a network in rounds: stopped early by what is held out, kept in the store, and taken up where it was left."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from benchmark.cells import digest
from benchmark.errors import CellError, InputError
from benchmark.protocols.lrf import AlignDecoder, AlignEncoder
from benchmark.report import Report
from benchmark.splatting.fitting import LossGuard
from benchmark.store import Store, write_durably
from vfm_zoo.errors import ZooError

KIND = "trained"
Value = TypeVar("Value")


@dataclass(frozen=True)
class Lesson:
    """What is taught.

    Attributes
    ----------
    stage
        Its name, for messages and progress.
    parameters
        What learns, by name.
    loss
        Of one step, drawn with the generator.
    held_out
        Loss on what is held out; no draw, no gradient.
    """

    stage: str
    parameters: Mapping[str, nn.Parameter]
    loss: Callable[[torch.Generator], Tensor]
    held_out: Callable[[], float]


@dataclass
class Progress:
    """Where training stands: rounds done, the loss held out before and after each, and the best parameters so far."""

    history: list[float] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    steps: int = 0

    @property
    def best_round(self) -> int:
        """0 where nothing was better than not to train."""
        return self.history.index(min(self.history))


def teach(
    lesson: Callable[[], Lesson],
    settings: AlignEncoder | AlignDecoder,
    key: str,
    seed: int,
    store: Store,
    report: Report,
) -> tuple[dict[str, Tensor], Progress]:
    """The best parameters of a lesson and how it went; from the store where it has been taught before.

    Parameters
    ----------
    lesson
        Prepares it; called only if it has to be taught.

    Raises
    ------
    CellError
        If the loss, or what is held out, stops being a number.
    """
    folder = store.make(KIND, key, lambda path: _teach(path, lesson(), settings, key, seed, store, report))
    tensors, progress = _load(folder)
    return tensors, progress


def _teach(
    folder: Path,
    lesson: Lesson,
    settings: AlignEncoder | AlignDecoder,
    key: str,
    seed: int,
    store: Store,
    report: Report,
) -> None:
    checkpoint = digest({"checkpoint of": key})
    optimizer = torch.optim.Adam(lesson.parameters.values(), lr=settings.rate)
    for parameter in lesson.parameters.values():
        parameter.requires_grad_(True)
    try:
        progress = _resumed(lesson, optimizer, store.path(KIND, checkpoint))
        guard = LossGuard(lesson.stage, settings.steps)
        while progress.steps < settings.steps and len(progress.history) - 1 - progress.best_round < settings.patience:
            # A round draws from its own seed, so that one that is taken up again goes on with the same draws.
            generator = torch.Generator().manual_seed(seed + len(progress.history))
            for _ in range(min(settings.round_steps, settings.steps - progress.steps)):
                loss = _finite(lesson, partial(lesson.loss, generator))
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                progress.steps += 1
                report(lesson.stage, progress.steps, settings.steps, guard(progress.steps - 1, loss))
            _look(lesson, progress)
            store.publish(KIND, checkpoint, lambda path: _save(path, progress, _state(lesson, optimizer)))
    finally:
        for parameter in lesson.parameters.values():
            parameter.requires_grad_(False)
    _save(folder, progress, {})
    store.discard(KIND, checkpoint)


def _finite(lesson: Lesson, compute: Callable[[], Value]) -> Value:
    try:
        return compute()
    except ZooError as error:
        raise CellError(f"{lesson.stage}: {error}; lower the protocol's rate") from None


def _look(lesson: Lesson, progress: Progress) -> None:
    with torch.no_grad():
        value = _finite(lesson, lesson.held_out)
    if not math.isfinite(value):
        raise CellError(f"{lesson.stage}: the held-out loss is {value} after {progress.steps} steps; lower the rate")
    progress.history.append(value)
    if value <= min(progress.history):
        progress.best = {name: parameter.detach().cpu().clone() for name, parameter in lesson.parameters.items()}


def _resumed(lesson: Lesson, optimizer: torch.optim.Optimizer, folder: Path) -> Progress:
    """Progress of the checkpoint, if there is one, with parameters and moments put in place; else before any step."""
    if not folder.is_dir():
        progress = Progress()
        _look(lesson, progress)
        return progress
    tensors, progress = _load(folder)
    for name, parameter in lesson.parameters.items():
        with torch.no_grad():
            parameter.copy_(tensors[f"now.{name}"])
        moments = {part: tensors[f"{part}.{name}"].to(parameter) for part in ("exp_avg", "exp_avg_sq")}
        optimizer.state[parameter] = {"step": torch.tensor(float(progress.steps)), **moments}
    return progress


def _state(lesson: Lesson, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    state = {f"now.{name}": parameter.detach() for name, parameter in lesson.parameters.items()}
    for name, parameter in lesson.parameters.items():
        for part in ("exp_avg", "exp_avg_sq"):
            state[f"{part}.{name}"] = optimizer.state[parameter][part]
    return state


def _save(folder: Path, progress: Progress, state: Mapping[str, Tensor]) -> None:
    tensors = {f"best.{name}": value for name, value in progress.best.items()} | dict(state)
    data = save({name: value.cpu().contiguous() for name, value in tensors.items()})
    (folder / "parameters.safetensors").write_bytes(data)
    about = {"history": progress.history, "steps": progress.steps}
    write_durably(folder / "training.json", json.dumps(about, allow_nan=False))


def _load(folder: Path) -> tuple[dict[str, Tensor], Progress]:
    try:
        tensors = load_file(folder / "parameters.safetensors")
        about = json.loads((folder / "training.json").read_text(encoding="utf-8"))
        best = {name.removeprefix("best."): value for name, value in tensors.items() if name.startswith("best.")}
        progress = Progress(about["history"], best, about["steps"])
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise InputError(
            f"{folder}: damaged training ({type(error).__name__}); remove this folder, it is then made again"
        ) from None
    return (tensors, progress) if any(name.startswith("now.") for name in tensors) else (best, progress)
