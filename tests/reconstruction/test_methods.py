"""One registry of methods: names, keys, and nothing made twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmark.cameras import Camera
from benchmark.cells import Cell
from benchmark.errors import InputError
from benchmark.feat2gs.inputs import gather
from benchmark.plan import Selection, plan
from benchmark.protocols import LITE, PAPER, STRICT, Motion, Pairs, Stereo
from benchmark.reconstruction import known
from benchmark.reconstruction.against_truth import compare, transformed
from benchmark.reconstruction.methods import METHODS, get_method
from benchmark.scenes.spec import dataset_from_folder
from benchmark.store import Store

TINY = replace(LITE, images=replace(LITE.images, long_side=32, feature_long_side=64))


def test_every_method_loads_and_an_unknown_one_answers_with_the_nearest(tmp_path, photographs):
    assert all(callable(get_method(name)) for name in METHODS)
    selection = Selection(["iuvrgb"], str(photographs()), reconstruction="dust3")
    with pytest.raises(InputError, match=r"'dust3' is unknown.*'dust3r'"):
        plan(selection, Store(tmp_path / "store"))


def test_a_scene_without_cameras_is_refused_before_anything_runs(tmp_path, photographs):
    folder = photographs(depth=False)
    (folder / "cameras.json").unlink()
    store = Store(tmp_path / "store")
    with pytest.raises(InputError, match=r"0\.png has no camera.*--reconstruction colmap"):
        plan(Selection(["iuvrgb"], str(folder)), store)
    assert plan(Selection(["iuvrgb"], str(folder), reconstruction="colmap"), store)


def test_the_method_and_what_it_reads_are_in_the_key_and_nothing_else(tmp_path, photographs, monkeypatch):
    from benchmark.protocols import PROTOCOLS

    folder, store = str(photographs()), Store(tmp_path / "store")

    def keys(method: str, **settings) -> set[str]:
        monkeypatch.setitem(PROTOCOLS, "lite", replace(LITE, reconstruct=replace(LITE.reconstruct, **settings)))
        return {task.key for task in plan(Selection(["iuvrgb"], folder, reconstruction=method), store)}

    assert not keys("known") & keys("colmap")
    assert keys("known") == keys("known", pairs=Pairs(long_side=224))
    assert keys("dust3r") != keys("dust3r", pairs=Pairs(long_side=224))
    assert keys("known") != keys("known", stereo=Stereo(planes=40))
    assert keys("colmap") != keys("colmap", motion=Motion(intrinsics="known"))


def test_protocols_differ_in_values_alone():
    for protocol in (PAPER, STRICT, LITE):
        assert {"stereo"} == {part for part in protocol.reconstruct.values("known") if part in ("stereo", "pairs")}
    assert not PAPER.reconstruct.pairs.true_similarity and STRICT.reconstruct.pairs.true_similarity
    assert PAPER.reconstruct.pairs.align.focal == "averaged" and PAPER.reconstruct.pairs.mask_absolute == 0.01


def test_a_scene_is_reconstructed_once_for_entries_modes_and_seeds(tmp_path, photographs, monkeypatch):
    spec, store, calls = dataset_from_folder(photographs()), Store(tmp_path / "store"), []
    recover = known.recover
    monkeypatch.setattr(known, "recover", lambda request: calls.append(request) or recover(request))
    for entry in ("iuvrgb", "iuv", "instantsplat"):
        for mode in ("geometry", "texture"):
            for seed in (0, 1):
                cell = Cell("feat2gs", entry, spec.name, spec.name, mode, "known", "lite", seed)
                gather(cell, spec, TINY, store, "cpu")
    assert len(calls) == 1
    gather(cell, spec, replace(TINY, reconstruct=replace(TINY.reconstruct, world_radius=2.0)), store, "cpu")
    assert len(calls) == 2


def test_views_that_were_not_placed_are_neither_trained_on_nor_judged(tmp_path, photographs, monkeypatch):
    spec, store = dataset_from_folder(photographs(count=9)), Store(tmp_path / "store")
    recover = known.recover

    def without_some(request):
        made = recover(request)
        return replace(
            made,
            train=made.train[1:],
            cameras=made.cameras[1:],
            depth=replace(made.depth, **{k: getattr(made.depth, k)[1:] for k in ("z", "confidence", "valid")}),
            test=made.test[:1],
            test_cameras=made.test_cameras[:1],
            left_out=("0.png", "6.png"),
        )

    monkeypatch.setattr(known, "recover", without_some)
    cell = Cell("feat2gs", "iuvrgb", spec.name, spec.name, "geometry", "known", "lite", 0)
    inputs = gather(cell, spec, TINY, store, "cpu")
    assert [inputs.scene.views[index].name for index in inputs.train] == ["4.png", "8.png"]
    assert [view.name for view in inputs.scene.test_views] == ["2.png"]
    assert len(inputs.reconstruction.cameras) == len(inputs.features.grid) == 2
    assert inputs.reconstruction.left_out == ("0.png", "6.png")


def test_cameras_are_compared_after_the_similarity_between_their_frames(row_cameras):
    dice = np.random.default_rng(0)
    rotation, _ = np.linalg.qr(dice.normal(size=(3, 3)))
    rotation *= np.sign(np.linalg.det(rotation))
    true = row_cameras(3, 0.5, (40, 30))
    shift = np.array([1.0, -2.0, 3.0])
    found = compare([transformed(camera, 0.25, rotation, shift) for camera in true], true)
    assert found.scale == pytest.approx(4)
    assert found.rotation_errors.max() < 1e-5 and found.center_errors.max() < 1e-9
    assert np.allclose(found.rotation, rotation.T) and np.allclose(found.focal_errors, 0)
    # A camera that has turned by 3 degrees and moved.
    angle = np.radians(3)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    turned = [Camera(turn @ true[0].world_to_camera, true[0].intrinsics * [[1.1], [1.1], [1]], 40, 30), *true[1:]]
    off = compare(turned, true)
    assert np.allclose(off.rotation_errors, [2, 1, 1], atol=1e-3)
    assert off.focal_errors[0] == pytest.approx(0.1)
