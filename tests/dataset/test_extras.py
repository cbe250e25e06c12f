"""Commands whose libraries are extras: without them a message says what to install."""

from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner
from written_run import RED, write_run

from harvester.cli import main


@pytest.mark.parametrize(
    ("words", "library", "extra"),
    [
        (("plot",), "matplotlib", "plot"),
        (("align", "--out", "new"), "reproject", "align"),
    ],
)
def test_missing_library(tmp_path, monkeypatch, words, library, extra):
    """Without its library a command ends with exit code 2 and names the extra."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, library, None)
    write_run(tmp_path / "run", {"n": [1]}, (RED,))
    name, *options = words
    done = CliRunner().invoke(main, [name, "run", *options])
    assert done.exit_code == 2
    assert f"needs {library}. Install it with" in done.output
    assert f"'galaxy-harvester[{extra}]'" in done.output
    assert not list(tmp_path.rglob("*.png"))
