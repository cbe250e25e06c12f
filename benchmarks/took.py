"""Run a command of the harvester, and measure its process.

``python took.py FILE WORDS...`` writes to FILE, as JSON: peak memory, seconds of clock
and of CPU, the exit code, and how long the callbacks of its event loop ran. Memory is
not that of getrusage, whose peak begins with that of the process that started it.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

#: Relative precision of stored times, so that millions of callbacks take little memory.
_STEP = 1.05


class Callbacks:
    """Running times of event loops' callbacks: CPU of the thread, and wall clock."""

    def __init__(self) -> None:
        self._cpu: Counter[int] = Counter()
        self._most_cpu_s = self._most_wall_s = 0.0
        self._slowest = ""

    def watch(self) -> None:
        """Time each callback that any loop runs from now on."""
        run = asyncio.Handle._run  # noqa: SLF001 - asyncio tells of no other place

        def timed(handle: asyncio.Handle) -> None:
            began, cpu = time.perf_counter(), time.thread_time()
            run(handle)
            self._add(handle, time.thread_time() - cpu, time.perf_counter() - began)

        asyncio.Handle._run = timed  # type: ignore[method-assign, assignment] # noqa: SLF001 - as above

    def _add(self, handle: asyncio.Handle, cpu_s: float, wall_s: float) -> None:
        self._cpu[round(math.log(max(cpu_s, 1e-7), _STEP))] += 1
        self._most_wall_s = max(self._most_wall_s, wall_s)
        if cpu_s > self._most_cpu_s:
            self._most_cpu_s, self._slowest = cpu_s, repr(handle)

    def to_json(self) -> dict[str, Any]:
        """Give the number of callbacks, and milliseconds."""
        return {
            "count": self._cpu.total(),
            "p99_ms": 1e3 * self._quantile(0.99),
            "p9999_ms": 1e3 * self._quantile(0.9999),
            "most_ms": 1e3 * self._most_cpu_s,
            "most_wall_ms": 1e3 * self._most_wall_s,
            "slowest": self._slowest,
        }

    def _quantile(self, part: float) -> float:
        left = part * self._cpu.total()
        for step in sorted(self._cpu):
            left -= self._cpu[step]
            if left <= 0:
                return float(_STEP**step)
        return 0.0


def main() -> None:
    """Run the command and write the figures."""
    report, *words = sys.argv[1:]
    began = time.perf_counter()
    callbacks = Callbacks()
    callbacks.watch()
    from harvester.cli import main as command  # its time counts

    code: object = 0
    try:
        command(words, standalone_mode=False)
    except SystemExit as leaving:
        code = leaving.code
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak is not None
    figures = {
        "peak_mb": int(peak[1]) / 1000,
        "wall_s": time.perf_counter() - began,
        "cpu_s": time.process_time(),
        "code": code,
        "callbacks": callbacks.to_json(),
    }
    Path(report).write_text(json.dumps(figures), encoding="utf-8")


if __name__ == "__main__":
    main()
