from __future__ import annotations

import re

from click.testing import CliRunner

from harvester.cli import main


def test_regions(make_run, row):
    """Each target has a circle for each archive, coloured and tagged by state."""
    missing = {"survey": "hst", "band": "F160W", "status": "no_coverage"}
    rows = [row("a", "g"), row("a", "r"), row("a", **missing)]
    out = make_run([*rows, row("b{}\n", dec=-1.5, status="failed")])
    result = CliRunner().invoke(main, ["regions", str(out)])
    assert result.exit_code == 0, result.output
    assert "3 regions" in result.output
    text = (out / "targets.reg").read_text()
    head, *circles = re.split(r"(?=^circle)", text, flags=re.MULTILINE)
    assert head.startswith("# Region file format: DS9")
    assert head.endswith("icrs\n")
    here, there = "circle(150.0000000,2.0000000", "circle(150.0000000,-1.5000000"
    assert circles == [
        f'{here},6") # color=green text={{a}} tag={{sdss}} tag={{done}}\n',
        f'{here},8") # color=yellow tag={{hst}} tag={{no_coverage}}\n',
        f'{there},6") # color=red text={{b___}} tag={{sdss}} tag={{failed}}\n',
    ]


def test_other_file(make_run, row, tmp_path):
    """The regions are written to the file that is named."""
    target = tmp_path / "mine.reg"
    words = ["regions", str(make_run([row("a")])), "--out", str(target)]
    assert CliRunner().invoke(main, words).exit_code == 0
    assert "circle(" in target.read_text()
