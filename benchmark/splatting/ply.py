"""Gaussians as the PLY file that other tools open (SuperSplat, gsplat's viewer, the original 3DGS code).

One binary little-endian element ``vertex`` of float32 properties, in this order::

    x y z  nx ny nz  f_dc_0..2  f_rest_0..  opacity  scale_0..2  rot_0..3

with raw parameters (logit of the opacity, log of the scales, quaternion ``w x y z``), zero normals, and the
coefficients of the higher bands one channel after the other (all of red, then green, then blue).

A field of any other number of channels C is written with colours that viewers can show in ``f_dc_0..2``, no
``f_rest``, and its own coefficients behind: ``latent_dc_0..C-1``, then ``latent_rest_*`` one channel after the other.
Readers ignore properties they do not know.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from benchmark.errors import InputError
from benchmark.splatting.gaussians import Gaussians

# Value of the constant spherical harmonic: a DC coefficient c shows as 0.5 + SH_C0 * c.
SH_C0 = 0.28209479177387814
MAX_HEADER_BYTES = 1 << 20
BYTE_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">"}
SCALAR_TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"},
    **{"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"},
    **{"float": "f4", "double": "f8", "float32": "f4", "float64": "f8"},
}
MEANS = ["x", "y", "z"]
NORMALS = ["nx", "ny", "nz"]
SCALES = [f"scale_{axis}" for axis in range(3)]
ROTATION = [f"rot_{part}" for part in range(4)]


@contextmanager
def published(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` (same suffix) that becomes ``path`` if the block ends without an error."""
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}; create it or choose another")
    partial = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:12]}{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_ply(path: Path, gaussians: Gaussians, preview: Float[Tensor, "gaussian 3"] | None = None) -> None:
    """Write Gaussians to a PLY file, complete or not at all.

    Parameters
    ----------
    preview
        Colours in [0, 1] that viewers show where the field does not have three channels; None makes some of the
        field's three main directions of variation. Not read back.

    Raises
    ------
    InputError
        If the folder does not exist.
    """
    columns = _columns(gaussians, preview)
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(gaussians.means)}"]
    header += [f"property float {name}" for names, _ in columns for name in names]
    values = np.concatenate([block for _, block in columns], axis=1, dtype="<f4")
    with published(Path(path)) as partial, partial.open("wb") as file:
        file.write("\n".join([*header, "end_header", ""]).encode("ascii"))
        file.write(values.data)


def _columns(gaussians: Gaussians, preview: Tensor | None) -> list[tuple[list[str], Float32[np.ndarray, "gaussian _"]]]:
    """Names of properties and their values, in the order of the file."""

    def array(tensor: Tensor) -> np.ndarray:
        return tensor.detach().to("cpu", torch.float32).numpy()

    sh = array(gaussians.sh)
    count, coefficients, channels = sh.shape
    # [gaussian, coefficient, channel] -> one channel after the other.
    rest = sh[:, 1:].transpose(0, 2, 1).reshape(count, (coefficients - 1) * channels)
    if channels == 3:
        color, latents = [_numbered("f_dc_", sh[:, 0]), _numbered("f_rest_", rest)], []
    else:
        shown = _preview(sh[:, 0]) if preview is None else array(preview)
        color = [_numbered("f_dc_", (shown - 0.5) / SH_C0)]
        latents = [_numbered("latent_dc_", sh[:, 0]), _numbered("latent_rest_", rest)]
    means = array(gaussians.means)
    return [
        (MEANS, means),
        (NORMALS, np.zeros_like(means)),
        *color,
        (["opacity"], array(gaussians.opacity_logits)[:, None]),
        (SCALES, array(gaussians.log_scales)),
        (ROTATION, array(gaussians.quaternions)),
        *latents,
    ]


def _numbered(prefix: str, values: np.ndarray) -> tuple[list[str], np.ndarray]:
    return [f"{prefix}{index}" for index in range(values.shape[1])], values


def _preview(features: Float32[np.ndarray, "gaussian channel"]) -> Float32[np.ndarray, "gaussian 3"]:
    """Colours of the three main directions of variation, two standard deviations filling the range."""
    centered = (features - features.mean(axis=0)).astype(np.float64) if len(features) else features
    directions = np.linalg.svd(centered.T @ centered, hermitian=True)[2][:3]
    # A direction's sign is arbitrary; its largest entry is made positive so that equal files come of equal fields.
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    projected = centered @ (directions * np.sign(largest)).T
    deviation = projected.std(axis=0) if len(features) else np.ones(len(directions))
    colors = np.full((len(features), 3), 0.5, np.float32)
    colors[:, : len(directions)] += (projected / np.maximum(4 * deviation, 1e-12)).astype(np.float32)
    return colors.clip(0, 1)


