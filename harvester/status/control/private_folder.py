"""Folders for sockets and secrets, which only the owner may enter."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from ...transport.account_file import state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...places import Places

__all__ = ["LONGEST_PATH", "make_private", "socket_paths"]

#: Bytes of the path of a Unix socket at most: Linux has 108, and one ends it.
LONGEST_PATH = 107

_NAME = "ctl.sock"


def socket_paths(places: Places) -> Iterator[Path]:
    """Yield where the socket of a run may be, the best place first.

    In the folder of the run, so that it is found there from a container too. If that
    path is too long, or its file system has no sockets, a short path in the folder of
    this login (``$XDG_RUNTIME_DIR``), or in that of the user's state.
    """
    run = places.control.absolute()
    short = hashlib.sha256(os.fsencode(run)).hexdigest()[:16]
    yield from _short_enough(run / _NAME)
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    for folder in (Path(runtime) / "harvester" if runtime else None, state_folder()):
        if folder is not None:
            yield from _short_enough(folder.absolute() / "ctl" / f"{short}.sock")


def _short_enough(path: Path) -> Iterator[Path]:
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield path


def make_private(folder: Path) -> None:
    """Make a folder that only this user may enter; change the mode of an existing one.

    Raises
    ------
    OSError
        It cannot be made, or belongs to another user.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
        msg = "it is no folder of this user"
        raise PermissionError(0, msg, str(folder))
    folder.chmod(0o700)
