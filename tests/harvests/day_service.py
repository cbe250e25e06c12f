"""What `day` watches: a harvest that a service manager starts, and its health."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

from service import kill_group

_HERE = Path(__file__).parent

#: A command of harvester by the fast clock.
HURRIED = (sys.executable, str(_HERE / "fast_clock.py"))


class Service:
    """A harvest that is started again when it fails, as systemd and Docker do.

    Parameters
    ----------
    begin, resume
        The words of the command without a run, and with one.
    pause_s
        Seconds of the machine's clock before it is started again.
    """

    def __init__(self, run, *, begin, resume, environment, pause_s):
        self._run, self._begin, self._resume = run, begin, resume
        self._environment, self._pause_s = environment, pause_s
        self._over = Event()
        self._process = None
        #: Exit codes, one for each end.
        self.codes = []
        self._keeper = Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def _keep(self):
        while not self._over.is_set():
            has_begun = (self._run / "ledger.sqlite").exists()
            words = self._resume if has_begun else self._begin
            with (self._run.parent / "said").open("a") as said:
                self._process = subprocess.Popen(
                    [*HURRIED, *map(str, words)],
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    env=self._environment,
                    start_new_session=True,
                )
                self.codes.append(self._process.wait())
            if self.codes[-1] == 0:
                break
            self._over.wait(self._pause_s)

    def kill(self):
        """Kill the harvest and all its processes, as a machine that goes down does."""
        kill_group(self._process)

    def stop(self):
        """Stop it for good; give the last exit code."""
        self._over.set()
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGTERM)
        self._keeper.join(60)
        kill_group(self._process)
        return self.codes[-1]


class Probe:
    """Judges the health of a run all the time, in a process of its own."""

    def __init__(self, run, file, minutes, environment):
        self._file = file
        self._process = subprocess.Popen(
            [sys.executable, _HERE / "health_beside.py", run, file, str(minutes)],
            stdin=subprocess.PIPE,
            env=environment,
        )

    def close(self):
        """End it."""
        self._process.stdin.close()
        self._process.wait(60)

    def verdicts(self):
        """Give what it has found so far, in the order of time."""
        return [json.loads(line) for line in self._file.read_text().splitlines()]

    def wait_for(self, *, is_healthy, seconds=60):
        """Wait for a verdict; give its time, of the fast clock."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.verdicts() if self._file.exists() else []
            if found and found[-1]["is_healthy"] is is_healthy:
                return found[-1]["at"]
            time.sleep(0.1)
        msg = f"the run did not become {'' if is_healthy else 'un'}healthy"
        raise AssertionError(msg)


class Log:
    """The log of the harvest, by lines of JSON."""

    def __init__(self, file):
        self._file = file

    def lines(self):
        """Give all lines so far."""
        if not self._file.exists():
            return []
        return [json.loads(line) for line in self._file.read_text().splitlines()]

    def wait_for(self, event, text="", *, after=0, seconds=120):
        """Wait for a line behind the first ones; give the number of lines to it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            lines = self.lines()
            for number in range(after, len(lines)):
                one = lines[number]
                if one["event"] == event and text in one["text"]:
                    return number + 1
            time.sleep(0.1)
        msg = f"the log has no {event} with {text!r}"
        raise AssertionError(msg)
