"""The meanings of reasons are those of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harvester.status.report_page.reasons import MEANINGS, meaning_of

_PAGE = (Path(__file__).parents[3] / "docs" / "operations.md").read_text("utf-8")


def _documented():
    table = _PAGE.partition("| reason | meaning |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return [code for row in rows for code in re.findall(r"`([^`]+)`", row)]


def test_all_documented():
    """Every reason of docs/operations.md has a meaning, and there are no others."""
    codes = _documented()
    assert len(codes) > 15
    assert all(meaning_of(code) for code in codes)
    known = {"http" if code.startswith("http_") else code.split()[0] for code in codes}
    assert known == set(MEANINGS)


@pytest.mark.parametrize("reason", ["", "http", "http_", "unheard", "not_found_at_all"])
def test_unknown(reason):
    """A reason that is not documented is not explained, and never guessed."""
    expected = {"http_": MEANINGS["http"], "http": MEANINGS["http"]}
    assert meaning_of(reason) == expected.get(reason, "")
