"""How many processes this machine, or this container, has cores and memory for.

A container sees all cores and the whole memory of its host. What it may use of them is
said by its control groups: version 2 has one tree of groups, version 1 one for each
resource. The limits of all groups around a process hold for it.
"""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Room", "process_count", "read_room"]

#: Bytes that a cutting process needs, and those of the process that fetches. With SDSS
#: frames they have a quarter of that; larger images take more.
_PROCESS_BYTES, _MAIN_BYTES = 256 << 20, 512 << 20

#: Version 1 writes a number close to 2^63 where there is no limit of the memory.
_NO_LIMIT = 1 << 60


class Room(NamedTuple):
    """What this process and its children may use."""

    #: Cores that the scheduler gives: all, or those that a user or a container chose.
    cores: int
    #: Cores that the control groups allow, such as 1.5; infinite: no limit.
    quota: float
    #: Bytes that the control groups allow; infinite: no limit.
    memory: float

    @property
    def processes(self) -> int:
        """Cutting processes for which there is room; at least one."""
        # A part of a core is worth a process: rounded down, it would be idle.
        by_quota = math.ceil(min(self.cores, self.quota))
        by_memory = (min(self.memory, _NO_LIMIT) - _MAIN_BYTES) // _PROCESS_BYTES
        return max(1, min(by_quota, int(by_memory)))


def process_count() -> int:
    """Give the number of cutting processes for which there are cores and memory."""
    return read_room().processes


def read_room(root: Path = Path("/")) -> Room:
    """Read what this process may use; ``root`` is where /proc and /sys are."""
    quotas = [_quota(folder) for folder in _groups(root, "cpu")]
    memories = [_memory(folder) for folder in _groups(root, "memory")]
    return Room(
        len(os.sched_getaffinity(0)),
        min(quotas, default=math.inf),
        min(memories, default=math.inf),
    )


def _groups(root: Path, resource: str) -> Iterator[Path]:
    """Yield the folders of the groups around this process that limit a resource."""
    mounted = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:  # there are no control groups, as on macOS
        return
    for line in lines:
        _, names, path = line.split(":", 2)
        if names and resource not in names.split(","):
            continue
        # Version 1 has a folder for each resource; for two at once also a link.
        tree = mounted / resource if names else mounted
        # In a container the path may be that on its host, where only its end, or only
        # the top, is mounted.
        group = tree / path.lstrip("/")
        yield from (one for one in (group, *group.parents) if one.is_relative_to(tree))


def _quota(group: Path) -> float:
    """Give the cores that a group allows; infinite: no limit is stated."""
    with suppress(OSError, ValueError):
        quota, period = map(float, _cpu_words(group))
        if quota > 0 and period > 0:
            return quota / period
    return math.inf


def _cpu_words(group: Path) -> list[str]:
    limit = group / "cpu.max"
    if limit.exists():
        return limit.read_text("utf-8").split()
    parts = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    return [(group / part).read_text("utf-8") for part in parts]


def _memory(group: Path) -> float:
    """Give the bytes that a group allows; infinite: no limit is stated."""
    for name in ("memory.max", "memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            size = float((group / name).read_text("utf-8"))
            return size if 0 < size < _NO_LIMIT else math.inf
    return math.inf
