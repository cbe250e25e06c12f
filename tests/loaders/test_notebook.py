"""The notebook of the documentation runs, from the catalogue to the score."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

_NOTEBOOKS = Path(__file__).resolve().parents[2] / "docs" / "notebooks"
#: Seconds for a cell: one of them harvests.
_TIMEOUT_S = 900


@pytest.mark.timeout(2 * _TIMEOUT_S)
def test_notebook_runs(tmp_path):
    """Every cell runs; the classifier beats the one that ignores the images."""
    path = _NOTEBOOKS / "from-catalogue-to-classifier.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    place = {"metadata": {"path": tmp_path}}
    client = NotebookClient(notebook, timeout=_TIMEOUT_S, resources=place)
    client.execute()
    outputs = [one for cell in notebook.cells for one in cell.get("outputs", [])]
    printed = "".join(one.get("text", "") for one in outputs)
    baseline, by_shape, by_colour = (
        float(printed.partition(name)[2].split()[0])
        for name in ("ignores the image", "shape in r", "shape and colours")
    )
    assert baseline == 0.5
    assert min(by_shape, by_colour) > 0.7
    pictures = [one for one in outputs if "image/png" in one.get("data", {})]
    assert len(pictures) == 2


@pytest.mark.parametrize("path", [*_NOTEBOOKS.glob("*.ipynb")])
def test_stored_without_outputs(path):
    """Notebooks are stored without outputs, so that a change shows what changed."""
    cells = nbformat.read(path, as_version=4).cells
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