def read_ply(path: Path) -> Gaussians:
    """Gaussians of a PLY file, ours or another tool's.

    Any scalar property types, extra properties and elements behind ``vertex`` are accepted; the degree follows from
    the number of ``f_rest_*`` (or ``latent_rest_*``), 0 to 3.

    Raises
    ------
    InputError
        Naming the file and what is wrong with it: absent, no PLY, text format, truncated, a missing property, a number
        of coefficients that no degree has, a value that is not finite.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            layout, count = _read_header(file, path)
            # Before anything of that size is allocated.
            available = path.stat().st_size - file.tell()
            if available < count * layout.itemsize:
                raise InputError(
                    f"{path}: truncated; {count} vertices of {layout.itemsize} bytes need {count * layout.itemsize}"
                    f" bytes, {available} are there; write or download it again"
                )
            vertices = np.fromfile(file, layout, count)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give the path of a PLY file") from None

    def columns(names: list[str]) -> Tensor:
        absent = [name for name in names if name not in (layout.names or ())]
        if absent:
            raise InputError(f"{path}: no 3DGS file, property {absent[0]} is missing; expected what `write_ply` writes")
        values = np.empty((count, len(names)), np.float32)
        for index, name in enumerate(names):
            values[:, index] = vertices[name]
        bad = ~np.isfinite(values)
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise InputError(f"{path}: {names[column]} of vertex {row} is not finite; the fit that wrote it diverged")
        return torch.from_numpy(values)

    return Gaussians(
        means=columns(MEANS),
        log_scales=columns(SCALES),
        quaternions=columns(ROTATION),
        opacity_logits=columns(["opacity"])[:, 0],
        sh=_coefficients(columns, layout.names or (), path),
    )


def _coefficients(
    columns: Callable[[list[str]], Tensor], names: tuple[str, ...], path: Path
) -> Float[Tensor, "gaussian coefficient channel"]:
    """The field's own coefficients, degree 0 to 3."""
    family = "latent" if "latent_dc_0" in names else "f"

    def of(prefix: str) -> list[str]:
        found = sum(name.startswith(prefix) for name in names)
        return [f"{prefix}{index}" for index in range(found)]

    dc_names = of("latent_dc_") if family == "latent" else ["f_dc_0", "f_dc_1", "f_dc_2"]
    rest_names = of(f"{family}_rest_")
    channels = len(dc_names)
    if len(rest_names) not in {((degree + 1) ** 2 - 1) * channels for degree in range(4)}:
        raise InputError(
            f"{path}: {len(rest_names)} properties {family}_rest_* with {channels} channels are no degree;"
            f" expected {', '.join(str(((degree + 1) ** 2 - 1) * channels) for degree in range(4))} (degrees 0 to 3)"
        )
    constant = columns(dc_names)[:, None, :]
    if not rest_names:
        return constant
    rest = columns(rest_names).unflatten(1, (channels, len(rest_names) // channels))
    return torch.cat([constant, rest.transpose(1, 2)], dim=1)


def _read_header(file: BinaryIO, path: Path) -> tuple[np.dtype, int]:
    """Layout of a vertex and how many there are; the file then stands at the first one."""
    lines = _header_lines(file, path)
    form = next((line[1] for line in lines if line[0] == "format" and len(line) == 3), None)
    if form not in BYTE_ORDERS:
        raise InputError(f"{path}: format {form!r} is not read; convert it to binary_little_endian")
    elements = [index for index, line in enumerate(lines) if line[0] == "element"]
    if not elements or lines[elements[0]][1:2] != ["vertex"]:
        raise InputError(f"{path}: the first element is not 'vertex'; compressed or mesh files are not read")
    vertex = lines[elements[0]]
    if len(vertex) != 3 or not vertex[2].isdecimal():
        raise InputError(f"{path}: damaged header line {' '.join(vertex)!r}; expected 'element vertex COUNT'")
    end = elements[1] if len(elements) > 1 else len(lines)
    fields = []
    for line in lines[elements[0] + 1 : end]:
        if line[0] != "property" or len(line) != 3 or line[1] not in SCALAR_TYPES:
            raise InputError(f"{path}: header line {' '.join(line)!r} is no scalar property; 3DGS files have no others")
        fields.append((line[2], BYTE_ORDERS[form] + SCALAR_TYPES[line[1]]))
    try:
        layout = np.dtype(fields)
        count = int(vertex[2])
    except ValueError as error:
        raise InputError(f"{path}: damaged header ({error}); write or download the file again") from None
    if not fields:
        raise InputError(f"{path}: no 3DGS file, its vertices have no properties; expected what `write_ply` writes")
    return layout, count


def _header_lines(file: BinaryIO, path: Path) -> list[list[str]]:
    """Words of the header's lines, without the first, the last and remarks."""
    if file.readline(5).rstrip() != b"ply":
        raise InputError(f"{path}: no PLY file (it does not begin with 'ply')")
    lines: list[list[str]] = []
    while file.tell() < MAX_HEADER_BYTES:
        line = file.readline(MAX_HEADER_BYTES)
        words = line.decode("ascii", errors="replace").split()
        if words == ["end_header"]:
            return lines
        if not line:
            break
        if words and words[0] not in ("comment", "obj_info"):
            lines.append(words)
    raise InputError(f"{path}: the header has no end_header; the file is truncated or no PLY")
