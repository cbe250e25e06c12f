"""The disk of a run: whether it is a network disk, and its free space."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["check_room", "disk_notes", "free_bytes", "network_disk"]

_MOUNTS = Path("/proc/self/mountinfo")

#: File systems that several machines can mount at the same time.
_SHARED = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "ceph", "lustre"),
        *("gpfs", "glusterfs", "beegfs", "fuse.sshfs", "fuse.glusterfs", "fuse.rclone"),
    }
)


def disk_notes(folder: Path) -> Iterator[str]:
    """Yield warnings for the user about the disk of this folder."""
    if kind := network_disk(folder):
        yield (
            f"{folder} is on a network disk ({kind}). Do not work on this run from "
            "another machine. A local disk is safer and faster."
        )


def free_bytes(folder: Path) -> int:
    """Return the bytes that this user may still write to the disk of a folder.

    If the folder does not exist, its nearest parent that does counts.
    """
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    return shutil.disk_usage(there).free


def check_room(folder: Path, *, stamps: int, frames: int) -> None:
    """Check that the stamps and frames of a harvest, in bytes, fit on the disk.

    Raises
    ------
    LocalError
        They do not fit. The harvest would stop after days with a full disk.
    """
    free = free_bytes(folder)
    if stamps + frames > free:
        msg = (
            f"the disk of {folder} has {free / 1e9:,.1f} GB free, and this harvest "
            f"needs {(stamps + frames) / 1e9:,.1f} GB: {stamps / 1e9:,.1f} GB for "
            f"stamps and up to {frames / 1e9:,.1f} GB for cached frames. Free some "
            f"space, then run `harvester resume {folder}`. Or start a new run on "
            "another disk, with smaller stamps or fewer bands"
        )
        raise LocalError(msg)


def network_disk(folder: Path, mounts: Path = _MOUNTS) -> str | None:
    """Return the kind of network disk that holds a folder; None if local or unknown.

    Parameters
    ----------
    mounts
        The table of mounts of the kernel, see proc(5).
    """
    try:
        table = mounts.read_text("utf-8", "surrogateescape")
        inside = folder.resolve()
    except OSError:  # not Linux
        return None
    kinds = {
        point: kind for point, kind in map(_read_mount, table.splitlines()) if point
    }
    nearest = next((kinds[p] for p in (inside, *inside.parents) if p in kinds), None)
    return nearest if nearest in _SHARED else None


def _read_mount(line: str) -> tuple[Path | None, str]:
    # Fields: ID, parent, device, root, mount point, options, optional fields, a dash,
    # type, source, options. Blanks in the mount point are octal escapes.
    before, dash, after = line.partition(" - ")
    if not dash:
        return None, ""
    point = re.sub(
        r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), before.split()[4]
    )
    return Path(point), after.split()[0]
