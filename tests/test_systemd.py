"""The unit of systemd, and the completion that the documentation names."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).resolve().parent.parent
_UNIT = _REPOSITORY / "docker" / "harvester@.service"
_PAGE = (_REPOSITORY / "docs" / "operations.md").read_text("utf-8")


@pytest.fixture(scope="module")
def service():
    """Return the section of the service."""
    parser = configparser.ConfigParser(strict=True, interpolation=None)
    parser.optionxform = str
    parser.read_string(_UNIT.read_text("utf-8"))
    return parser["Service"]


def test_exit_codes(service):
    """Systemd restarts the harvest after temporary errors, and after no others."""
    stays = set(service["RestartPreventExitStatus"].split())
    fine = set(service["SuccessExitStatus"].split())
    assert service["Restart"] == "on-failure"
    assert stays == {"1", "2", "4", "7"}
    assert fine == {"3", "143"}
    table = _PAGE.partition("## Exit codes")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
    known = {code for row in rows for code in row.split(", ")}
    assert stays | fine | {"0", "5", "6", "129", "130"} == known


def test_time_to_stop(service):
    """A harvest, which needs up to 8 seconds to stop, is given longer."""
    assert int(service["TimeoutStopSec"]) > 8
    assert service["KillMode"] == "mixed"


def test_command(service):
    """The command exists with these options."""
    words = service["ExecStart"].split()
    assert words[0].endswith("/harvester")
    command = [sys.executable, "-m", "harvester", *words[1:-1], "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_verified(tmp_path):
    """Systemd finds nothing wrong with the unit, where it is installed."""
    verifier = shutil.which("systemd-analyze")
    if verifier is None:
        pytest.skip("needs systemd-analyze")
    here = tmp_path / "harvester@zoo.service"
    text = _UNIT.read_text("utf-8")
    here.write_text(text.replace("/opt/harvester/bin/harvester", sys.executable))
    done = subprocess.run(
        [verifier, "verify", "--man=no", str(here)],
        capture_output=True,
        text=True,
        check=False,
    )
    said = [one for one in done.stderr.splitlines() if here.name in one]
    assert (done.returncode, said) == (0, [])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell):
    """The shells that the page names get a script, and commands are completed."""
    assert f"_HARVESTER_COMPLETE={shell}_source harvester" in _PAGE
    script = _complete(_HARVESTER_COMPLETE=f"{shell}_source")
    assert "_HARVESTER_COMPLETE" in script
    found = _complete(
        _HARVESTER_COMPLETE=f"{shell}_complete",
        COMP_WORDS="harvester doc",
        # Fish gives the word itself, the others its number.
        COMP_CWORD="doc" if shell == "fish" else "1",
    )
    assert "doctor" in found


def _complete(**environment):
    # Completion goes by the name of the program.
    code = (
        "import sys; sys.argv = ['harvester']; "
        "from harvester.cli import main; main(prog_name='harvester')"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )
    return done.stdout
