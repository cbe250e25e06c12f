"""The files of the container, without running them; ``make image`` runs them."""

from __future__ import annotations

import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from harvester.ledger.file import create_ledger, owned
from harvester.models import Survey, Target
from harvester.places import Places
from harvester.run.begin import remove_scratch, write_settings
from harvester.run.create_run import create_run
from harvester.run.new_run import NewRun
from harvester.settings.settings import load_settings

_REPOSITORY = Path(__file__).resolve().parent.parent
_ENTRY = _REPOSITORY / "docker" / "entrypoint.sh"
_CHECK = _REPOSITORY / "docker" / "healthcheck.sh"


@pytest.fixture(scope="module")
def steps():
    """Return the instructions of the Dockerfile as pairs (keyword, arguments)."""
    text = (_REPOSITORY / "Dockerfile").read_text()
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def compose():
    """Return the parsed compose.yaml."""
    return yaml.safe_load((_REPOSITORY / "docker" / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def harvest(compose):
    """Return the service of compose.yaml that is started without a profile."""
    (service,) = [one for one in compose["services"].values() if "profiles" not in one]
    return service


@pytest.fixture
def bin_folder(tmp_path):
    """Return a folder with a `harvester` that reads, extends, or prints its words."""
    stub = tmp_path / "bin" / "harvester"
    stub.parent.mkdir()
    stub.write_text(
        "#!/bin/sh\n"
        'case "$1" in status | health | extend)\n'
        f'exec {shlex.quote(sys.executable)} -m harvester "$@"\n'
        "esac\n"
        "printf 'asked:'; printf ' <%s>' \"$@\"\n"
    )
    stub.chmod(0o755)
    return stub.parent


def _run(script, bin_folder, run, *words, **environment):
    path = f"{bin_folder}:{os.environ['PATH']}"
    return subprocess.run(
        [script, *words],
        env={"PATH": path, "HARVESTER_RUN": str(run), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _ledger(run, state, **facts):
    run.mkdir()
    create_ledger(
        run / "ledger.sqlite",
        targets=[Target(0, "a", 10.0, 0.0, "a", 1)],
        rejects=[],
        surveys=[Survey.parse("sdss:r")],
        facts=facts,
    )
    with closing(sqlite3.connect(run / "ledger.sqlite")) as db, db:
        db.execute("UPDATE job SET state = ?", (state,))


def _words(steps, instruction):
    return [rest for word, rest in steps if word == instruction]


def test_bases(steps):
    """Every stage starts from the base image or from an earlier stage."""
    known = {"${BASE}"}
    for line in _words(steps, "FROM"):
        base, *name = line.split(" AS ")
        assert base in known
        known.update(name)
    assert steps[0] == ("ARG", "BASE=python:3.12-slim-bookworm")


def test_exec_form(steps):
    """Entry point and health check are in exec form, without a shell."""
    (entry,) = _words(steps, "ENTRYPOINT")
    assert json.loads(entry) == [f"/opt/harvester/{_ENTRY.name}"]
    (check,) = _words(steps, "HEALTHCHECK")
    command = check.partition(" CMD ")[2]
    assert json.loads(command) == [f"/opt/harvester/{_CHECK.name}"]


def test_scripts(steps):
    """The scripts are copied into the image and are executable."""
    (copied,) = [line for line in _words(steps, "COPY") if "/opt/harvester" in line]
    scripts = [_REPOSITORY / name for name in copied.split()[:-1]]
    assert scripts == [_ENTRY, _CHECK]
    assert all(os.access(script, os.X_OK) for script in scripts)


def test_user(steps):
    """The last stage ends as a numbered user that is not root."""
    last = max(n for n, (word, _) in enumerate(steps) if word == "FROM")
    assert _words(steps[last:], "USER") == ["10001:10001"]
    assert _words(steps[last:], "VOLUME") == ["/data"]


def test_nothing_unlocked(steps):
    """Every pip install uses hashes, or installs the wheel built before."""
    commands = " && ".join(_words(steps, "RUN")).split("&&")
    installs = [one.split() for one in commands if "install" in one and "pip" in one]
    assert len(installs) == 3
    for words in installs:
        assert "--require-hashes" in words or {"--no-index", "--no-deps"} <= set(words)
    assert not _words(steps, "ADD")


def test_build_context(steps):
    """All copied files exist, and .dockerignore lets only them into the build."""
    ignore = (_REPOSITORY / ".dockerignore").read_text().split("\n")
    assert "*" in ignore
    let_in = [line[1:] for line in ignore if line.startswith("!")]
    lines = [line for line in _words(steps, "COPY") if not line.startswith("--from")]
    for source in [name for line in lines for name in line.split()[:-1]]:
        assert (_REPOSITORY / source).exists()
        assert any(
            rule == source or Path(source).match(rule) or rule.startswith(source)
            for rule in let_in
        )


def test_only_data(harvest):
    """The container can write only to its volume and to /tmp."""
    assert harvest["read_only"] is True
    writable = [each for each in harvest["volumes"] if not each.endswith(":ro")]
    assert writable == ["harvest:/data"]
    (tmp,) = harvest["tmpfs"]
    assert tmp.startswith("/tmp:")
    assert {"noexec", "nosuid", "nodev"} <= set(tmp.split(":")[1].split(","))


def test_powerless(harvest):
    """The container has no capabilities or ports, and limited memory and processes."""
    assert harvest["cap_drop"] == ["ALL"]
    assert harvest["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "ports", "network_mode"} & set(harvest)
    assert {"cpus", "mem_limit", "pids_limit"} <= set(harvest)


def test_restarts(harvest):
    """The container is restarted after a failure, a limited number of times."""
    policy, _, times = harvest["restart"].partition(":")
    assert policy == "on-failure"
    assert 0 < int(times) <= 100


def test_stopping(harvest):
    """The stop grace period is longer than the 8 s that a harvest needs to stop."""
    assert int(harvest["stop_grace_period"].removesuffix("s")) > 8
    assert harvest["init"] is True


def test_build_folder(harvest):
    """Compose builds this repository's Dockerfile."""
    folder = _REPOSITORY / "docker" / harvest["build"]["context"]
    assert (folder / "Dockerfile").samefile(_REPOSITORY / "Dockerfile")


def test_settings_known(harvest, monkeypatch):
    """The settings in compose.yaml are valid, and the contact is required."""
    given = {"CONTACT": "me@example.org", "CATALOGUE": "galaxies.csv"}
    for name, text in harvest["environment"].items():
        monkeypatch.setenv(name, _filled_in(text, given))
    settings = load_settings()
    assert settings.politeness.contact == "me@example.org"
    # The limits of the container decide.
    assert settings.work.processes == 0
    assert float(_filled_in(harvest["cpus"], given)) == 2
    assert os.environ["HARVESTER_CATALOGUE"] == "/catalogues/galaxies.csv"
    with pytest.raises(KeyError):
        _filled_in(harvest["environment"]["HARVESTER__POLITENESS__CONTACT"], {})


def _filled_in(text, given):
    def value(match):
        name, kind, default = match.groups()
        return given[name] if kind == "?" else given.get(name, default)

    return re.sub(r"\$\{(\w+):([?-])([^}]*)\}", value, text)


def test_told(bin_folder, tmp_path):
    """Given arguments are passed on unchanged, whatever the state of the run."""
    _ledger(tmp_path / "run", "pending")
    done = _run(_ENTRY, bin_folder, tmp_path / "run", "verify", "--json")
    assert done.stdout == "asked: <verify> <--json>"


def test_begins(bin_folder, tmp_path):
    """Without a ledger, the entry point starts a run from the catalogue."""
    run = tmp_path / "run"
    done = _run(_ENTRY, bin_folder, run, HARVESTER_CATALOGUE="/my list.csv")
    assert done.stdout == f"asked: <run> </my list.csv> <--out> <{run}>"


def test_no_catalogue(bin_folder, tmp_path):
    """Without ledger and catalogue, it prints what to do and runs nothing."""
    done = _run(_ENTRY, bin_folder, tmp_path / "run")
    assert (done.returncode, done.stdout) == (2, "")
    assert "HARVESTER_CATALOGUE" in done.stderr


@pytest.mark.parametrize("state", ["pending", "located"])
def test_goes_on(bin_folder, tmp_path, state):
    """With open jobs it resumes the run, which does not need its catalogue any more."""
    run = tmp_path / "run"
    _ledger(run, state, catalogue="/list.csv")
    done = _run(_ENTRY, bin_folder, run, HARVESTER_CATALOGUE="/list.csv")
    assert done.stdout == f"asked: <resume> <{run}>"


@pytest.mark.parametrize("state", ["done", "no_coverage", "failed"])
def test_nothing_left(bin_folder, tmp_path, state):
    """With all jobs settled it prints the status, writes the manifest and succeeds."""
    run = tmp_path / "run"
    _ledger(run, state)
    done = _run(_ENTRY, bin_folder, run)
    assert done.returncode == 0
    assert "1 target\n" in done.stdout
    assert done.stdout.endswith(f"asked: <manifest> <{run}>")


@pytest.fixture
def begun(tmp_path):
    """Begin a run of two galaxies; give its folder and its catalogue."""
    places, catalogue = Places(tmp_path / "run"), tmp_path / "galaxies.csv"
    places.out.mkdir()
    catalogue.write_text("id,ra,dec\na,10,1\nb,20,2\n")
    settings = load_settings(surveys=["sdss:r"], catalogue={"path": str(catalogue)})
    write_settings(settings, places)
    create_run(NewRun.of(settings), places, lambda _: None, None)
    remove_scratch(places)
    return places.out, catalogue


def test_another_catalogue_given_to_the_container(bin_folder, begun, tmp_path):
    """Another catalogue is not ignored with exit 0: its galaxies are added."""
    run, other = begun[0], tmp_path / "others.csv"
    other.write_text("id,ra,dec\nc,30,3\nd,40,4\n")
    done = _run(_ENTRY, bin_folder, run, HARVESTER_CATALOGUE=str(other))
    assert "2 new (c, d)" in done.stdout
    assert done.stdout.endswith(f"asked: <resume> <{run}>")
    assert _targets(run) == 4


def test_more_rows_in_the_catalogue(bin_folder, begun):
    """Rows that the catalogue of the run has got since are added."""
    run, catalogue = begun
    with catalogue.open("a") as file:
        file.write("c,30,3\n")
    done = _run(_ENTRY, bin_folder, run, HARVESTER_CATALOGUE=str(catalogue))
    assert done.stdout.endswith(f"asked: <resume> <{run}>")
    assert _targets(run) == 3


@pytest.mark.parametrize("text", ["id,ra,dec\nx,10,1\ny,20,2\n", "no table", None])
def test_doubtful_catalogue(bin_folder, begun, tmp_path, text):
    """A catalogue that is doubtful, is none or is not there ends the container."""
    run, other = begun[0], tmp_path / "others.csv"
    if text:
        other.write_text(text)
    done = _run(_ENTRY, bin_folder, run, HARVESTER_CATALOGUE=str(other))
    assert (done.returncode, str(other) in done.stderr) == (2, True)
    assert "asked:" not in done.stdout
    assert _targets(run) == 2


def test_container_that_stays(bin_folder, begun):
    """With HARVESTER_WATCH it resumes a settled run, which takes new rows by itself."""
    run, catalogue = begun
    with closing(sqlite3.connect(run / "ledger.sqlite")) as db, db:
        db.execute("UPDATE job SET state = 'done'")
    given = {"HARVESTER_WATCH": "1", "HARVESTER_CATALOGUE": str(catalogue)}
    done = _run(_ENTRY, bin_folder, run, **given)
    assert done.stdout == f"asked: <resume> <{run}>"


def _targets(run):
    with closing(sqlite3.connect(run / "ledger.sqlite")) as db:
        return db.execute("SELECT count(*) FROM target").fetchone()[0]


def test_damaged_ledger(bin_folder, tmp_path):
    """An unreadable ledger ends the container with the exit code of the harvester."""
    run = tmp_path / "run"
    run.mkdir()
    (run / "ledger.sqlite").write_text("no ledger")
    done = _run(_ENTRY, bin_folder, run)
    assert (done.returncode, done.stdout) == (7, "")


def test_health(bin_folder, tmp_path):
    """The health check fails for a dead run or a bad ledger, and passes at the end."""
    run = tmp_path / "run"
    done = _run(_CHECK, bin_folder, run)
    assert (done.returncode, "no harvest begins one" in done.stdout) == (1, True)
    _ledger(run, "pending")
    done = _run(_CHECK, bin_folder, run)
    assert (done.returncode, "1 job is not done" in done.stdout) == (1, True)
    with owned(run / "ledger.lock"):
        assert _run(_CHECK, bin_folder, run).returncode == 0
    with closing(sqlite3.connect(run / "ledger.sqlite")) as db, db:
        db.execute("UPDATE job SET state = 'done'")
    done = _run(_CHECK, bin_folder, run)
    assert (done.returncode, done.stdout) == (0, "nothing is left to do\n")
    (run / "ledger.sqlite").write_text("no ledger")
    done = _run(_CHECK, bin_folder, run)
    assert (done.returncode, "ledger.sqlite" in done.stderr) == (1, True)
