"""What unpacking a frame takes of a core, when every core is unpacking.

That is what bounds a harvest, and on a shared machine it changes from minute to minute:
so it is measured again in each round.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: Frames that each process unpacks.
_TIMES = 3

_UNPACK = """
import bz2, sys, time
packed = open(sys.argv[1], "rb").read()
began = time.process_time()
for _ in range(int(sys.argv[2])):
    bz2.decompress(packed)
print(time.process_time() - began)
"""


def decode_s(frame: Path) -> float:
    """Give the CPU seconds of one frame of bz2, the mean of all cores."""
    command = [sys.executable, "-c", _UNPACK, str(frame), str(_TIMES)]
    cores = len(os.sched_getaffinity(0))
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ourselves
        for _ in range(cores)
    ]
    seconds = [float(process.communicate()[0]) for process in running]
    return sum(seconds) / cores / _TIMES
