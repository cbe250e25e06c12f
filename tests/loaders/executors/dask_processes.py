"""A Dask scheduler and its workers as processes of their own, which may be killed."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
from service import free_ports, wait_for

#: The command of the environment that the tests run in.
_DASK = str(Path(sys.executable).with_name("dask"))

_REPOSITORY = Path(__file__).resolve().parents[3]

_QUIET = ("--no-dashboard",)


class DaskProcesses:
    """A scheduler at a fixed port, and workers that are started one by one.

    Parameters
    ----------
    folder
        Scratch folder of the workers, which is also their working directory.
    """

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.port = free_ports(1)
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.executor = f"dask://127.0.0.1:{self.port}"
        self.scheduler = None
        self.workers = []

    def start_scheduler(self):
        """Start the scheduler, also again at the same address."""
        self.scheduler = self._start(
            *("scheduler", "--host", "127.0.0.1", "--port", str(self.port), *_QUIET),
            "--no-jupyter",
        )

    def start_worker(self, *options, **environment):
        """Start a worker with a nanny; give its process."""
        words = ("worker", self.address, "--nthreads", "1", *_QUIET, *options)
        self.workers.append(self._start(*words, **environment))
        return self.workers[-1]

    def _start(self, *words, **environment):
        path = {"PYTHONPATH": f"{_REPOSITORY}:{Path(__file__).parent}"}
        with (self.folder / "said").open("a") as said:
            return subprocess.Popen(
                [_DASK, *words],
                cwd=self.folder,
                stdout=said,
                stderr=subprocess.STDOUT,
                env=os.environ | path | environment,
                start_new_session=True,
            )

    def cutting(self):
        """Give the processes that do the work: the children of the nannies."""
        found = []
        for nanny in self.workers:
            with suppress(psutil.NoSuchProcess):
                found += [
                    one
                    for one in psutil.Process(nanny.pid).children()
                    if "spawn_main" in " ".join(one.cmdline())
                ]
        return found

    def await_cutting(self, count=1):
        """Wait until so many processes are there to work; give them."""
        wait_for(lambda: len(self.cutting()) >= count, self.workers[-1])
        return self.cutting()

    def said(self):
        """Give what the processes have printed."""
        return (self.folder / "said").read_text()

    def kill_scheduler(self):
        """Send SIGKILL to the scheduler."""
        self.scheduler.kill()
        self.scheduler.wait()

    def close(self):
        """End everything."""
        every = [*self.workers, *([self.scheduler] if self.scheduler else ())]
        for process in every:
            children = []
            with suppress(psutil.NoSuchProcess):
                children = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            process.wait()
            for child in children:
                with suppress(psutil.NoSuchProcess):
                    child.kill()
