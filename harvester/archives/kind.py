"""The archives, one module each, behind one protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from ..models import Ask, Finding, Survey

__all__ = ["Archive"]


class Archive(Protocol):
    """Knows how to find the products that hold a galaxy."""

    name: str
    #: A target whose frame does not hold it may be asked about once more.
    may_relocate: bool

    def recognise(
        self, survey: Survey, asks: Sequence[Ask]
    ) -> AsyncIterator[Sequence[Finding]]:
        """Give findings of those that no request is needed for, in batches."""
        ...

    def locate(
        self, survey: Survey, asks: Sequence[Ask]
    ) -> AsyncIterator[Sequence[Finding]]:
        """Give a finding for each ask, in batches as the archive answers.

        What was given by `recognise` is not asked about again.

        Raises
        ------
        OutageError, TransientError, PermanentError
            Those that were not given yet have no answer.
        """
        ...
