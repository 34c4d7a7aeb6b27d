"""Reading the files of DTU's own evaluation: ``ObsMask/ObsMask<scan>_10.mat``, ``ObsMask/Plane<scan>.mat``, ``Points/stl``."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from benchmark.errors import InputError
from benchmark.metrics.dtu import OfficialTruth
from benchmark.scenes.spec import DatasetSpec


def official_truth_of(dataset: DatasetSpec, scene_name: str) -> OfficialTruth | None:
    """Truth of a DTU scan in ``official/`` of the dataset's folder; None for other datasets and where it is absent."""
    folder = dataset.source.get("folder")
    return (
        None if dataset.layout != "mvsnet" or folder is None else official_truth(Path(folder) / "official", scene_name)
    )


def official_truth(folder: Path, scene_name: str) -> OfficialTruth | None:
    """Truth of ``scan<number>``, or None where its three files are not in the folder.

    Raises
    ------
    InputError
        If a file is there and cannot be read; names it.
    """
    number = re.fullmatch(r"scan(\d+)", scene_name)
    if number is None:
        return None
    scan = int(number[1])
    mask, plane = folder / "ObsMask" / f"ObsMask{scan}_10.mat", folder / "ObsMask" / f"Plane{scan}.mat"
    cloud = folder / "Points" / "stl" / f"stl{scan:03d}_total.ply"
    if not all(path.is_file() for path in (mask, plane, cloud)):
        return None
    volume = _matlab(mask, ("ObsMask", "BB", "Res"))
    return OfficialTruth(
        points=_points(cloud),
        observable=volume["ObsMask"].astype(bool),
        corner=volume["BB"][0].astype(np.float64),
        voxel=float(volume["Res"].item()),
        plane=_matlab(plane, ("P",))["P"].astype(np.float64).reshape(4),
    )


def _matlab(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        values = loadmat(path, variable_names=names)
        return {name: np.asarray(values[name]) for name in names}
    except (MatReadError, OSError, ValueError, KeyError, TypeError, NotImplementedError):
        raise InputError(f"{path}: no MATLAB file with {', '.join(names)}; unpack DTU's SampleSet again") from None


def _points(path: Path) -> np.ndarray:
    from plyfile import PlyData, PlyParseError

    try:
        vertex = PlyData.read(str(path))["vertex"]
        return np.stack([vertex[axis] for axis in "xyz"], axis=1).astype(np.float64)
    except (PlyParseError, OSError, KeyError, ValueError, UnicodeDecodeError):
        raise InputError(f"{path}: no PLY file with points; unpack DTU's Points archive again") from None
