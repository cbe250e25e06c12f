"""Reads and writes objects below a prefix, and says what is in the way as our errors.

An object carries the SHA-256 of its content and the identifier of its run, where the
store keeps such metadata.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Self

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError

from .abilities import Abilities, learn_abilities
from .blame import blamed
from .found_object import SHA256, FoundObject
from .in_daemon import in_daemon
from .opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from obstore import ObjectMeta, PutMode
    from obstore.store import ObjectStore

    from .address import StoreAddress

__all__ = ["Objects"]

#: Bytes of a part of a large file; smaller ones are sent in one request.
_PART = 16 << 20

#: Parts of one file that are sent at a time.
_PARTS = 4


class Objects:
    """The objects below one prefix.

    All methods raise `InputError` if the keys or the bucket are wrong, `TransientError`
    if the store cannot be reached, and `PermanentError` if it refuses a request.
    """

    def __init__(
        self, address: StoreAddress, store: ObjectStore, abilities: Abilities
    ) -> None:
        self.address = str(address)
        self.abilities = abilities
        self._store = store

    @classmethod
    async def open(
        cls, address: StoreAddress, *, endpoint: str = "", is_writing: bool = True
    ) -> Self:
        """Open a store; if it is written to, find out what it can by a few writes."""
        store = open_store(address, endpoint=endpoint)
        with blamed(str(address), ""):
            able = await learn_abilities(store) if is_writing else Abilities()
        return cls(address, store, able)

    async def put_new(
        self, name: str, content: bytes, labels: Mapping[str, str]
    ) -> str | None:
        """Write an object that is not there yet; give its ETag, None: it is there.

        Between asking and writing another program could write it, if the store cannot
        do both in one request.
        """
        with self._blamed():
            if not self.abilities.creates:
                if await self._head(name) is not None:
                    return None
                return await self._put(name, content, labels, "overwrite")
            try:
                return await self._put(name, content, labels, "create")
            except AlreadyExistsError:
                return None

    async def replace(
        self, name: str, content: bytes, labels: Mapping[str, str], e_tag: str
    ) -> str | None:
        """Replace the object that has this ETag; give the new one, None: it has not."""
        with self._blamed():
            if not self.abilities.replaces:
                there = await self._head(name)
                if there is None or there["e_tag"] != e_tag:
                    return None
                return await self._put(name, content, labels, "overwrite")
            try:
                return await self._put(name, content, labels, {"e_tag": e_tag})
            except PreconditionError:
                return None

    async def put_file(self, name: str, path: Path, labels: Mapping[str, str]) -> str:
        """Write a file, in parts if it is large; an object of that name is replaced."""
        with self._blamed():
            made = await in_daemon(
                obstore.put,
                self._store,
                name,
                path,
                attributes=self._attributes(labels),
                chunk_size=_PART,
                max_concurrency=_PARTS,
            )
        return str(made["e_tag"] or "")

    async def remove(self, names: Sequence[str]) -> None:
        """Remove objects; it is no error if they are not there."""
        with self._blamed():
            await in_daemon(obstore.delete, self._store, list(names))

    async def look(self, name: str) -> FoundObject | None:
        """Give an object with its metadata; None: there is none."""
        with self._blamed():
            try:
                found = await in_daemon(
                    obstore.get, self._store, name, options={"head": True}
                )
            except FileNotFoundError as error:
                _need_bucket(error)
                return None
        return _found(found.meta, found.attributes)

    async def list_all(self) -> AsyncIterator[list[FoundObject]]:
        """Give all objects, page by page, without their metadata."""
        with self._blamed():
            pages = iter(obstore.list(self._store))
            while page := await in_daemon(next, pages, None):
                yield [_found(one, {}) for one in page]

    async def read(self, name: str) -> bytes | None:
        """Give the content of an object; None: there is none."""
        with self._blamed():
            try:
                found = await in_daemon(obstore.get, self._store, name)
            except FileNotFoundError as error:
                _need_bucket(error)
                return None
            return bytes(await in_daemon(found.bytes))

    async def fetch(self, name: str, path: Path) -> FoundObject | None:
        """Write the content of an object to a file; None: there is none."""
        with self._blamed():
            try:
                found = await in_daemon(obstore.get, self._store, name)
            except FileNotFoundError as error:
                _need_bucket(error)
                return None
            await in_daemon(_write, path, found)
            return _found(found.meta, found.attributes)

    async def sha256_of(self, found: FoundObject) -> str:
        """Give the hash of an object's content; without metadata it is read."""
        if known := found.labels.get(SHA256):
            return known
        content = await self.read(found.name)
        return "" if content is None else hashlib.sha256(content).hexdigest()

    async def _head(self, name: str) -> ObjectMeta | None:
        try:
            return await in_daemon(obstore.head, self._store, name)
        except FileNotFoundError as error:
            _need_bucket(error)
            return None

    async def _put(
        self, name: str, content: bytes, labels: Mapping[str, str], mode: PutMode
    ) -> str:
        made = await in_daemon(
            obstore.put,
            self._store,
            name,
            content,
            attributes=self._attributes(labels),
            mode=mode,
            use_multipart=False,
        )
        return str(made["e_tag"] or "")

    def _attributes(self, labels: Mapping[str, str]) -> dict[str, str] | None:
        return dict(labels) if self.abilities.keeps_labels else None

    def _blamed(self) -> AbstractContextManager[None]:
        return blamed(self.address, "")


def _write(path: Path, blocks: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        for block in blocks:
            file.write(block)


def _need_bucket(error: FileNotFoundError) -> None:
    """Raise the error again if it is not the object that lacks, but the bucket."""
    if "NoSuchBucket" in str(error) or "ContainerNotFound" in str(error):
        raise error


def _found(meta: Mapping[str, Any], attributes: Mapping[Any, Any]) -> FoundObject:
    labels = {str(key): str(value) for key, value in attributes.items()}
    return FoundObject(
        str(meta["path"]), int(meta["size"]), str(meta["e_tag"] or ""), labels
    )
