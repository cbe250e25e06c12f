"""A real SLURM on one node: munged, slurmctld and slurmd of this machine's packages."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from service import free_ports

if TYPE_CHECKING:
    from pathlib import Path

#: What has to be installed: munge, slurmctld, slurmd and slurm-client of Debian.
_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue")

#: Tasks that the node takes at once, however many cores it has.
CPUS = 8

#: Everything is in one folder, and nothing of the machine is changed: no control
#: groups, no accounting, no systemd.
_CONFIGURATION = """
ClusterName=harvest
SlurmctldHost={name}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={port}
SlurmdPort={next_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,sched_min_interval=0
MpiDefault=none
ReturnToService=2
MailProg=/bin/true
SlurmdParameters=config_overrides
NodeName={name} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=64000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """A cluster that is at work; its commands see nothing else."""

    def __init__(self, folder: Path) -> None:
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}

    def ask(self, *words, **more) -> str:
        """Run a command of SLURM to its end; give what it prints."""
        done = subprocess.run(
            [str(word) for word in words],
            capture_output=True,
            text=True,
            env={**self.environment, **more},
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def submit(self, *words, **environment) -> str:
        """Submit a job; give its number."""
        return self.ask("sbatch", "--parsable", *words, **environment).strip()

    def tasks(self, *jobs) -> dict[str, str]:
        """Give the state of each task that is not through yet, such as ``1_3``."""
        wanted = ["--jobs", ",".join(jobs)] if jobs else []
        listed = self.ask("squeue", "--noheader", "--array", "--format=%i %T", *wanted)
        return dict(line.split() for line in listed.splitlines())

    def wait_until(self, happened, seconds=90):
        """Wait until a condition holds."""
        deadline = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < deadline, f"it did not happen: {self.tasks()}"
            time.sleep(0.05)


def need_slurm():
    """Skip a test without SLURM; fail where it is required."""
    lacking = [name for name in _PROGRAMS if not _path_of(name)]
    if not lacking:
        return
    reason = f"no SLURM here ({', '.join(lacking)}): install it, as .ci/run does"
    if os.environ.get("HARVESTER_REQUIRE_SLURM"):
        pytest.fail(reason)
    pytest.skip(reason)


def _path_of(name):
    # Debian has the servers where the path of a user does not lead.
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


@contextmanager
def cluster(folder: Path):
    """Run a cluster during the block; no job outlives it."""
    _configure(folder)
    slurm = Slurm(folder)
    munge = [f"--{name}={folder}/munge.{name}" for name in ("socket", "pid-file")]
    munge += [f"--{n}-file={folder}/munge.{n}" for n in ("key", "log", "seed")]
    with ExitStack() as stack:
        start = stack.enter_context(_servers(folder, slurm.environment))
        start("munged", "--force", "--foreground", *munge)
        slurm.wait_until((folder / "munge.socket").exists)
        start("slurmctld", "-D", "-c", "-f", folder / "slurm.conf")
        start("slurmd", "-D", "-f", folder / "slurm.conf")
        slurm.wait_until(lambda: _is_idle(slurm))
        stack.callback(_cancel_all, slurm)
        yield slurm


def _configure(folder):
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(1024))
    for name in ("state", "spool"):
        (folder / name).mkdir()
    name, port = socket.gethostname().partition(".")[0], free_ports(2)
    text = _CONFIGURATION.format(
        name=name,
        user=_user(),
        port=port,
        next_port=port + 1,
        folder=folder,
        cpus=CPUS,
    )
    (folder / "slurm.conf").write_text(text)


def _user():
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


def _is_idle(slurm):
    done = subprocess.run(
        ["sinfo", "--noheader", "--format=%T"],
        capture_output=True,
        text=True,
        env=slurm.environment,
        check=False,
    )
    return done.stdout.strip() == "idle"


def _cancel_all(slurm):
    slurm.ask("scancel", "--user", _user())
    slurm.wait_until(lambda: not slurm.tasks())


@contextmanager
def _servers(folder, environment):
    started = []

    def start(name, *words):
        with (folder / f"{name}.out").open("wb") as said:
            process = subprocess.Popen(
                [_path_of(name), *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                env=environment,
            )
        started.append(process)

    try:
        yield start
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(30)
