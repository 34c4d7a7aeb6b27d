"""The site as a whole: links, determinism, hostile text, pictures, the swap, and what a reader finds."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from benchmark.errors import InputError
from benchmark.records import Cell, Measurement, Record


def test_every_relative_link_resolves_and_nothing_else_is_fetched(records, tmp_path, build, pages):
    site = build(records, tmp_path / "site").parent
    found = pages(site)
    allowed = {"https://example.org/licence"}
    for name, page in found.items():
        assert len(page.ids) == len(set(page.ids)), name
        for tag, address in page.addresses():
            if address.startswith(("http:", "https:")):
                # Only a link that a reader may follow; never something that the browser loads.
                assert (tag, address in allowed) == ("a", True), (name, address)
                continue
            path, fragment = urldefrag(address)
            target = (site / name).parent / unquote(path) if path else site / name
            assert target.resolve().is_relative_to(site.resolve()), (name, address)
            assert target.is_file(), (name, address)
            if fragment:
                assert unquote(fragment) in found[target.resolve().relative_to(site.resolve()).as_posix()].ids, address


def test_html_validates(records, record, tmp_path, build):
    html5lib = pytest.importorskip("html5lib", reason="needs html5lib: pip install html5lib")
    latent = record("dct_f8", track="lrf", mode="3dgs_lrf", psnr={"0.png": 19.0})
    for path in build([*records, latent], tmp_path / "site").parent.rglob("*.html"):
        parser = html5lib.HTMLParser()
        parser.parse(path.read_text(encoding="utf-8"))
        assert parser.errors == [], path.name


def test_measured_latent_fields_stand_on_a_board_of_their_own(records, record, tmp_path, build, pages):
    """Both tracks in one site: modes by their names, baselines of image space beside them, no mixing."""
    latents = [
        record(entry, scene, 0, track="lrf", mode=mode, psnr={"0.png": value})
        for scene in "ab"
        for entry, mode, value in (
            ("dct_f8", "3dgs_vae", 19.4),
            ("dct_f8", "3dgs_lrf", 19.7),
            ("taef2", "3dgs_vae", 19.0),
            ("mip_splatting_8", "free", 19.8),
        )
    ]
    found = pages(build([*records, *latents], tmp_path / "site").parent)
    board = found["board/lrf~lite~known~measured/studio.html"]
    assert "Frozen autoencoder" in board.words and "All three stages" in board.words
    assert "mip_splatting_8" in board.words and "dct_f8" in board.words
    assert "noise" not in board.words
    assert "dct_f8" not in found["board/feat2gs~lite~known~measured/studio.html"].words
    index = found["index.html"].words
    assert index.index("Feature probing") < index.index("Latent radiance fields")


def test_pages_say_what_they_are_to_every_reader(records, tmp_path, build, pages):
    site = build(records, tmp_path / "site").parent
    for name, page in pages(site).items():
        tags = [tag for tag, _ in page.tags]
        assert ("html", {"lang": "en"}) in page.tags, name
        assert tags.count("h1") == 1, name
        assert tags.count("table") == tags.count("caption"), name
        assert all(attrs.get("scope") in ("col", "row", "rowgroup") for tag, attrs in page.tags if tag == "th"), name
        assert all("alt" in attrs for tag, attrs in page.tags if tag == "img"), name
        policies = [
            attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy"
        ]
        assert policies and policies[0].startswith("default-src 'none'"), name
        # What the policy would refuse is not there in the first place.
        assert not any("style" in attrs or tag == "style" for tag, attrs in page.tags), name
        scripts = [attrs.get("src", "") for tag, attrs in page.tags if tag == "script"]
        assert [Path(script).name for script in scripts] == ["tables.js"] + ["compare.js"] * ("compare/" in name), name


def test_same_records_give_the_same_bytes_in_any_order(records, tmp_path, build, files):
    first = files(build(records, tmp_path / "one").parent)
    second = files(build(random.Random(1).sample(records, len(records)), tmp_path / "two").parent)
    assert first == second
    assert files(build(iter(records), tmp_path / "one").parent) == first


def test_what_a_reader_finds(records, tmp_path, build, pages):
    site = build(records, tmp_path / "site").parent
    found = pages(site)
    board = "feat2gs~lite~known~measured"
    dataset = found[f"board/{board}/studio.html"].words
    assert "cover 2 of the dataset’s 3 scenes" in dataset
    assert "LPIPS is absent from every row: no weights" in dataset
    assert "a seed 0 failed: out of memory" in dataset
    assert "1 of 2" in dataset
    assert "baseline, no readout" in dataset
    assert "PSNR ↑ dB" in dataset
    # Eight seeds-by-scene numbers of 24.5: mean 24.50, no spread.
    assert "24.50 ± 0.00" in dataset
    results = found[f"board/{board}/studio~records/net.html"].words
    assert "splatbench run --entry net --scene a" in results
    assert "failed: out of memory" in results
    entry = found["entry/net.html"].words
    assert "A network" in entry
    assert "not seen" in entry
    assert "Apache-2.0, commercial use allowed" in entry
    assert "not stated" in entry
    assert "control" in found["entry/noise.html"].words
    assert "raw input" in found["entry/iuvrgb.html"].words
    assert "128" in found["protocol/lite.html"].words
    assert "published numbers" in found["board/feat2gs~lite~known~published/studio.html"].words
    assert "The values of this protocol are not stated" in found["protocol/strict.html"].words
    index = found["index.html"].words
    assert "Geometry" in index and "Texture" in index and "mean rank" in index


def test_one_seed_of_one_scene_says_that_no_interval_can_be_given(record, tmp_path, build, pages):
    site = build([record("net", psnr=20), record("noise", psnr=18)], tmp_path / "site").parent
    words = pages(site)["board/feat2gs~lite~known~measured/studio.html"].words
    assert "no interval can be given" in words


def test_one_scene_says_that_its_interval_is_of_seeds(record, tmp_path, build, pages):
    made = [record(name, seed=k, psnr=v + 0.1 * k) for name, v in (("net", 20), ("noise", 18)) for k in range(3)]
    words = pages(build(made, tmp_path / "site").parent)["board/feat2gs~lite~known~measured/studio.html"].words
    assert "intervals come from its 3 seeds alone" in words


def test_records_with_nothing_known_about_their_names(records, tmp_path, build, pages):
    site = build(records, tmp_path / "site", entries={}, datasets={}, protocols={}).parent
    assert "Nothing is known of this entry" in pages(site)["entry/net.html"].words


def test_no_records_make_a_page_that_says_so(tmp_path, build, pages):
    assert "no records yet" in pages(build([], tmp_path / "site").parent)["index.html"].words


HOSTILE = [
    "<script>window.hacked=1</script>",
    '"><img src=x onerror="window.hacked=1">',
    "'-window.hacked-'",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe\u2066\u200b\x00\x1b[31m",
    "</bdi></title></textarea>--><svg onload=alert(1)>",
    "&lt;b&gt; & a" + "x" * 3000,
]


def hostile_values(text: str):
    link = "javascript:window.hacked=1"
    entries = {
        "net": {
            "title": text,
            "kind": text,
            "family": text,
            "licence": {"spdx": text, "url": link, "source": link},
            "citation": text,
            "trained_on": {"studio": {"state": text, "source": text}},
            "weights": {"source": text, "url": link},
        }
    }
    datasets = {
        "studio": {
            "title": text,
            "notes": text,
            "citation": text,
            "licence": text,
            "scenes": [text],
            "source": {"url": "data:text/html,x", text: text},
        }
    }
    protocols = {"lite": {"description": text, text: text, "images": {text: [text]}}}
    return {"entries": entries, "datasets": datasets, "protocols": protocols, "command": lambda record: text}


@pytest.mark.parametrize("text", HOSTILE)
def test_what_strangers_write_stays_text(record, tmp_path, text, build, pages):
    free = {text[:200]: {text[:200]: text, "list": [text]}}
    made = [
        record("net", psnr={text[:200]: 20.0}, absent={"lpips": text}, created=text[:64], key=text[:128], cost=free),
        record("other", psnr=20, lpips=0.5, details=free, provenance=free),
        record("net", "b", status="failed", reason=text, provenance=free),
        record("net", "b", mode="texture", status="skipped", reason=text),
    ]
    site = build(made, tmp_path / "site", **hostile_values(text)).parent
    for name, page in pages(site).items():
        for tag, attrs in page.tags:
            assert not [attribute for attribute in attrs if attribute.startswith("on")], (name, tag, attrs)
            assert tag != "img" or re.search(r"(static|figures)/[\w~.]+\.svg$", attrs["src"]), (name, attrs)
        assert sum(tag == "script" for tag, _ in page.tags) == 1 + ("compare/" in name), name
        for _, address in page.addresses():
            assert not re.match(r"\s*(javascript|data|vbscript):", address, re.I), (name, address)
        raw = (site / name).read_text("utf-8")
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", raw), name
    if text == "{{ 7 * 7 }}{% raw %}":
        assert text in pages(site)["entry/net.html"].words


def test_a_build_that_fails_leaves_the_old_site(records, tmp_path, build, files):
    out = tmp_path / "site"
    build(records, out)
    before = files(out)

    def broken(record):
        raise RuntimeError("no command")

    with pytest.raises(RuntimeError, match="no command"):
        build(records[:3], out, command=broken)
    assert files(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_new_build_replaces_the_whole_site(records, record, tmp_path, build):
    out = tmp_path / "site"
    build(records, out)
    build([record("alone", psnr=20)], out)
    assert [path.name for path in (out / "entry").iterdir()] == ["alone.html"]
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_folder_that_is_no_site_is_not_replaced(records, tmp_path, build):
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter.tex").write_text("years of work")
    with pytest.raises(InputError, match="choose another folder"):
        build(records, out)
    assert (out / "chapter.tex").read_text() == "years of work"


def test_a_place_that_cannot_be_written_is_one_clear_line(records, tmp_path, build):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        build(records, tmp_path / "file" / "site")


def test_tables_as_files(records, tmp_path, build):
    site = build(records, tmp_path / "site").parent
    stem = "board/feat2gs~lite~known~measured/studio~texture"
    rows = list(csv.DictReader(io.StringIO((site / f"{stem}.csv").read_text("utf-8"))))
    assert [(row["rank"], row["entry"], row["reference"]) for row in rows] == [
        ("1", "net", "no"),
        ("2", "iuvrgb", "no"),
        ("3", "noise", "no"),
        ("", "splat", "yes"),
    ]
    values = json.loads((site / f"{stem}.json").read_text("utf-8"))
    assert [row["entry"] for row in values["rows"]] == [row["entry"] for row in rows]
    psnr = values["rows"][0]["metrics"]["psnr"]
    texture = [r for r in records if r.cell.mode == "texture" and r.cell.entry == "net"]
    assert psnr["value"] == pytest.approx(sum(r.metrics["psnr"].value for r in texture) / len(texture), abs=1e-12)
    assert float(rows[0]["psnr"]) == psnr["value"]
    assert f"**{psnr['value']:.2f}**" in (site / f"{stem}.md").read_text("utf-8")
    assert rf"\textbf{{{psnr['value']:.2f}}}" in (site / f"{stem}.tex").read_text("utf-8")


def test_size_of_five_hundred_records(record, tmp_path, record_property, build, files):
    rng = random.Random(0)
    made = [
        record(f"entry{i:02d}", scene, seed, mode=mode, psnr={f"{v}.png": rng.gauss(20, 1) for v in range(3)}, ssim=0.5)
        for i in range(14)
        for scene in "abcd"
        for mode in ("geometry", "texture", "all")
        for seed in range(3)
    ][:500]
    site = build(made, tmp_path / "site").parent
    sizes = {name: len(data) for name, data in files(site).items()}
    record_property("site_bytes", sum(sizes.values()))
    record_property("index_bytes", sizes["index.html"])
    assert sizes["index.html"] < 60_000
    assert sum(sizes.values()) < 1_500_000


def test_pages_of_published_rows_are_small(record, tmp_path, build, files):
    """198 rows (11 entries, 6 datasets, 3 modes), each one number of a dataset, as a paper prints them."""
    rng = random.Random(0)
    made = [
        record(
            f"model{i}",
            "mean",
            dataset=f"data{d}",
            mode=mode,
            protocol="paper",
            made_by="published",
            psnr=round(rng.gauss(20, 1), 2),
            ssim=0.7,
            lpips=0.3,
        )
        for i in range(11)
        for d in range(6)
        for mode in ("geometry", "texture", "all")
    ]
    site = build(made, tmp_path / "site").parent
    assert sum(len(data) for data in files(site).values()) < 1_000_000


def test_importing_needs_no_torch():
    code = (
        "import sys, leaderboard.build, leaderboard.aggregate; "
        "print([name for name in ('torch', 'pandas', 'scipy', 'skimage', 'vfm_zoo') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_has_the_contrast_of_wcag_aa_in_both_schemes(records, tmp_path, build):
    css = (build(records, tmp_path / "site").parent / "static" / "style.css").read_text("utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", css, re.S)[:2]
    for block in (light, dark):
        colours = dict(re.findall(r"--(\w+): (#\w{6});", block))
        for text in ("ink", "muted", "link"):
            for ground in ("ground", "panel", "tint"):
                bright, dim = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
                assert (bright + 0.05) / (dim + 0.05) >= 4.5, (text, ground, colours)
        assert (max(luminance(colours["ink"]), luminance(colours["warn"])) + 0.05) / (
            min(luminance(colours["ink"]), luminance(colours["warn"])) + 0.05
        ) >= 4.5


def test_negative_numbers_and_values_without_spread(record, tmp_path, build, pages):
    made = [record("net", psnr=20, ssim=-0.00001), record("noise", psnr=20, ssim=-0.25)]
    words = pages(build(made, tmp_path / "site").parent)["board/feat2gs~lite~known~measured/studio.html"].words
    assert "\N{MINUS SIGN}0.2500" in words
    assert "0.0000" in words and "\N{MINUS SIGN}0.0000" not in words


def test_names_that_differ_only_in_where_their_dots_are_share_no_page(tmp_path, build):
    cells = [
        Cell("feat2gs", "net", "studio", "a", "geometry", reconstruction, protocol, 0)
        for protocol, reconstruction in (("a.b", "c"), ("a", "b.c"))
    ]
    made = [
        Record(cell, "0", "ok", "measured", "2026", metrics={"psnr": Measurement(20.0 + i)})
        for i, cell in enumerate(cells)
    ]
    site = build(made, tmp_path / "site").parent
    assert len(list(site.glob("board/*/studio~records/*.html"))) == 2
