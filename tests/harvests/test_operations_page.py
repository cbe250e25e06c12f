"""The commands of docs/operations.md, run in their order as an operator would."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import click
import pytest
from service import (
    brisk_environment,
    command_on_path,
    free_ports,
    galaxies,
    sandbox,
)

from harvester.cli import main

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NEEDS = re.compile(r"# Needs ([^.:;]+)[.:;]")
_COMMAND = re.compile(r"^(harvester|docker|curl|ssh) ", re.MULTILINE)
_INLINE = re.compile(r"`(harvester [a-z][^`]*)`")

#: Why a block is not run here, and where else its commands are tried.
_REASONS = {
    "root and a package index": "the Dockerfile installs the same: `make image`",
    "systemd": "systemd-analyze reads the unit: tests/test_systemd.py",
    "each of these shells": "tests/test_systemd.py::test_completion",
    "another machine": "nothing of harvester is in it",
    "a harvest at work": "tests/harvests/test_control.py",
    "a mirror": "tests/harvests/test_service_mirrors.py",
    "a sandbox with --jwst": "tests/sandbox/jwst",
}

#: The harvest waits for one frame until it is stopped.
_IN_HAND = "hang@sdss-sas:times=1"


def _blocks():
    """Give language and text of each block of the page."""
    return [match.groups() for match in _BLOCK.finditer(_PAGE.read_text("utf-8"))]


def _needs(text):
    first = _NEEDS.match(text)
    return first[1] if first else ""


def _commands():
    """Give the blocks that are run."""
    return [text for word, text in _blocks() if word == "sh" and not _needs(text)]


def test_each_block_is_run_or_says_why_not():
    """A block is output, settings, or commands that are run or say what they need."""
    for word, text in _blocks():
        assert word in {"sh", "text", "toml"}, text
        assert word == "sh" or not _COMMAND.search(text)
    reasons = [_needs(text) for word, text in _blocks() if word == "sh"]
    assert set(reasons) - {""} == set(_REASONS)
    assert len(_commands()) > len(reasons) / 2


def test_commands_in_sentences():
    """Commands that a sentence or a table names exist, with these options."""
    text = _BLOCK.sub("", _PAGE.read_text("utf-8"))
    found = [re.sub(r"\s+", " ", one) for one in _INLINE.findall(text)]
    assert len(found) > 40
    for line in found:
        _, name, *words = line.replace("\\|", "|").split(" ")
        for one in name.split("|"):
            command = main.get_command(click.Context(main), one)
            assert command or one == "COMMAND", line
            given = {w.strip("[]") for w in words if w.strip("[]").startswith("--")}
            assert one == "COMMAND" or given <= _options(command), line


def _options(command):
    parts = [command, *getattr(command, "commands", {}).values()]
    # Options of the settings are added when they are asked for.
    found = [one for part in parts for one in part.get_params(click.Context(part))]
    names = [one.opts + one.secondary_opts for one in found]
    return {name for each in names for name in each} | {"--help"}


@pytest.fixture
def operator(tmp_path):
    """Give folder and environment of an operator whose archives are stand-ins."""
    elsewhere = tmp_path / "archives"
    elsewhere.mkdir()
    with sandbox(elsewhere, "--seed", "7", "--targets", "30") as archives:
        galaxies(archives).write(tmp_path / "galaxies.csv")
        places = {
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "PATH": command_on_path(tmp_path),
        }
        faults = {"FAULTS": f"{archives.urls['mast']}/_faults"}
        yield tmp_path, brisk_environment(**archives.settings(), **places, **faults)


@pytest.mark.harvest
@pytest.mark.long
@pytest.mark.timeout(900)
def test_all_commands(operator):
    """One terminal runs every block, and each ends well."""
    folder, environment = operator
    script = "\n".join(_script())
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
    )
    told = done.stdout[-3000:] + done.stderr[-3000:]
    assert done.returncode == 0, told
    assert "ended with code 143" in done.stdout
    assert "nothing is left to do" in done.stdout
    assert len(list((folder / "zoo").glob("cutouts/**/*.fits"))) == 60
    assert list((folder / "rehearsal").glob("cutouts/**/*.fits"))


def _script():
    """Yield the lines that a terminal is given."""
    # What was begun in the background ends with the terminal.
    yield "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"
    port = str(free_ports(1))
    for number, text in enumerate(_commands()):
        yield f"echo '== block {number}'"
        if begins := text.startswith("nohup harvester run"):
            yield f"curl --silent --fail --json '[\"{_IN_HAND}\"]' $FAULTS > /dev/null"
        yield text.replace("8765", port)
        if begins:
            # An operator looks later.
            yield "until harvester status zoo > /dev/null 2>&1; do sleep 0.2; done"
    yield "harvester health zoo"
