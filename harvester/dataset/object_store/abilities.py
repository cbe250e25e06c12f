"""What a store can do: found out by writing a small object and removing it.

Stores that speak S3 differ, and one that does not know a condition ignores it: it would
overwrite what it was told to keep. So it is tried.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

from .in_daemon import in_daemon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore import PutMode
    from obstore.store import ObjectStore

__all__ = ["PROBE", "Abilities", "learn_abilities"]

#: Names of the objects that are written to find out what a store can begin with this.
PROBE = "harvester-probe-"


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a store can do."""

    #: Refuses to overwrite an object if it is told to make a new one.
    creates: bool = False
    #: Replaces an object only if it has a certain ETag.
    replaces: bool = False
    #: Keeps metadata with an object.
    keeps_labels: bool = False

    def lacks(self) -> Iterator[str]:
        """Say what it cannot do, and what is done instead."""
        if not self.creates:
            yield "it does not refuse to overwrite, so each object is looked up first"
        if not self.keeps_labels:
            yield "it keeps no metadata, so that objects are compared by reading them"


async def learn_abilities(store: ObjectStore) -> Abilities:
    """Write a small object to a store, try what it can, and remove the object.

    Raises
    ------
    BaseError
        As of the library: the store cannot be reached, or nothing may be written.
    """
    name = f"{PROBE}{uuid4().hex}"
    try:
        keeps_labels = await _keeps_labels(store, name)
        creates = await _refuses(store, name, "create", AlreadyExistsError)
        wrong = {"e_tag": '"0123456789abcdef0123456789abcdef"'}
        replaces = await _refuses(store, name, wrong, PreconditionError)
    finally:
        # Some keys may write and not delete: then an empty object stays.
        with suppress(BaseError, OSError):
            await in_daemon(obstore.delete, store, name)
    return Abilities(creates, replaces, keeps_labels)


async def _keeps_labels(store: ObjectStore, name: str) -> bool:
    try:
        await in_daemon(obstore.put, store, name, b"", attributes={"sha256": "0"})
    except NotImplementedError:
        await in_daemon(obstore.put, store, name, b"")
        return False
    found = await in_daemon(obstore.get, store, name, options={"head": True})
    return str(found.attributes.get("sha256")) == "0"


async def _refuses(
    store: ObjectStore, name: str, mode: PutMode, error: type[BaseError]
) -> bool:
    """Tell whether a write that must not happen is refused."""
    try:
        await in_daemon(obstore.put, store, name, b"", mode=mode, use_multipart=False)
    except error:
        return True
    except NotImplementedError:
        return False
    return False
