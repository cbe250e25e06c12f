"""Options of ``--watch`` that do not go together are refused, not ignored."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from harvester.cli import main


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--watch-folder", "."), "add that"),
        (("--watch", "--watch-folder", "nowhere"), "no folder nowhere"),
        (("--watch", "--locate-only"), "--locate-only"),
    ],
)
def test_refused(tmp_path, words, told):
    """The message says which option is missing or too much."""
    catalogue = tmp_path / "some.csv"
    catalogue.write_text("id,ra,dec\na,1,2\n")
    command = ("run", str(catalogue), "--out", str(tmp_path / "out"), *words)
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 2
    assert told in done.output
    assert not (tmp_path / "out").exists()
