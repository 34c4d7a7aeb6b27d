"""PLY files against `plyfile`, an independent reader and writer, and against damage."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.errors import InputError
from benchmark.splatting.gaussians import Gaussians
from benchmark.splatting.ply import read_ply, write_ply

plyfile = pytest.importorskip("plyfile", reason="compares with the package plyfile, a part of the extra [dev]")


def random_gaussians(count: int = 7, degree: int = 3, channels: int = 3, seed: int = 0) -> Gaussians:
    generator = torch.Generator().manual_seed(seed)

    def values(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    return Gaussians(
        values(count, 3), values(count, 3), values(count, 4), values(count), values(count, (degree + 1) ** 2, channels)
    )


def assert_same(ours: Gaussians, other: Gaussians) -> None:
    for name in ("means", "log_scales", "quaternions", "opacity_logits", "sh"):
        assert torch.equal(getattr(ours, name), getattr(other, name)), name


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 16])
def test_what_is_written_is_read_back_bit_for_bit(tmp_path: Path, degree: int, channels: int) -> None:
    gaussians = random_gaussians(degree=degree, channels=channels)
    write_ply(tmp_path / "scene.ply", gaussians)
    assert_same(read_ply(tmp_path / "scene.ply"), gaussians)
    assert [entry.name for entry in tmp_path.iterdir()] == ["scene.ply"]


def test_plyfile_finds_the_properties_of_the_published_format_in_their_order(tmp_path: Path) -> None:
    gaussians = random_gaussians()
    write_ply(tmp_path / "scene.ply", gaussians)
    data = plyfile.PlyData.read(tmp_path / "scene.ply")
    assert data.byte_order == "<" and not data.text
    vertex = data["vertex"]
    expected = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    expected += [f"f_rest_{index}" for index in range(45)] + ["opacity", "scale_0", "scale_1", "scale_2"]
    expected += ["rot_0", "rot_1", "rot_2", "rot_3"]
    assert [item.name for item in vertex.properties] == expected
    assert {item.val_dtype for item in vertex.properties} == {"f4"}
    np.testing.assert_array_equal(vertex["y"], gaussians.means[:, 1])
    np.testing.assert_array_equal(vertex["nx"], np.zeros(7))
    np.testing.assert_array_equal(vertex["opacity"], gaussians.opacity_logits)
    np.testing.assert_array_equal(vertex["scale_2"], gaussians.log_scales[:, 2])
    np.testing.assert_array_equal(vertex["rot_0"], gaussians.quaternions[:, 0])
    np.testing.assert_array_equal(vertex["f_dc_1"], gaussians.sh[:, 0, 1])
    # One channel after the other: green's third higher coefficient is number 15 + 2.
    np.testing.assert_array_equal(vertex["f_rest_17"], gaussians.sh[:, 3, 1])


def test_gsplats_exporter_writes_the_same_values(tmp_path: Path) -> None:
    gsplat = pytest.importorskip("gsplat", reason="compares with the package gsplat, the extra [gpu]")
    gaussians = random_gaussians(count=20)
    gsplat.export_splats(
        means=gaussians.means,
        scales=gaussians.log_scales,
        quats=gaussians.quaternions,
        opacities=gaussians.opacity_logits,
        sh0=gaussians.sh[:, :1],
        shN=gaussians.sh[:, 1:],
        format="ply",
        save_to=str(tmp_path / "theirs.ply"),
    )
    write_ply(tmp_path / "ours.ply", gaussians)
    assert_same(read_ply(tmp_path / "theirs.ply"), gaussians)


def test_latents_carry_colours_that_other_tools_can_show(tmp_path: Path) -> None:
    gaussians = random_gaussians(count=500, degree=1, channels=8)
    write_ply(tmp_path / "scene.ply", gaussians)
    vertex = plyfile.PlyData.read(tmp_path / "scene.ply")["vertex"]
    names = [item.name for item in vertex.properties]
    assert "f_rest_0" not in names
    assert names[-32:] == [f"latent_dc_{i}" for i in range(8)] + [f"latent_rest_{i}" for i in range(24)]
    colors = np.stack([vertex[f"f_dc_{index}"] for index in range(3)], axis=1) * 0.28209479 + 0.5
    assert colors.min() >= 0 and colors.max() <= 1
    assert (colors.std(axis=0) > 0.2).all()
    np.testing.assert_array_equal(vertex["latent_rest_4"], gaussians.sh[:, 2, 1])


def test_a_given_preview_is_what_other_tools_show(tmp_path: Path) -> None:
    gaussians = random_gaussians(degree=0, channels=4)
    preview = torch.rand(7, 3, generator=torch.Generator().manual_seed(0))
    write_ply(tmp_path / "scene.ply", gaussians, preview)
    vertex = plyfile.PlyData.read(tmp_path / "scene.ply")["vertex"]
    np.testing.assert_allclose(np.array(vertex["f_dc_2"]) * 0.28209479 + 0.5, preview[:, 2], atol=1e-6)
    assert_same(read_ply(tmp_path / "scene.ply"), gaussians)


@pytest.mark.parametrize("channels", [3, 4])
def test_no_gaussians_are_a_file_too(tmp_path: Path, channels: int) -> None:
    gaussians = random_gaussians(count=0, degree=2, channels=channels)
    write_ply(tmp_path / "scene.ply", gaussians)
    read = read_ply(tmp_path / "scene.ply")
    assert read.sh.shape == (0, 9, channels)


def test_tensors_that_are_learned_or_in_double_precision_can_be_written(tmp_path: Path) -> None:
    gaussians = random_gaussians()
    learned = Gaussians(**{name: value.double().requires_grad_() for name, value in vars(gaussians).items()})
    write_ply(tmp_path / "scene.ply", learned)
    assert_same(read_ply(tmp_path / "scene.ply"), gaussians)


def test_foreign_types_orders_comments_and_further_elements_are_read(tmp_path: Path) -> None:
    gaussians = random_gaussians(degree=1)
    write_ply(tmp_path / "ours.ply", gaussians)
    ours = plyfile.PlyData.read(tmp_path / "ours.ply")["vertex"].data
    names = list(ours.dtype.names)[::-1]
    foreign = np.empty(len(ours), [(name, "f8" if name == "x" else "f4") for name in names] + [("red", "u1")])
    for name in names:
        foreign[name] = ours[name]
    foreign["red"] = 255
    elements = [plyfile.PlyElement.describe(foreign, "vertex")]
    elements.append(plyfile.PlyElement.describe(np.zeros(3, [("more", "i4")]), "extra"))
    for order in "<>":
        path = tmp_path / f"foreign{'<>'.index(order)}.ply"
        plyfile.PlyData(elements, byte_order=order, comments=["written elsewhere"], obj_info=["a scan"]).write(path)
        assert_same(read_ply(path), gaussians)


def test_lines_may_end_in_carriage_returns(tmp_path: Path) -> None:
    write_ply(tmp_path / "scene.ply", random_gaussians())
    header, body = (tmp_path / "scene.ply").read_bytes().split(b"end_header\n", 1)
    (tmp_path / "crlf.ply").write_bytes(header.replace(b"\n", b"\r\n") + b"end_header\r\n" + body)
    assert_same(read_ply(tmp_path / "crlf.ply"), random_gaussians())


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def damage(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new, 1)

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: b"", "no PLY file"),
        (lambda content: b"\x89PNG\r\n\x1a\n" + content, "no PLY file"),
        (lambda content: b"ply\n", "no end_header"),
        (lambda content: content[:200], "no end_header"),
        (lambda content: content[:-1], "truncated"),
        (lambda content: b"ply\n" + b"x" * 3_000_000, "no end_header"),
        (replaced(b"vertex 7", b"vertex 99999999999999999999"), "truncated"),
        (replaced(b"vertex 7", b"vertex " + b"9" * 5000), "damaged header"),
        (replaced(b"vertex 7", b"vertex -7"), "damaged header"),
        (replaced(b"vertex 7", b"vertex 7.5"), "damaged header"),
        (replaced(b"element vertex", b"element face"), "not 'vertex'"),
        (replaced(b"binary_little_endian", b"ascii"), "format 'ascii'"),
        (replaced(b"format binary_little_endian 1.0\n", b""), "format None"),
        (replaced(b"property float x\n", b"property list uchar int x\n"), "no scalar property"),
        (replaced(b"property float x\n", b"property quaternion x\n"), "no scalar property"),
        (replaced(b"float opacity", b"float alpha"), "property opacity is missing"),
        (replaced(b"float rot_3", b"float rot_4"), "property rot_3 is missing"),
        (replaced(b"float ny", b"float nx"), "damaged header"),
        (replaced(b"float f_rest_44", b"float other"), "44 properties f_rest"),
        (replaced(b"float f_rest_3\n", b"float f_rest_x\n"), "property f_rest_3 is missing"),
        (lambda content: content[:-4] + struct.pack("<f", float("nan")), "rot_3 of vertex 6"),
        (lambda content: b"ply\nformat binary_little_endian 1.0\nelement vertex 3\nend_header\n", "no properties"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_with_its_name_and_the_reason(
    tmp_path: Path, damage: Callable[[bytes], bytes], message: str
) -> None:
    path = tmp_path / "scene.ply"
    write_ply(path, random_gaussians())
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=message) as caught:
        read_ply(path)
    assert "scene.ply" in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_damage_never_ends_in_anything_but_gaussians_or_an_input_error(
    tmp_path: Path, data: st.DataObject
) -> None:
    path = tmp_path / "scene.ply"
    write_ply(path, random_gaussians(count=3, degree=0))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    try:
        assert read_ply(path).means.shape[1] == 3
    except InputError as error:
        assert "scene.ply" in str(error)


def test_an_absent_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.ply"):
        read_ply(tmp_path / "absent.ply")
    with pytest.raises(InputError, match="cannot be read"):
        read_ply(tmp_path)


def test_a_failed_write_leaves_the_older_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "scene.ply"
    write_ply(path, random_gaussians())

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_ply(path, random_gaussians(seed=1))
    assert [entry.name for entry in tmp_path.iterdir()] == ["scene.ply"]
    assert_same(read_ply(path), random_gaussians())


def test_an_absent_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        write_ply(tmp_path / "absent" / "scene.ply", random_gaussians())
