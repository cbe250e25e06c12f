"""The tables of docs/catalogues.md are what the code does."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path


def test_docs_are_true():
    """What the page says of formats and names is what reading them gives."""
    path = Path(__file__).with_name("formats_table.py")
    spec = spec_from_file_location("formats_table", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    page = module.DOCS.read_text()
    assert module.filled(page) == page, "make tables writes them anew"
    assert page.count("<!-- formats -->") == page.count("<!-- names -->") == 1
