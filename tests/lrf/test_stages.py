"""Stages I and III: what they learn, what they must never see, and that nothing done is lost."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.errors import CellError, InputError
from benchmark.lrf.artifacts import LatentScene, Teacher
from benchmark.lrf.cells import cells_of
from benchmark.lrf.stages import align_decoder, align_encoder, taught
from benchmark.lrf.training import Lesson, teach
from benchmark.scenes.scene import View
from benchmark.store import Store
from vfm_zoo import registry

SILENT = lambda *told: None  # noqa: E731


def teacher(device: str = "cpu") -> Teacher:
    entry = registry.get_autoencoder("dct_f8")
    return Teacher(registry.load_autoencoder(entry, device), entry.digest())


def scenes_of(dataset, store, protocol, names):
    return [LatentScene(dataset, name, protocol, "known", 8, store) for name in names]


def test_no_photograph_of_the_judged_scene_reaches_training(walls, tmp_path, tiny, task_of, monkeypatch):
    store, read = Store(tmp_path / "store"), set()
    task = task_of(walls, store, "dct_f8", "3dgs_lrf")
    judged = LatentScene(walls, "a", tiny, "known", 8, store)
    plain = View.image

    def noted(view):
        read.add(view.image_path.parents[1].name)
        return plain(view)

    monkeypatch.setattr(View, "image", noted)
    taught(task.cell, judged, "cpu", SILENT)
    assert read == {"b", "c", "d"}


def test_what_is_taught_does_not_hang_on_the_judged_scene(walls, tmp_path, tiny, task_of):
    folder = tmp_path / "walls"
    shutil.copytree(walls.source["folder"], folder)
    copy = replace(walls, source={"kind": "folder", "folder": str(folder)})
    for path in (folder / "a" / "images").iterdir():
        Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    found = []
    for dataset in (walls, copy):
        store = Store(tmp_path / dataset.source["folder"].strip("/").replace("/", "_"))
        task = task_of(dataset, store, "dct_f8", "3dgs_lrf")
        result = taught(task.cell, LatentScene(dataset, "a", tiny, "known", 8, store), "cpu", SILENT)
        found.append((result.digest, dict(result.autoencoder.named_parameters())))
    assert found[0][0] == found[1][0]
    assert all(torch.equal(value, found[1][1][name]) for name, value in found[0][1].items())


def test_a_photograph_in_two_scenes_is_refused(make_walls, tmp_path, tiny, task_of):
    dataset, store = make_walls(a=1, b=3), Store(tmp_path / "store")
    shutil.copy(tmp_path / "walls/a/images/2.png", tmp_path / "walls/b/images/1.png")
    task = task_of(dataset, store, "dct_f8", "lrf_decoder")
    with pytest.raises(InputError, match=r"view 1.png of scene b is the photograph 2.png of scene a"):
        taught(task.cell, LatentScene(dataset, "a", tiny, "known", 8, store), "cpu", SILENT)


def test_keys_hang_on_the_teachers_where_there_are_any(walls, shared_store, tiny):
    def keys(dataset, mode):
        return [
            key for _, key in cells_of(["dct_f8"], [mode], dataset, ["a"], "known", [0], tiny, shared_store, SILENT)
        ]

    fewer = replace(walls, scenes={name: scene for name, scene in walls.scenes.items() if name != "d"})
    assert keys(walls, "3dgs_vae") == keys(fewer, "3dgs_vae")
    assert keys(walls, "lrf_decoder") != keys(fewer, "lrf_decoder")
    alone = replace(walls, scenes={"a": walls.scenes["a"]})
    with pytest.raises(InputError, match="has one scene, so none is left to teach"):
        keys(alone, "lrf_encoder")


def test_the_encoder_brings_latents_of_a_point_together(walls, shared_store, tiny):
    settings = replace(tiny.align_encoder, steps=60, round_steps=20, rate=1e-3, correspondence=1.0, unit="current")
    scenes = scenes_of(walls, shared_store, replace(tiny, align_encoder=settings), "bcd")
    after = align_encoder(teacher(), scenes, 0, "cpu", SILENT)
    history = after.details["stage_1"]["held_out"]
    assert history[-1] < history[0]
    assert after.details["stage_1"]["scenes"] == ["b", "c", "d"]
    assert after.digest != teacher().digest
    names = [name for name, value in after.autoencoder.named_parameters() if not torch.equal(
        value, dict(teacher().autoencoder.named_parameters())[name])]  # fmt: skip
    assert names
    assert all(name.startswith("encoder.") for name in names)
    joint = scenes_of(walls, shared_store, replace(tiny, align_encoder=replace(settings, joint=True)), "bcd")
    both = align_encoder(teacher(), joint, 0, "cpu", SILENT)
    assert not torch.equal(both.autoencoder.decoder.inverse.weight, teacher().autoencoder.decoder.inverse.weight)


def test_the_decoder_learns_from_rendered_latents_alone(walls, shared_store, tiny):
    settings = replace(tiny.align_decoder, steps=40, round_steps=20, plain=0.0)
    scenes = scenes_of(walls, shared_store, replace(tiny, align_decoder=settings), "bcd")
    after = align_decoder(teacher(), scenes, 0, "cpu", SILENT)
    assert after.details["stage_3"]["held_out"][-1] < after.details["stage_3"]["held_out"][0]
    before = teacher()
    assert torch.equal(after.autoencoder.encoder.transform.weight, before.autoencoder.encoder.transform.weight)
    assert not torch.equal(after.autoencoder.decoder.inverse.weight, before.autoencoder.decoder.inverse.weight)
    # Its latents are what they were, so its fields may be shared with the frozen autoencoder's.
    assert after.digest == before.digest


def test_scenes_without_matches_end_stage_one_with_their_name(make_walls, tmp_path, tiny, task_of):
    dataset, store = make_walls(a=1, b=None), Store(tmp_path / "store")
    task = task_of(dataset, store, "dct_f8", "lrf_encoder")
    with pytest.raises(CellError, match="scene walls/b: no two train views have 4 verified matches"):
        taught(task.cell, LatentScene(dataset, "a", tiny, "known", 8, store), "cpu", SILENT)


def quadratic(value: float = 5.0, stop_at: int | None = None, held_out=None) -> tuple[Lesson, torch.nn.Parameter]:
    """A parameter that is drawn towards noisy zeros."""
    parameter, calls = torch.nn.Parameter(torch.tensor([value])), [0]

    def loss(generator: torch.Generator) -> torch.Tensor:
        calls[0] += 1
        if calls[0] == stop_at:
            raise KeyboardInterrupt
        return (parameter - torch.randn(1, generator=generator)).square().sum()

    return Lesson("lesson", {"p": parameter}, loss, held_out or (lambda: float(parameter.square()))), parameter


def test_a_stopped_lesson_goes_on_where_it_was_and_ends_the_same(tmp_path, tiny):
    settings = replace(tiny.align_encoder, steps=50, round_steps=10, rate=0.1)
    whole, progress = teach(lambda: quadratic()[0], settings, "a" * 64, 3, Store(tmp_path / "one"), SILENT)
    store = Store(tmp_path / "two")
    with pytest.raises(KeyboardInterrupt):
        teach(lambda: quadratic(stop_at=34)[0], settings, "a" * 64, 3, store, SILENT)
    told = []
    lesson, _ = quadratic()
    again, resumed = teach(lambda: lesson, settings, "a" * 64, 3, store, lambda *state: told.append(state[1]))
    assert told[0] == 31
    assert torch.equal(whole["p"], again["p"])
    assert progress.history == resumed.history
    assert not list((tmp_path / "two" / "partial").iterdir())
    assert len(list((tmp_path / "two" / "trained").glob("*/*"))) == 1
    teach(lambda: pytest.fail("it has been taught before"), settings, "a" * 64, 3, store, SILENT)


def test_the_best_is_kept_and_patience_ends(tmp_path, tiny):
    settings = replace(tiny.align_encoder, steps=1000, round_steps=10, rate=0.1, patience=2)
    values = iter([3.0, 2.0, 2.5, 2.4, 1.0])
    lesson, parameter = quadratic(held_out=lambda: next(values))
    best, progress = teach(lambda: lesson, settings, "b" * 64, 0, Store(tmp_path / "store"), SILENT)
    assert (progress.steps, progress.best_round, progress.history) == (30, 1, [3.0, 2.0, 2.5, 2.4])
    assert abs(float(best["p"])) > abs(float(parameter))
    assert not parameter.requires_grad


def test_a_loss_that_is_no_number_ends_with_the_step(tmp_path, tiny):
    lesson, _ = quadratic(float("nan"), held_out=lambda: 1.0)
    with pytest.raises(CellError, match=r"lesson: the loss is nan at step 1"):
        teach(lambda: lesson, tiny.align_encoder, "c" * 64, 0, Store(tmp_path / "store"), SILENT)
    lesson, _ = quadratic(held_out=lambda: float("nan"))
    with pytest.raises(CellError, match="held-out loss is nan after 0 steps"):
        teach(lambda: lesson, tiny.align_encoder, "d" * 64, 0, Store(tmp_path / "store"), SILENT)
    assert not Path(tmp_path / "store" / "trained" / "cc" / ("c" * 64)).exists()
