"""What must be the same here and on a worker, so that both cut the same stamps."""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

from .... import __version__

__all__ = ["differences", "software"]

#: The package, five folders above this file.
_PACKAGE = Path(__file__).resolve().parents[3]

_LIBRARIES = ("numpy", "astropy")


@cache
def software() -> dict[str, str]:
    """Give the versions, and a hash of the package's sources, of this process.

    Plain texts, because the two sides may have different classes.
    """
    return {
        "harvester": __version__,
        "harvester's files": _hash_of_sources(),
        "Python": f"{sys.version_info.major}.{sys.version_info.minor}",
        **{name: version(name) for name in _LIBRARIES},
    }


def differences(there: dict[str, str], here: dict[str, str]) -> str:
    """Say in words what a worker has, and what it should have; empty if all agrees."""
    return ", ".join(
        f"{name} {there.get(name, 'none')} instead of {needed}"
        for name, needed in here.items()
        if there.get(name) != needed
    )


def _hash_of_sources() -> str:
    every = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            every.update(path.relative_to(_PACKAGE).as_posix().encode())
            every.update(path.read_bytes())
    return every.hexdigest()[:12]
