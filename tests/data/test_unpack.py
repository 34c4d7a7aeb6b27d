"""Unpacking: nothing leaves the folder, nothing grows without end, and a bad archive changes nothing."""

from __future__ import annotations

import hashlib
import io
import stat
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.errors import InputError
from benchmark.scenes.acquire import unpack as module
from benchmark.scenes.acquire.archives import Part
from benchmark.scenes.acquire.unpack import unpack


def zip_of(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tar_of(path: Path, files: dict[str, bytes], links: dict[str, tuple[bytes, str]] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, (kind, target) in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


FILES = {"top/a/1.png": b"one", "top/a/2.png": b"two", "top/b/1.png": b"three", "top/readme.txt": b"text"}


@pytest.mark.parametrize("make", [zip_of, tar_of])
def test_all_of_it(tmp_path, make):
    unpacked = unpack(make(tmp_path / "archive", FILES), tmp_path / "out")
    assert tree(tmp_path / "out") == FILES
    assert unpacked.files["top/a/1.png"] == (3, hashlib.sha256(b"one").hexdigest())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "out"]


@pytest.mark.parametrize("make", [zip_of, tar_of])
def test_parts_are_found_wherever_they_lie(tmp_path, make):
    parts = [Part("a", "scene/images"), Part("readme.txt", "scene/notes.txt")]
    unpack(make(tmp_path / "archive", FILES), tmp_path / "out", parts)
    assert tree(tmp_path / "out") == {
        "scene/images/1.png": b"one",
        "scene/images/2.png": b"two",
        "scene/notes.txt": b"text",
    }


def test_what_it_brings_replaces_and_the_rest_stays(tmp_path):
    unpack(zip_of(tmp_path / "1", {"s/a": b"old", "s/b": b"kept"}), tmp_path / "out")
    unpack(zip_of(tmp_path / "2", {"s/a": b"new"}), tmp_path / "out")
    assert tree(tmp_path / "out") == {"s/a": b"new", "s/b": b"kept"}


@pytest.mark.parametrize("name", ["../out.txt", "a/../../out.txt", "/etc/out.txt", "..\\out.txt", "C:/out.txt"])
@pytest.mark.parametrize("make", [zip_of, tar_of])
def test_a_path_that_leads_out_is_refused(tmp_path, make, name):
    archive = make(tmp_path / "archive", {"a/good.txt": b"good", name: b"bad"})
    with pytest.raises(InputError, match="leads out of the folder") as caught:
        unpack(archive, tmp_path / "in" / "out")
    assert str(archive) in str(caught.value)
    assert [path.name for path in tmp_path.rglob("*")] == ["archive"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    archive = tar_of(tmp_path / "archive", {"a": b"good"}, {"b": (kind, "/etc/passwd")})
    with pytest.raises(InputError, match="'b' is a link or a device"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_link_in_a_zip_is_refused(tmp_path):
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "archive", "w") as archive:
        archive.writestr(info, "/etc")
    with pytest.raises(InputError, match="'link' is a link"):
        unpack(tmp_path / "archive", tmp_path / "out")


@pytest.mark.parametrize("packing", ["zip", "tar"])
def test_a_bomb_is_refused_before_it_is_written(tmp_path, monkeypatch, packing):
    monkeypatch.setattr(module, "RATIO_FREE_BYTES", 1 << 20)
    content = {f"{n}.png": bytes(1 << 21) for n in range(4)}
    if packing == "zip":
        archive = zip_of(tmp_path / "archive", content, zipfile.ZIP_DEFLATED)
    else:
        archive = tar_of(tmp_path / "archive", content)
    with pytest.raises(InputError, match="as no photographs do"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_more_than_the_disk_holds_is_refused(tmp_path):
    archive = zip_of(tmp_path / "archive", {"a": bytes(2000)})
    with pytest.raises(InputError, match="may be written; free some space"):
        unpack(archive, tmp_path / "out", max_bytes=1000)
    assert not (tmp_path / "out").exists()


def test_a_member_that_is_longer_than_it_claims_is_refused(tmp_path):
    archive = zip_of(tmp_path / "archive", {"a": bytes(100_000)}, zipfile.ZIP_DEFLATED)
    data = bytearray(archive.read_bytes())
    # The size in the local header and in the directory: 24 bytes into the one, 22 into the other.
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(mark) + offset, 10)
    archive.write_bytes(data)
    with pytest.raises(InputError, match=r"not as long as it claims|truncated or damaged"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("make", [zip_of, tar_of])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_half_downloaded_archive_is_refused_and_the_earlier_files_stay(tmp_path, make, share):
    import os

    unpack(zip_of(tmp_path / "first", {"s/a": b"good"}), tmp_path / "out")
    archive = make(tmp_path / "archive", {"s/a": os.urandom(50_000), "s/b": os.urandom(50_000)})
    archive.write_bytes(archive.read_bytes()[: int(share * archive.stat().st_size)])
    with pytest.raises(InputError, match=r"archive: (truncated or damaged|'s/)"):
        unpack(archive, tmp_path / "out")
    assert tree(tmp_path / "out") == {"s/a": b"good"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "first", "out"]


def test_a_flipped_bit_is_seen(tmp_path):
    archive = zip_of(tmp_path / "archive", {"a": bytes(1000)})
    data = bytearray(archive.read_bytes())
    data[500] ^= 1
    archive.write_bytes(data)
    with pytest.raises(InputError, match="truncated or damaged"):
        unpack(archive, tmp_path / "out")


def test_what_is_no_archive_or_lacks_a_part_is_refused(tmp_path):
    (tmp_path / "page").write_text("<html>404</html>")
    with pytest.raises(InputError, match="page: truncated or damaged"):
        unpack(tmp_path / "page", tmp_path / "out")
    with pytest.raises(InputError, match="no such archive; put it there"):
        unpack(tmp_path / "absent", tmp_path / "out")
    with pytest.raises(InputError, match="holds no 'c'; is it the right archive"):
        unpack(zip_of(tmp_path / "archive", FILES), tmp_path / "out", [Part("c", "c")])
    with pytest.raises(InputError, match=r"both go to x/1\.png"):
        unpack(zip_of(tmp_path / "archive", FILES), tmp_path / "out", [Part("a", "x"), Part("b", "x")])


def test_a_password_is_no_crash(tmp_path):
    archive = zip_of(tmp_path / "archive", {"a": b"secret"})
    data = bytearray(archive.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    archive.write_bytes(data)
    with pytest.raises(InputError, match="truncated or damaged"):
        unpack(archive, tmp_path / "out")


@given(st.lists(st.sampled_from(["..", ".", "a", "b c", "", "é", "/", "\\", "C:"]), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_name_whatever_writes_outside(tmp_path_factory, parts):
    root = tmp_path_factory.mktemp("root")
    name = "/".join(parts) or "x"
    try:
        archive = zip_of(root / "archive", {name: b"x"})
        unpack(archive, root / "deep" / "er" / "out")
    except (InputError, ValueError):
        pass
    inside = root / "deep" / "er" / "out"
    assert all(path == root / "archive" or path.is_relative_to(inside) for path in root.rglob("*") if path.is_file())
