"""Run a command, and measure the time of it and all processes that it started.

``python measured.py FILE COMMAND...`` writes seconds of wall clock and of CPU to FILE
as JSON. Linux only: processes whose parent has ended (a process pool's server ends
after its owner) are handed over to this one, so that their CPU is counted too.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

#: prctl(2): orphans below this process become its own children.
_PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Run the command, wait for all of its processes, write the figures."""
    report, *command = sys.argv[1:]
    if ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        sys.exit("this system does not hand over orphans: Linux is needed")
    began = time.perf_counter()
    done = subprocess.run(command, check=False)
    wall_s = time.perf_counter() - began
    with suppress(ChildProcessError):  # until there are none
        while True:
            os.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {"wall_s": wall_s, "cpu_s": used.ru_utime + used.ru_stime}
    Path(report).write_text(json.dumps(figures))
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
