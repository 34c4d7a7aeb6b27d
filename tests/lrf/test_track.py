"""Cells of the second track from photographs to records, and what happens with bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.cli.main import app, call
from benchmark.executors.worker import run_task
from benchmark.lrf import artifacts
from benchmark.lrf.cells import expand_autoencoders
from benchmark.lrf.modes import FREE, IMAGE_BASELINES, MODES
from benchmark.protocols.lrf import LATENT_PROTOCOLS
from benchmark.store import Store
from vfm_zoo.loading.autoencoder import Halves

SILENT = lambda *told: None  # noqa: E731


def run(task, store):
    outcome = run_task(task, store, SILENT)
    return outcome, store.read_record(task.key)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_leaves_a_whole_record(mode, walls, shared_store, task_of):
    task = task_of(walls, shared_store, "dct_f8", mode)
    outcome, record = run(task, shared_store)
    assert outcome.status == "ok", outcome.reason
    expected = {"psnr", "ssim", "psnr_tint_free", "psnr_reconstruction", "retention", "latent_error", "match_distance"}
    assert expected <= set(record.metrics)
    value = {name: measured.value for name, measured in record.metrics.items()}
    assert value["retention"] == pytest.approx(value["psnr"] - value["psnr_reconstruction"])
    assert value["psnr"] > 12
    assert value["psnr_tint_free"] >= value["psnr"] - 1e-6
    assert record.details["crop"] == [2, 1, 80, 64]
    assert record.details["size"] == [84, 66]
    assert ("stage_1" in record.details) == MODES[mode].encoder
    assert ("stage_3" in record.details) == MODES[mode].decoder
    folder = shared_store.path("cells", task.key)
    shown, truth = (np.asarray(Image.open(folder / kind / "2.png")) for kind in ("renders", "truth"))
    assert shown.shape == truth.shape == (64, 80, 3)
    error = ((shown / 255.0 - truth / 255.0) ** 2).mean()
    assert -10 * np.log10(error) == pytest.approx(value["psnr"], abs=0.1)
    if MODES[mode].field != "nerf":
        header = (folder / "gaussians.ply").read_bytes()[:4000].decode("ascii", "ignore")
        assert "property float latent_dc_15" in header


@pytest.mark.parametrize("entry", IMAGE_BASELINES)
def test_image_baselines_say_that_they_have_no_latents(entry, walls, shared_store, task_of):
    task = task_of(walls, shared_store, entry, "3dgs_vae")
    assert task.cell.mode == FREE
    _, record = run(task, shared_store)
    assert record.metrics["psnr"].value > 12
    assert record.absent["retention"] == "a baseline in image space has no latents"


def test_latents_are_encoded_once_and_fields_are_shared(walls, tmp_path, task_of, monkeypatch):
    store, calls = Store(tmp_path / "store"), []
    plain = artifacts.encode
    monkeypatch.setattr(artifacts, "encode", lambda *given: calls.append(1) or plain(*given))
    for mode in ("3dgs_vae", "latent_nerf", "feature_gs"):
        outcome, _ = run(task_of(walls, store, "dct_f8", mode), store)
        assert outcome.status == "ok", outcome.reason
    assert len(calls) == 2  # train and test views
    assert len(list((tmp_path / "store" / "fields").glob("*/*"))) == 1
    assert run(task_of(walls, store, "dct_f8", "3dgs_vae"), store)[0].cached


@pytest.mark.parametrize("channels", [1, 64])
def test_one_channel_and_sixty_four(channels, walls, tmp_path, task_of, autoencoder_of):
    store = Store(tmp_path / "store")
    outcome, record = run(task_of(walls, store, autoencoder_of(channels=channels), "3dgs_vae"), store)
    assert outcome.status == "ok", outcome.reason
    assert record.details["channels"] == channels


def nan_decoder(entry, device):
    class Broken(torch.nn.Module):
        def forward(self, latents):
            return torch.full((len(latents), 3, latents.shape[2] * 8, latents.shape[3] * 8), torch.nan)

    return Halves(torch.nn.Conv2d(3, 16, 8, 8), Broken())


def constant_encoder(entry, device):
    encoder = torch.nn.Conv2d(3, 16, 8, 8)
    encoder.weight.data[:3] = 0
    return Halves(encoder, torch.nn.ConvTranspose2d(16, 3, 8, 8))


def test_a_decoder_that_gives_nan_is_a_failure_with_its_reason(walls, tmp_path, task_of, autoencoder_of, monkeypatch):
    monkeypatch.setattr("vfm_zoo.autoencoders.block_cosine.load", nan_decoder)
    store = Store(tmp_path / "store")
    outcome, record = run(task_of(walls, store, autoencoder_of(), "3dgs_vae"), store)
    assert (outcome.status, record.status) == ("failed", "failed")
    assert record.reason.startswith("decoding rendered latents: autoencoder 'trial': gave values that are not finite")


def test_constant_channels_are_recorded_and_harm_nothing(walls, tmp_path, task_of, autoencoder_of, monkeypatch):
    monkeypatch.setattr("vfm_zoo.autoencoders.block_cosine.load", constant_encoder)
    store = Store(tmp_path / "store")
    outcome, record = run(task_of(walls, store, autoencoder_of(), "3dgs_vae"), store)
    assert outcome.status == "ok", outcome.reason
    assert record.details["constant_channels"] == [0, 1, 2]


def test_a_scene_without_matches_has_the_reason_in_its_record(make_walls, tmp_path, task_of):
    dataset, store = make_walls(a=None), Store(tmp_path / "store")
    outcome, record = run(task_of(dataset, store, "dct_f8", "3dgs_vae"), store)
    assert outcome.status == "ok", outcome.reason
    assert record.absent["match_ratio"] == "no two train views have enough verified matches"


def test_the_same_cell_gives_the_same_numbers(walls, tmp_path, task_of):
    found = []
    for name in ("one", "two"):
        store = Store(tmp_path / name)
        _, record = run(task_of(walls, store, "dct_f8", "3dgs_vae"), store)
        found.append({metric: value.value for metric, value in record.metrics.items()})
    assert found[0] == found[1]


def test_from_the_command_to_the_page(tmp_path, capsys, monkeypatch, tiny, photographs):
    monkeypatch.setitem(LATENT_PROTOCOLS, "lite", tiny)
    folder = photographs("rooms", size=(84, 66))
    asked = ["run", "--track", "lrf", "--entry", "dct_f8,dct_f8_c4,mip_splatting_8", "--dataset", str(folder)]
    asked += ["--seeds", "1", "--slots", "1", "--store", str(tmp_path / "store"), "--site", str(tmp_path / "site")]
    code = call(app, asked)
    out, err = capsys.readouterr()
    assert code == 0, out + err
    (page,) = (tmp_path / "site" / "board").glob("lrf~*/rooms.html")
    text = page.read_text(encoding="utf-8")
    assert "Latent radiance fields" in text
    assert "Frozen autoencoder" in text
    table = json.loads(next(page.parent.glob("rooms~3dgs_vae.json")).read_text(encoding="utf-8"))
    assert "dct_f8_c4" in json.dumps(table)
    card = (tmp_path / "site" / "entry" / "dct_f8.html").read_text(encoding="utf-8")
    assert "splatbench run --track lrf --entry dct_f8" in card or "Cosine transform" in card


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--entry", "dct_f9"], "autoencoder 'dct_f9' is unknown: did you mean 'dct_f8'"),
        (
            ["--entry", "dct_f8", "--mode", "3dgs_lfr"],
            "mode '3dgs_lfr' is unknown to the track 'lrf': did you mean '3dgs_lrf'",
        ),
        (
            ["--entry", "dct_f8", "--protocol", "lite_geometry"],
            "protocol 'lite_geometry' is unknown to the track 'lrf'",
        ),
        (["--entry", "efficientnet_lite0"], "autoencoder 'efficientnet_lite0' is unknown"),
    ],
)
def test_wrong_names_answer_with_the_nearest(arguments, message, tmp_path, capsys):
    code = call(
        app, ["run", "--track", "lrf", *arguments, "--store", str(tmp_path / "s"), "--site", str(tmp_path / "p")]
    )
    assert code == 2
    assert message in capsys.readouterr().err


def test_names_and_wildcards():
    assert expand_autoencoders(["dct_f8*", "mip*"]) == [
        "dct_f8",
        "dct_f8_c32",
        "dct_f8_c4",
        "dct_f8_wide",
        "mip_splatting_8",
    ]
