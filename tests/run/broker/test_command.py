"""The command ``harvester broker``: as a service, and as a look at one."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
from contextlib import contextmanager

import pytest
from service import HARVESTER, harvester, wait_for


@contextmanager
def broker(folder, *words):
    """Serve a broker during the block; give its process and its address file."""
    file = folder / "broker.json"
    process = subprocess.Popen(
        [
            *(*HARVESTER, "broker", "--listen", "127.0.0.1:0", "--address-file", file),
            *("--state-dir", folder / "state", *words),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(file.exists, process)
        yield process, file
    finally:
        process.kill()
        process.communicate()


def test_service(tmp_path):
    """It writes a file for its user only, answers, tells of clients, and ends well."""
    with broker(tmp_path) as (process, file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        shown = harvester("broker", "--show", file, "--json")
        process.send_signal(signal.SIGTERM)
        printed, log = process.communicate(timeout=60)
    assert json.loads(shown.stdout) == {
        "lease_s": 30,
        "clients": [],
        "hosts": [],
    }
    assert process.returncode == 0
    assert f"harvests are given --broker {file}" in printed
    assert "came from 127.0.0.1" in log
    assert json.loads(file.read_text())["secret"] not in printed + log


def test_wrong_secret(tmp_path):
    """A harvest with another secret ends at once, and says what to do."""
    rows = tmp_path / "a.csv"
    rows.write_text("id,ra,dec\nNGC 1,10,10\n")
    secret = {"HARVESTER_BROKER_SECRET": "x" * 20}
    with broker(tmp_path) as (_, file):
        where = f"127.0.0.1:{json.loads(file.read_text())['port']}"
        words = ("run", rows, "--out", tmp_path / "out", "--survey", "sdss:r")
        # If it asked all the same, it would ask no archive.
        nowhere = [
            f"--base-url=sdss-{name}=http://127.0.0.1:{port}"
            for name, port in (("sky", 1), ("sas", 2))
        ]
        ended = harvester(*words, *nowhere, "--broker", where, **secret)
    assert ended.returncode == 2
    assert "the secret is not that of the broker" in ended.stderr + ended.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--listen", "0.0.0.0:0"], "needs a secret"),
        (["--listen", "here"], "no HOST:PORT"),
        (["--listen", "127.0.0.1:0", "--secret-file", "short"], "fewer than 16"),
        ([], "--listen HOST:PORT"),
        (["--show", "nowhere"], "neither"),
    ],
)
def test_refused(tmp_path, monkeypatch, words, expected):
    """What cannot be served or asked is refused before anything happens."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short").write_text("secret")
    done = harvester("broker", *words)
    assert done.returncode == 2
    assert expected in done.stderr


def test_nobody_there(tmp_path):
    """To look at a broker that is not there ends with 5, as it may come later."""
    done = harvester("broker", "--show", tmp_path / "broker.json")
    assert done.returncode == 5
    assert "cannot be asked" in done.stderr
