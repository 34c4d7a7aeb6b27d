"""Files of DTU's own evaluation, written by SciPy and plyfile."""

from __future__ import annotations

import numpy as np
import pytest
from plyfile import PlyData, PlyElement
from scipy.io import savemat

from benchmark.errors import InputError
from benchmark.scenes.dtu_official import official_truth


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "ObsMask").mkdir()
    (tmp_path / "Points" / "stl").mkdir(parents=True)
    mask = np.zeros((3, 4, 5), np.uint8)
    mask[1, 2, 3] = 1
    savemat(
        tmp_path / "ObsMask" / "ObsMask24_10.mat",
        {"ObsMask": mask, "BB": np.array([[-1.0, -2.0, -3.0], [9.0, 9.0, 9.0]]), "Res": 2.5},
    )
    savemat(tmp_path / "ObsMask" / "Plane24.mat", {"P": np.array([[0.0], [0.0], [1.0], [-600.0]])})
    points = np.array([(1, 2, 3), (4, 5, 6)], dtype=[("x", "f4"), ("y", "f4"), ("z", "f4")])
    PlyData([PlyElement.describe(points, "vertex")]).write(str(tmp_path / "Points" / "stl" / "stl024_total.ply"))
    return tmp_path


def test_everything_is_read(folder):
    truth = official_truth(folder, "scan24")
    assert truth is not None
    assert truth.points.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert np.argwhere(truth.observable).tolist() == [[1, 2, 3]]
    assert truth.corner.tolist() == [-1, -2, -3]
    assert truth.voxel == 2.5
    assert truth.plane.tolist() == [0, 0, 1, -600]


def test_without_its_files_there_is_none(folder):
    assert official_truth(folder, "scan1") is None
    assert official_truth(folder, "plushies") is None


def test_a_damaged_file_is_named(folder):
    (folder / "ObsMask" / "Plane24.mat").write_bytes(b"no matlab")
    with pytest.raises(InputError, match=r"Plane24\.mat: no MATLAB file with P"):
        official_truth(folder, "scan24")
    (folder / "ObsMask" / "Plane24.mat").unlink()
    savemat(folder / "ObsMask" / "Plane24.mat", {"P": np.ones((4, 1))})
    (folder / "Points" / "stl" / "stl024_total.ply").write_bytes(b"ply\n")
    with pytest.raises(InputError, match=r"stl024_total\.ply"):
        official_truth(folder, "scan24")
