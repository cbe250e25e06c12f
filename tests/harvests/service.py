"""The real service in its own processes: a sandbox, and harvests against it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from astropy.table import Table

HARVESTER = (sys.executable, "-m", "harvester")

#: Rates higher than for real archives; the sandbox counts the requests.
BRISK = {
    "HARVESTER__SERVICES__SDSS_SKY__RATE": "50",
    "HARVESTER__SERVICES__SDSS_SAS__RATE": "100",
    "HARVESTER__SERVICES__MAST__RATE": "100",
    "HARVESTER__POLITENESS__LONGEST_BACKOFF_S": "1",
    # A request for each frame, as with the rates of real archives: with these rates
    # single blocks would be quicker. `test_ways` takes the others.
    "HARVESTER__SDSS__WAY": "early",
}


@dataclass(frozen=True)
class Sandbox:
    """The addresses of a running sandbox."""

    urls: dict[str, str]
    catalogue: Path

    def flags(self) -> list[str]:
        """Give the options that send a harvest to it."""
        return [f"--base-url={name}={url}" for name, url in self.urls.items()]

    def settings(self) -> dict[str, str]:
        """Give the variables of the environment that do the same."""
        return {
            f"HARVESTER__SERVICES__{name.upper().replace('-', '_')}__BASE_URL": url
            for name, url in self.urls.items()
        }

    def host(self, service: str) -> str:
        """Give the name by which a harvest knows the host of a service."""
        return self.urls[service].removeprefix("http://")

    def stats(self) -> dict[str, dict]:
        """Give its counts."""
        return json.loads(self.ask("/_stats"))

    def ask(self, path: str, body: object = None, service: str = "mast") -> bytes:
        """Request one of its own pages; a body is posted as JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.urls[service].removesuffix("/sas") + path,
            data,
            {"Content-Type": "application/json"},
            method="GET" if data is None else "POST",
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.read()


def galaxies(archives: Sandbox) -> Table:
    """Give the catalogue of a sandbox as a table with a row for each galaxy."""
    (row,) = Table.read(archives.catalogue)
    return Table({name: row[name] for name in row.colnames})


@contextmanager
def sandbox(folder: Path, *options: str, **how):
    """Serve the sandbox during the block, with options of its command."""
    process, archives = start_sandbox(folder, *options, **how)
    try:
        yield archives
    finally:
        process.terminate()
        process.wait(60)
        process.stdin.close()


def start_sandbox(
    folder: Path,
    *options: str,
    catalogue: bool = True,
    command=HARVESTER,
    environment=None,
):
    """Start the sandbox; give its process, and its addresses once it listens."""
    ready, listed = folder / "ready.json", folder / "catalogue.fits"
    ready.unlink(missing_ok=True)
    process = subprocess.Popen(
        [
            *(*command, "sandbox", "--exit-with-stdin", "--ready-file", ready),
            *(("--catalogue", listed) if catalogue else ()),
            *options,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=environment,
    )
    try:
        wait_for(ready.exists, process)
    except BaseException:
        process.kill()
        process.wait()
        process.stdin.close()
        raise
    return process, Sandbox(json.loads(ready.read_text()), listed)


def wait_for(happened, process, seconds=120):
    """Wait until a condition holds; fail if the process or the time ends before."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert process.poll() is None, "the process ended before"
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def command_on_path(folder):
    """Put the command of this Python into a folder; give a PATH with it."""
    command = folder / "bin" / "harvester"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.join(HARVESTER)} "$@"\n')
    command.chmod(0o755)
    return f"{command.parent}:{os.environ['PATH']}"


def brisk_environment(**more):
    """Give the environment of a harvest without long pauses."""
    return os.environ | BRISK | more


def free_ports(count):
    """Give the first of several free ports in a row."""
    for first in range(20_000 + os.getpid() % 1000 * 8, 32_000, count):
        with ExitStack() as held, suppress(OSError):
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    msg = "no port is free"
    raise OSError(msg)


def harvester(*words, **environment):
    """Run a command of the harvester to its end; give the completed process."""
    return subprocess.run(
        [*HARVESTER, *map(str, words)],
        capture_output=True,
        text=True,
        env=brisk_environment(**environment),
        timeout=600,
        check=False,
    )


def start(*words, **environment):
    """Start a command in a process group of its own; give the process."""
    return subprocess.Popen(
        [*HARVESTER, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=brisk_environment(**environment),
        start_new_session=True,
    )


def status(run):
    """Give the output of ``status --json`` for a run."""
    done = harvester("status", run, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def stamps(run):
    """Give the stamps on disk, relative to the run."""
    return sorted(str(p.relative_to(run)) for p in Path(run).glob("cutouts/**/*.fits"))


def kill_group(process):
    """Kill a process and all its children."""
    with suppress(ProcessLookupError):  # it has come to its end meanwhile
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()


def survivors(group, seconds=20):
    """Give the processes of a group that are still alive after a while."""
    deadline = time.monotonic() + seconds
    while (alive := _members(group)) and time.monotonic() < deadline:
        psutil.wait_procs(alive, timeout=0.2)
    return alive


def _members(group):
    members = []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(process.pid) != group:
                continue
            if process.status() != psutil.STATUS_ZOMBIE:
                members.append(process)
    return members
