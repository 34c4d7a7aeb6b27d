"""What lies beside a cell's pictures: flight, features, reconstruction and the fitted Gaussians."""

from __future__ import annotations

import re

import pytest

from leaderboard.build import build_site

MP4 = b"\x00\x00\x00\x18ftypisom" + b"\x00" * 40
PLY = b"ply\nformat binary_little_endian 1.0\nend_header\n"


@pytest.fixture
def cell(tmp_path, picture):
    folder = tmp_path / "cell"
    for kind in ("truth", "renders"):
        picture(folder / kind / "0.png", 10)
    picture(folder / "features.png", 50)
    picture(folder / "reconstruction.png", 60)
    (folder / "flight.mp4").write_bytes(MP4)
    (folder / "gaussians.ply").write_bytes(PLY)
    return folder


def page_of(site, record, cell, **values) -> str:
    given = {"entries": {}, "datasets": {}, "protocols": {}, "command": lambda record: "", **values}
    index = build_site([record("net", psnr={"0.png": 20.0})], site, cell_folder=lambda record: cell, **given)
    (page,) = index.parent.rglob("studio~records/net.html")
    return page.read_text(encoding="utf-8")


def test_all_of_it_is_linked_and_copied(record, cell, tmp_path):
    page = page_of(tmp_path / "site", record, cell)
    (video,) = re.findall(r'<video[^>]* src="([^"]+)"', page)
    (gaussians,) = re.findall(r'href="([^"]+\.ply)" download', page)
    folder = next((tmp_path / "site").rglob("studio~records"))
    assert (folder / video).resolve().read_bytes() == MP4
    assert (folder / gaussians).resolve().read_bytes() == PLY
    assert "each beside its features" in page
    assert "cameras and points of a" in page
    # Nothing is fetched before it is asked for.
    assert 'preload="none"' in page


def test_what_shows_photographs_stays_out_where_they_may_not_be_passed_on(record, cell, tmp_path):
    datasets = {"studio": {"licence": {"spdx": "x", "redistribute": False}}}
    page = page_of(tmp_path / "site", record, cell, datasets=datasets)
    assert "<video" not in page
    assert not (tmp_path / "site" / "scenes").exists()


def test_a_file_that_is_not_what_its_name_says_is_left_out(record, cell, tmp_path):
    (cell / "flight.mp4").write_bytes(b"<script>alert(1)</script>")
    (cell / "gaussians.ply").unlink()
    page = page_of(tmp_path / "site", record, cell)
    assert "<video" not in page
    assert ".ply" not in page
    assert "each beside its features" in page
