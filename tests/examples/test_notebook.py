"""The notebook runs from the first cell to the last, and finds in the published rows what the paper says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "results.ipynb"


def test_the_notebook_runs(tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="needs nbformat: pip install -e '.[docs]'")
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient: pip install -e '.[docs]'")
    pytest.importorskip("ipykernel", reason="needs ipykernel: pip install -e '.[docs]'")
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install -e '.[docs]'")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.get("outputs") for cell in notebook.cells), "outputs are not committed: clear them"
    asked = "psnr.geometry.idxmax(), psnr.texture.idxmax(), len(psnr)"
    notebook.cells.append(nbformat.v4.new_code_cell(asked))
    client = nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(NOTEBOOK.parent)}})
    client.execute()
    pictures = [
        output for cell in notebook.cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 2
    best, colours, count = ast.literal_eval(notebook.cells[-1].outputs[-1]["data"]["text/plain"])
    assert (colours, count) == ("iuvrgb", 13)
    assert best in ("radio", "vggt_encoder", "vggt_decoder", "mast3r")
