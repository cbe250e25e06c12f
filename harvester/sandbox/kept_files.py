"""Rendered files that are kept on disk for later sandboxes of the same sky.

To paint and to compress them is most of the work of a sandbox. They are found by all
that decides about their bytes: the sky, the name, this code and the libraries used.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FOLDER_VARIABLE", "KeptFiles"]

#: The variable of the environment that names the folder; unset: nothing is kept.
FOLDER_VARIABLE = "HARVESTER_SANDBOX_KEEP"

_LIBRARIES = ("numpy", "scipy", "astropy")


class KeptFiles:
    """Files of one sky, in a folder that several processes may share.

    Parameters
    ----------
    folder
        Where they are kept; ``None``: nowhere. No file is ever deleted from it.
    sky
        All that decides about the sky.
    """

    def __init__(self, folder: Path | None, sky: str) -> None:
        self._folder = folder
        self._sky = sky

    @classmethod
    def of_environment(cls, sky: str) -> KeptFiles:
        """Make those whose folder `FOLDER_VARIABLE` names."""
        named = os.environ.get(FOLDER_VARIABLE)
        return cls(Path(named) if named else None, sky)

    def get(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Give a file; if it is not kept yet, ``make`` renders it."""
        if self._folder is None:
            return make()
        words = (_code(), self._sky, name)
        path = self._folder / hashlib.sha256("\n".join(words).encode()).hexdigest()
        try:
            return path.read_bytes()
        except OSError:  # It is not there, or cannot be read.
            body = make()
        _keep(path, body)
        return body


def _keep(path: Path, body: bytes) -> None:
    """Write the file whole or not at all; that it cannot be kept is no failure."""
    new = path.with_name(f"{path.name}.{uuid4().hex}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            new.write_bytes(body)
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)


@lru_cache(1)
def _code() -> str:
    """Give a digest of all modules of the sandbox, and of what computes for them."""
    digest = hashlib.sha256()
    own = Path(__file__).parent
    for path in sorted(own.rglob("*.py")):
        digest.update(f"{path.relative_to(own)}\n".encode() + path.read_bytes())
    digest.update(" ".join(map(version, _LIBRARIES)).encode())
    return digest.hexdigest()
