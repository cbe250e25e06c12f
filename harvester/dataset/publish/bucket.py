"""A data set in a bucket of S3, or of a store that speaks its protocol, with obstore.

Each object carries the SHA-256 of its content, so that the same command sends only what
is not there yet. The store checks that hash while it receives.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import obstore

from ..object_store.address import StoreAddress
from ..object_store.blame import blamed
from ..object_store.opening import open_store
from .remote import SentFile, Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from .destination import Destination

__all__ = ["Bucket"]

#: Name of the metadata with the SHA-256 of an object.
_SHA256 = "sha256"

#: Bytes of a part of a large object; there may be 10,000 parts.
_PART = 16 << 20

#: Parts that are sent at a time.
_AT_ONCE = 2

#: This command has no backoff of its own.
_TRIES = {"max_retries": 10, "retry_timeout": timedelta(minutes=3)}


class Bucket:
    """A data set below a prefix of a bucket.

    Parameters
    ----------
    destination
        With scheme ``s3``.
    endpoint
        Address of the store; empty: Amazon's, or that of ``AWS_ENDPOINT_URL``.

    Raises
    ------
    InputError
        The endpoint does not use TLS and is not on this machine.
    """

    def __init__(self, destination: Destination, *, endpoint: str) -> None:
        self.address = str(destination)
        self._store = open_store(
            StoreAddress("s3", destination.place, destination.within),
            endpoint=endpoint,
            timeout="10 minutes",
            checksum_algorithm="sha256",
            retry_config=_TRIES,
        )

    def prepare(self) -> None:
        """Look whether the bucket can be listed."""
        with self._blamed():
            next(iter(obstore.list(self._store, chunk_size=1)), None)

    def stored(self, files: Sequence[SentFile]) -> Stored:
        """Compare the objects with the files, by the SHA-256 they carry."""
        with self._blamed():
            there = self._sizes()
            ours = {file.name: file for file in files}
            same = [
                name
                for name, size in there.items()
                if name in ours and size == ours[name].size
                if self._sha256(name) == ours[name].sha256
            ]
        others = sorted(name for name in there if name not in ours)
        return Stored(frozenset(same), tuple(others))

    def _sizes(self) -> dict[str, int]:
        objects = (one for some in obstore.list(self._store) for one in some)
        return {str(one["path"]): int(one["size"]) for one in objects}

    def _sha256(self, name: str) -> str:
        found = obstore.get(self._store, name, options={"head": True})
        return str(found.attributes.get(_SHA256, ""))

    def send(self, files: Sequence[SentFile], sent: Callable[[SentFile], None]) -> None:
        """Upload the files one after another; an object appears when it is whole."""
        with self._blamed():
            for file in files:
                obstore.put(
                    self._store,
                    file.name,
                    file.path,
                    attributes={_SHA256: file.sha256},
                    chunk_size=_PART,
                    max_concurrency=_AT_ONCE,
                )
                sent(file)

    def remove(self, names: Sequence[str]) -> None:
        """Delete objects."""
        with self._blamed():
            obstore.delete(self._store, list(names))

    def pin(self, files: Sequence[SentFile]) -> Mapping[str, str]:
        """Give the ETag of each object: a bucket has no revision of all of them."""
        with self._blamed():
            objects = [one for some in obstore.list(self._store) for one in some]
        tags = {str(one["path"]): str(one["e_tag"] or "") for one in objects}
        return {file.name: tags.get(file.name, "") for file in files}

    def fetch(self, name: str, revision: str, target: Path) -> None:
        """Download an object, if it still has its ETag."""
        with self._blamed(), target.open("wb") as file:
            options = {"if_match": revision} if revision else {}
            for block in obstore.get(self._store, name, options=options):
                file.write(block)

    def _blamed(self) -> AbstractContextManager[None]:
        return blamed(self.address)
