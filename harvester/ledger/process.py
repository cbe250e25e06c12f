"""Which process harvests, so that another one can tell whether it still lives.

The system gives the number of a process that has ended to another one, in a container
almost always. So the time at which a process was started is compared as well.
"""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["ProcessMark"]

#: The text of a lock file.
_SIGNED = re.compile(r"process (\d+) on (.+)(?:\nstarted (.*))?")

#: Where the kernel tells of processes, and the number of this start of the machine.
_PROC, _BOOT = Path("/proc"), Path("/proc/sys/kernel/random/boot_id")

#: Fields in ``/proc/PID/stat`` behind the name of the program: state, and the time of
#: the start, in ticks since the machine was started.
_STATE, _STARTED = 0, 19


@dataclass(frozen=True, slots=True)
class ProcessMark:
    """A process of a machine; no other one has the same mark."""

    pid: int
    #: Name of the machine, or of the container.
    host: str
    #: When it was started, as the kernel counts; empty if that is not known.
    started: str

    @classmethod
    def own(cls) -> Self:
        """Give the mark of this process."""
        return cls(os.getpid(), socket.gethostname(), _started(os.getpid()))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Read what `signed` wrote; None if it is anything else.

        Earlier versions did not write when the process was started.
        """
        signed = _SIGNED.match(text)
        return signed and cls(int(signed[1]), signed[2], signed[3] or "")

    def signed(self) -> str:
        """Give it as the text of a lock file."""
        return f"{self.words}\nstarted {self.started}\n"

    @property
    def words(self) -> str:
        """Name it in a message."""
        return f"process {self.pid} on {self.host}"

    def is_alive(self) -> bool | None:
        """Whether it still runs; None if it is on another machine."""
        if self.host != socket.gethostname():
            return None
        if self.started:
            return _started(self.pid) == self.started
        return _is_there(self.pid)


def _started(pid: int) -> str:
    """Give the start of the machine and of a process; empty if it has ended."""
    try:
        # The name of the program may hold spaces and brackets.
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        boot = _BOOT.read_text().strip()
    except OSError:
        return ""
    # A zombie has ended; only its parent has not asked for its exit code yet.
    return "" if fields[_STATE] in "ZX" else f"{boot} {fields[_STARTED]}"


def _is_there(pid: int) -> bool:
    # A system without /proc, such as macOS.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it belongs to another user
        return True
    return True
