"""Downloads: checked, resumed, several at once; whatever goes wrong, what was there before stays."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from pathlib import Path

import pytest

from benchmark.errors import InputError
from benchmark.scenes.acquire.archives import Archive
from benchmark.scenes.acquire.download import download


def zipped(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def archive_of(server, name: str, content: bytes, known: bool = True, sha256: str = "") -> Archive:
    server.files[f"/{name}"] = content
    digest = sha256 or hashlib.sha256(content).hexdigest()
    return Archive(name, f"{server.address}/{name}", f"sha256:{digest}" if known else "", None, ())


CONTENT = zipped(a=os.urandom(300_000), b=os.urandom(300_000))


def left(data: Path) -> list[str]:
    return sorted(path.name for path in (data / "archives").iterdir())


def test_several_files_arrive_whole_and_are_not_fetched_twice(data, server):
    archives = [archive_of(server, f"{n}.zip", zipped(a=os.urandom(50_000))) for n in range(3)]
    paths = download(archives)
    assert [path.read_bytes() for path in paths] == [server.files[f"/{n}.zip"] for n in range(3)]
    assert left(data) == ["0.zip", "1.zip", "2.zip"]
    before = len(server.requests)
    download(archives)
    assert len(server.requests) == before


def test_a_transfer_that_broke_off_goes_on_where_it_stopped(data, server, monkeypatch):
    # What arrives is written in pieces of this size; the hub's own are larger than this file.
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1 << 14)
    archive = archive_of(server, "a.zip", CONTENT)
    server.breaks_after = 200_000
    with pytest.raises(InputError, match=r"a\.zip.*goes on where it stopped"):
        download([archive])
    (part,) = (data / "archives").iterdir()
    assert part.name == "a.zip.part"
    assert 0 < part.stat().st_size <= 200_000
    arrived = part.stat().st_size
    server.refuses = False
    (path,) = download([archive])
    assert path.read_bytes() == CONTENT
    assert server.requests[-1][1] == f"bytes={arrived}-"
    assert left(data) == ["a.zip"]


def test_a_server_without_ranges_sends_it_all_again(data, server):
    archive = archive_of(server, "a.zip", CONTENT)
    (data / "archives").mkdir(parents=True)
    (data / "archives" / "a.zip.part").write_bytes(CONTENT[:1000])
    server.knows_ranges = False
    assert download([archive])[0].read_bytes() == CONTENT


def test_a_beginning_of_another_file_is_thrown_away(data, server):
    archive = archive_of(server, "a.zip", CONTENT)
    (data / "archives").mkdir(parents=True)
    (data / "archives" / "a.zip.part").write_bytes(os.urandom(len(CONTENT) + 10))
    assert download([archive])[0].read_bytes() == CONTENT


def test_a_wrong_hash_is_refused_and_the_earlier_copy_stays(data, server):
    (data / "archives").mkdir(parents=True)
    (data / "archives" / "a.zip").write_bytes(b"PK\x03\x04 the earlier copy")
    archive = archive_of(server, "a.zip", CONTENT, sha256="0" * 64)
    with pytest.raises(InputError, match=r"a\.zip: its hash is not the published one.*run the command again"):
        download([archive])
    assert (data / "archives" / "a.zip").read_bytes() == b"PK\x03\x04 the earlier copy"
    assert left(data) == ["a.zip"]


def test_a_server_that_refuses_leaves_the_earlier_copy(data, server):
    (data / "archives").mkdir(parents=True)
    (data / "archives" / "a.zip").write_bytes(b"PK\x03\x04 the earlier copy")
    archive = archive_of(server, "a.zip", CONTENT)
    server.files.clear()
    with pytest.raises(InputError, match=r"a\.zip.*cannot be fetched.*404"):
        download([archive])
    assert (data / "archives" / "a.zip").read_bytes() == b"PK\x03\x04 the earlier copy"


def test_a_page_in_place_of_an_archive_is_told_apart(data, server):
    archive = archive_of(server, "a.zip", b"<html>quota exceeded</html>", known=False)
    with pytest.raises(InputError, match=r"no archive \(a page with an error"):
        download([archive])
    assert left(data) == []


def test_without_a_published_hash_what_is_there_stays(data, server):
    (data / "archives").mkdir(parents=True)
    (data / "archives" / "a.zip").write_bytes(b"PK mine")
    assert download([archive_of(server, "a.zip", CONTENT, known=False)])[0].read_bytes() == b"PK mine"
    assert not server.requests


def test_one_failure_does_not_take_the_others_with_it(data, server):
    good = archive_of(server, "good.zip", CONTENT)
    bad = archive_of(server, "bad.zip", CONTENT, sha256="1" * 64)
    with pytest.raises(InputError, match=r"bad\.zip"):
        download([bad, good])
    assert left(data) == ["good.zip"]


def test_md5_lists_serve_too(data, server):
    archive = archive_of(server, "a.zip", CONTENT)
    archive = Archive("a.zip", archive.url, f"md5:{hashlib.md5(CONTENT).hexdigest()}", None, ())
    assert download([archive])[0].read_bytes() == CONTENT
