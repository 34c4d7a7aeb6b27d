"""The documentation builds as a site, without a network, and asks nothing of others."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    pytest.importorskip("material", reason="needs mkdocs-material: pip install -e '.[docs]'")
    pytest.importorskip("mkdocstrings", reason="needs mkdocstrings: pip install -e '.[docs]'")
    folder = tmp_path_factory.mktemp("docs")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        # Whoever asks for a network in spite of all is answered by nobody.
        env={
            **os.environ,
            "https_proxy": "http://127.0.0.1:9",
            "http_proxy": "http://127.0.0.1:9",
            "NO_MKDOCS_2_WARNING": "1",
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_there(site):
    assert {path.stem for path in (ROOT / "docs").glob("*.md")} <= {path.stem for path in site.glob("*.html")}


def test_no_page_loads_anything_from_elsewhere(site):
    loads = re.compile(
        r'<(?:script|img|iframe|source)[^>]+src="(?:https?:)?//[^"]+|<link[^>]+stylesheet[^>]+href="(?:https?:)?//'
    )
    assert [(path.name, found) for path in site.rglob("*.html") for found in loads.findall(path.read_text())] == []


def test_api_pages_hold_what_docstrings_say(site):
    text = (site / "api" / "records.html").read_text(encoding="utf-8")
    assert "benchmark.records.Record" in text
    text = (site / "api" / "splatting.html").read_text(encoding="utf-8")
    assert "rasterize" in text
