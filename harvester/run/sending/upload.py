"""Sends one stamp: an object is made once, and never replaced unless it is our own.

A stamp that was cut again (`retry --better`, a replaced image, `verify --repair`) may
have other bytes than the object under its name. That one is replaced if this run has
sent it, and only if nothing has changed it since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...dataset.object_store.found_object import RUN, SHA256
from ...errors import InputError, TransientError

if TYPE_CHECKING:
    from ...dataset.object_store.found_object import FoundObject
    from ...dataset.object_store.objects import Objects
    from ...ledger.outbox import Outbox, Unsent

    Labels = dict[str, str]

__all__ = ["Upload"]

#: How often an object that changes meanwhile is looked at.
_LOOKS = 3


class Upload:
    """Sends the stamps of one run."""

    def __init__(self, objects: Objects, outbox: Outbox, run: str) -> None:
        self._objects = objects
        self._outbox = outbox
        self._run = run
        #: Stamps whose sending was cut off: a store that was killed, and writes objects
        #: in place, may have a part of them.
        self._cut_off: set[str] = set()

    async def send(self, stamp: Unsent, content: bytes) -> None:
        """Send a stamp, and keep that it was sent.

        Raises
        ------
        InputError
            There is an object of this name with other bytes, which is not of this run.
        """
        labels = {SHA256: stamp.sha256, RUN: self._run}
        try:
            await self._send(stamp, content, labels)
        except TransientError:
            self._cut_off.add(stamp.name)
            raise
        self._cut_off.discard(stamp.name)

    async def _send(self, stamp: Unsent, content: bytes, labels: Labels) -> None:
        for _ in range(_LOOKS):
            e_tag = await self._objects.put_new(stamp.name, content, labels)
            e_tag = e_tag or await self._compared(stamp, content, labels)
            if e_tag:
                self._outbox.keep_sent(stamp.name, stamp.sha256, e_tag)
                return
        msg = (
            f"{self._name(stamp)} changes while it is compared: another program writes "
            "there. Stop it, then resume"
        )
        raise InputError(msg)

    async def _compared(
        self, stamp: Unsent, content: bytes, labels: Labels
    ) -> str | None:
        """Give the ETag of the object once it is this stamp; None: it has changed."""
        there = await self._objects.look(stamp.name)
        if there is None:
            return None
        is_same = there.size == stamp.size and (
            await self._objects.sha256_of(there) == stamp.sha256
        )
        if is_same:
            return there.e_tag
        if not self._is_ours(there):
            msg = (
                f"{self._name(stamp)} has other bytes than the stamp of this run, and "
                "this run has not written them. Nothing was overwritten. Remove that "
                "object or choose another prefix, then resume"
            )
            raise InputError(msg)
        return await self._objects.replace(stamp.name, content, labels, there.e_tag)

    def _is_ours(self, there: FoundObject) -> bool:
        sent = self._outbox.sent(there.name)
        is_as_sent = sent is not None and sent[1] == there.e_tag
        is_part = there.name in self._cut_off and not there.labels.get(RUN)
        return is_as_sent or is_part or there.labels.get(RUN) == self._run

    def _name(self, stamp: Unsent) -> str:
        return f"{self._objects.address}/{stamp.name}"
