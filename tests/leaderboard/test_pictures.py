"""Pictures of cells in the site: what is shown, what may be, and what is never read."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.records import Record


@pytest.fixture
def store(tmp_path, picture):
    """Folder of each cell, with pictures of the views 0 and 1."""

    def folder(record: Record) -> Path:
        place = tmp_path / "store" / record.key
        if not place.is_dir():
            for view in ("0", "1"):
                picture(place / "truth" / f"{view}.png", 200 + int(view))
                picture(place / "renders" / f"{view}.png", sum(record.key.encode()) % 200)
                picture(place / "error" / f"{view}.png", 5)
        return place

    return folder


def test_renders_stand_beside_the_photograph(records, store, tmp_path, build, pages):
    site = build(records, tmp_path / "site", cell_folder=store).parent
    page = pages(site)["board/feat2gs~lite~known~measured/studio.html"]
    shown = [attrs for tag, attrs in page.tags if tag == "img" and attrs["alt"]]
    assert [attrs["alt"] for attrs in shown][:5] == [
        "photograph",
        "render of iuvrgb",
        "render of noise",
        "render of net",
        "render of splat",
    ]
    assert all((attrs["width"], attrs["height"]) == ("12", "8") for attrs in shown)
    # The photograph of a view is the same in every cell and is stored once.
    truths = {attrs["src"] for attrs in shown if attrs["alt"] == "photograph"}
    assert len(truths) == 1


def test_photographs_that_may_not_be_passed_on_stay_out(records, store, picture, tmp_path, build, pages, files):
    datasets = {"studio": {"title": "Studio", "licence": {"spdx": "x", "redistribute": False}}}
    site = build(records, tmp_path / "site", cell_folder=store, datasets=datasets).parent
    picture(tmp_path / "photograph.png", 200)
    photograph = (tmp_path / "photograph.png").read_bytes()
    assert photograph not in files(site).values()
    page = pages(site)["board/feat2gs~lite~known~measured/studio.html"]
    assert "render of noise" in [attrs["alt"] for tag, attrs in page.tags if tag == "img"]
    assert "may not be passed on" in page.words
    site = build(records, tmp_path / "local", cell_folder=store, datasets=datasets, all_photographs=True).parent
    assert photograph in files(site).values()


def test_a_view_is_never_made_into_a_path(record, picture, tmp_path, build):
    picture(tmp_path / "secret.png", 77)
    picture(tmp_path / "cell" / "renders" / "0.png", 10)
    (tmp_path / "cell" / "renders" / "script.png").write_text("<script>alert(1)</script>")
    views = {"../../secret": 20.0, "../../secret.png": 20.0, str(tmp_path / "secret"): 20.0, "script": 20.0, "0": 20.0}
    site = build([record("net", psnr=views)], tmp_path / "site", cell_folder=lambda record: tmp_path / "cell").parent
    copied = [path.read_bytes() for path in (site / "images").rglob("*") if path.is_file()]
    assert copied == [(tmp_path / "cell" / "renders" / "0.png").read_bytes()]
