"""The words of the setting that says where frames are cut."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, Self

__all__ = ["ExecutorChoice", "checked_executor"]

_WORDS = (
    "processes (on this machine), dask:local or dask:local:4 (Dask workers on this "
    "machine), dask://HOST:PORT (a Dask scheduler; also tcp:// and tls://)"
)

_LOCAL = re.compile(r"dask:local(?::([1-9][0-9]{0,3}))?")
_SCHEDULER = re.compile(r"(dask|tcp|tls)://([^\s/:@]+|\[[0-9A-Fa-f:.%]+\]):([0-9]+)/?")

_LAST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class ExecutorChoice:
    """Where frames are cut."""

    kind: Literal["processes", "local", "scheduler"]
    #: Dask workers to start; 0: as many as there is room for.
    workers: int = 0
    #: Address of a Dask scheduler.
    address: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``processes``, ``dask:local:4``, ``dask://HOST:PORT`` and the like.

        Raises
        ------
        ValueError
            It is none of them.
        """
        word = text.strip()
        if word == "processes":
            return cls("processes")
        if local := _LOCAL.fullmatch(word):
            return cls("local", int(local[1] or 0))
        found = _SCHEDULER.fullmatch(word)
        if found and 0 < int(found[3]) <= _LAST_PORT:
            scheme = "tls" if found[1] == "tls" else "tcp"
            return cls("scheduler", address=f"{scheme}://{found[2]}:{found[3]}")
        msg = f"there is no executor {text!r}. Executors: {_WORDS}"
        raise ValueError(msg)


def checked_executor(text: str) -> str:
    """Return the words if they name an executor; `ValueError` if not."""
    ExecutorChoice.parse(text)
    return text.strip()
