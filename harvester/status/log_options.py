"""What a user may choose of the log: its form, how much, and a file."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["FORMATS", "LogFormat", "LogOptions"]

LogFormat = Literal["console", "json", "logfmt", "journald"]

FORMATS: tuple[LogFormat, ...] = get_args(LogFormat)


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What goes into the log, how, and where."""

    format: LogFormat = "console"
    #: Less than usual (-1: warnings only) or more (1: what modules say; 2: every job).
    verbosity: int = 0
    #: A file that gets the log too; None: none does.
    file: Path | None = None

    @classmethod
    def of(cls, flags: Mapping[str, Any]) -> LogOptions:
        """Take them from the options of a command."""
        verbosity = -1 if flags.get("quiet") else flags.get("verbose", 0)
        return cls(
            flags.get("log_format") or "console", verbosity, flags.get("log_file")
        )

    @property
    def event_level(self) -> int:
        """The lowest level of events that is logged."""
        levels = {-1: logging.WARNING, 0: logging.INFO, 1: logging.INFO}
        return levels.get(self.verbosity, logging.DEBUG)

    @property
    def module_level(self) -> int:
        """The lowest level of what modules say; some say it of each frame."""
        levels = {-1: logging.WARNING, 0: logging.WARNING, 1: logging.INFO}
        return levels.get(self.verbosity, logging.DEBUG)
