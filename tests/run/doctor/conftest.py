"""What the tests of the doctor share: stand-in archives, and the command."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from harvester.cli import main
from harvester.sandbox.server import SandboxOptions, run_in_thread

#: Higher rates than for real archives; nothing here is about the pace.
_BRISK = {"SDSS_SKY": "50", "SDSS_SAS": "100", "MAST": "100"}

_SURVEYS = ("--survey=sdss:r", "--survey=hst:WFC3/IR:F160W")


class Report(NamedTuple):
    """What the doctor said."""

    code: int
    #: About what, how much it matters, in which words, and what to do.
    findings: list[dict]
    probes: list[dict]

    def troubles(self):
        """Give what they are about, and their words with the advice."""
        return [
            (one["about"], f"{one['words']} {one['advice']}")
            for one in self.findings
            if one["level"] == "trouble"
        ]


@pytest.fixture(scope="module")
def archives():
    """Serve a small sky; the frames that the doctor asks for are painted once."""
    with run_in_thread(SandboxOptions(seed=7, targets=20, jwst="small")) as sandbox:
        yield sandbox


@pytest.fixture
def examined(archives, tmp_path, monkeypatch):
    """Give a function that runs the doctor while some faults are on."""
    for name, rate in _BRISK.items():
        monkeypatch.setenv(f"HARVESTER__SERVICES__{name}__RATE", rate)

    # Otherwise a cool-down of one test would keep the next from asking.
    monkeypatch.setenv("HARVESTER__POLITENESS__STATE_DIR", str(tmp_path / "state"))

    def examine(*faults, words=_SURVEYS, urls=None, wait_s=60):
        archives.faults.switch_on(faults)
        told = {**archives.urls, **(urls or {})}
        flags = [f"--base-url={name}={url}" for name, url in told.items()]
        call = ["doctor", str(tmp_path), *flags, *words, "--json", f"--wait={wait_s}"]
        done = CliRunner().invoke(main, call)
        archives.faults.switch_on(())
        assert done.exception is None or isinstance(done.exception, SystemExit)
        said = json.loads(done.stdout)
        assert said["exit_code"] == done.exit_code
        return Report(done.exit_code, said["findings"], said["probes"])

    return examine
