"""The tables of docs/catalogues.md agree with the code."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path


def test_docs_are_true():
    """The page shows what reading the formats and names gives."""
    path = Path(__file__).with_name("formats_table.py")
    spec = spec_from_file_location("formats_table", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    page = module.DOCS.read_text()
    assert module.filled(page) == page, "make tables writes them anew"
    assert page.count("<!-- formats -->") == page.count("<!-- names -->") == 1
