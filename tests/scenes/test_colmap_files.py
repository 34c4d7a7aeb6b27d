"""COLMAP's binary files: whole ones pass, and none that is cut or lies about a count reaches pycolmap."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pycolmap
import pytest

from benchmark.scenes.colmap_files import is_consistent


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """Two rigs of three cameras, written by pycolmap."""
    options = pycolmap.SyntheticDatasetOptions()
    options.num_rigs, options.num_cameras_per_rig, options.num_frames_per_rig, options.num_points3D = 2, 3, 2, 20
    folder = tmp_path_factory.mktemp("model")
    pycolmap.synthesize_dataset(options).write_binary(folder)
    return folder


def test_what_pycolmap_writes_is_consistent(model):
    assert sorted(path.name for path in model.iterdir()) == [
        "cameras.bin", "frames.bin", "images.bin", "points3D.bin", "rigs.bin",
    ]  # fmt: skip
    assert is_consistent(model)


@pytest.mark.parametrize("part", ["cameras", "images", "points3D", "rigs", "frames"])
def test_cut_files_and_large_counts_are_seen(model, tmp_path, part):
    copy = tmp_path / "copy"
    shutil.copytree(model, copy)
    path = copy / f"{part}.bin"
    whole = path.read_bytes()
    for length in (0, 3, 8, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        # Cameras have no lengths inside: a cut within the last is pycolmap's to find.
        assert not is_consistent(copy) or part == "cameras"
    for count in (2**62, 2**32, struct.unpack_from("<Q", whole)[0] + 1000):
        path.write_bytes(struct.pack("<Q", count) + whole[8:])
        assert not is_consistent(copy)
