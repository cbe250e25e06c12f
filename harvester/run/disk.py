"""The disk of a run: its kind, for a ledger wants one of this machine, and its room."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["check_room", "disk_words", "free_bytes", "network_disk"]

_MOUNTS = Path("/proc/self/mountinfo")

#: File systems that several machines may have open.
_SHARED = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "ceph", "lustre"),
        *("gpfs", "glusterfs", "beegfs", "fuse.sshfs", "fuse.glusterfs", "fuse.rclone"),
    }
)


def disk_words(folder: Path) -> Iterator[str]:
    """Give what the user of a run in this folder should know."""
    if kind := network_disk(folder):
        yield (
            f"{folder} is on a network disk ({kind}): no other machine may work on "
            "this run, and a disk of this machine is safer and quicker."
        )


def free_bytes(folder: Path) -> int:
    """Tell how many bytes this user may still write in a folder, or one above it."""
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    return shutil.disk_usage(there).free


def check_room(folder: Path, *, stamps: int, frames: int) -> None:
    """See that what a harvest is going to write has room; both in bytes.

    Raises
    ------
    LocalError
        It has not: to stop now is better than after days, with a full disk.
    """
    free = free_bytes(folder)
    if stamps + frames > free:
        msg = (
            f"the disk of {folder} has {free / 1e9:,.1f} GB left, and this harvest "
            f"needs {(stamps + frames) / 1e9:,.1f} GB: {stamps / 1e9:,.1f} of stamps "
            f"and up to {frames / 1e9:,.1f} of frames meanwhile. Make room, or choose "
            "another disk, smaller stamps or fewer bands; then harvester resume"
        )
        raise LocalError(msg)


def network_disk(folder: Path, mounts: Path = _MOUNTS) -> str | None:
    """Tell which kind of network disk a folder is on; None: none, or not known.

    Parameters
    ----------
    mounts
        The kernel's table of what is mounted where, proc(5).
    """
    try:
        table = mounts.read_text("utf-8", "surrogateescape")
        inside = folder.resolve()
    except OSError:  # another kernel than Linux
        return None
    kinds = {
        point: kind for point, kind in map(_read_mount, table.splitlines()) if point
    }
    nearest = next((kinds[p] for p in (inside, *inside.parents) if p in kinds), None)
    return nearest if nearest in _SHARED else None


def _read_mount(line: str) -> tuple[Path | None, str]:
    # ID, parent, device, root, place, options, any more, a dash, kind, source, options.
    before, dash, after = line.partition(" - ")
    if not dash:
        return None, ""
    place = re.sub(
        r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), before.split()[4]
    )
    return Path(place), after.split()[0]
