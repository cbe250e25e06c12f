"""The commands that a harvest at work takes, and how each is written as JSON."""

from __future__ import annotations

import difflib
from enum import StrEnum

__all__ = ["Verb", "nearest_verb"]


class Verb(StrEnum):
    """A command; it is also the last part of its address on the socket."""

    PAUSE = "pause"
    """Send no request until `RESUME`; its JSON is empty."""
    RESUME = "resume"
    """End a pause; its JSON is empty."""
    RETRY = "retry"
    """Take up failed jobs; its JSON has the fields of `RetryChoice`."""
    RATE = "rate"
    """Set the requests a second of a host; its JSON has ``host`` and ``rate``."""
    STATUS = "status"
    """Change nothing, and tell how it stands; its JSON is empty."""


def nearest_verb(word: str) -> str:
    """Give the command that was probably meant; empty if none is similar."""
    close = difflib.get_close_matches(word.lower(), list(Verb), n=1)
    return str(close[0]) if close else ""
