"""What an archive's identifiers tell of a galaxy; the archive itself knows how."""

from __future__ import annotations

from typing import Protocol

__all__ = ["IdentifierScheme"]


class IdentifierScheme(Protocol):
    """The identifiers of one archive."""

    #: The archive, as people write it.
    title: str
