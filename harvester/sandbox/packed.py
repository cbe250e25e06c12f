"""Compress painted frames as the archive does, and keep them for later sandboxes.

Compressing a frame takes ten times as long as painting it. What is kept is found by the
bytes that were compressed, so that it is right whatever painted them.
"""

from __future__ import annotations

import bz2
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

__all__ = ["FOLDER_VARIABLE", "Packer"]

#: The variable of the environment that names the folder; unset: nothing is kept.
FOLDER_VARIABLE = "HARVESTER_SANDBOX_PACKED"


class Packer:
    """Compresses by bz2; several processes may share its folder.

    Parameters
    ----------
    folder
        Where compressed frames are kept; ``None``: nowhere. Nobody empties it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    @classmethod
    def of_environment(cls) -> Packer:
        """Make the one whose folder `FOLDER_VARIABLE` names."""
        named = os.environ.get(FOLDER_VARIABLE)
        return cls(Path(named) if named else None)

    def __call__(self, frame: bytes) -> bytes:
        """Give the compressed frame."""
        if self._folder is None:
            return bz2.compress(frame)
        path = self._folder / f"{hashlib.sha256(frame).hexdigest()}.bz2"
        try:
            return path.read_bytes()
        except OSError:  # It is not there, or cannot be read.
            packed = bz2.compress(frame)
        self._keep(path, packed)
        return packed

    def _keep(self, path: Path, packed: bytes) -> None:
        """Write the file whole or not at all; that it cannot be kept is no failure."""
        new = path.with_name(f"{path.name}.{uuid4().hex}")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                new.write_bytes(packed)
                new.replace(path)
            finally:
                new.unlink(missing_ok=True)
