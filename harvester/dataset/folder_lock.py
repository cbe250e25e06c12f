"""Lock a folder that one process at a time may write."""

from __future__ import annotations

import fcntl
import os
import weakref
from typing import TYPE_CHECKING

from ..errors import LockedError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["lock_folder"]


def lock_folder(owner: object, folder: Path, work: str) -> None:
    """Keep other processes out of a folder for as long as ``owner`` lives.

    Parameters
    ----------
    work
        What writes there, such as "export", for the message.

    Raises
    ------
    LockedError
        Another process has it.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        msg = f"another {work} writes {folder}: wait for it, or stop it."
        raise LockedError(msg) from error
    weakref.finalize(owner, os.close, descriptor)
