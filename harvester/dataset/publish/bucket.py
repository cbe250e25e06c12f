"""A data set in a bucket of S3, or of a store that speaks its protocol, with obstore.

Each object carries the SHA-256 of its content, so that the same command sends only what
is not there yet. The store checks that hash while it receives.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import (
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from ...errors import InputError, PermanentError, TransientError
from .remote import SentFile, Stored, need_tls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from .destination import Destination

__all__ = ["Bucket"]

#: Name of the metadata with the SHA-256 of an object.
_SHA256 = "sha256"

#: Bytes of a part of a large object; there may be 10,000 parts.
_PART = 16 << 20

#: Parts that are sent at a time.
_AT_ONCE = 2

_LOG_IN = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to keys that may write."

_CONTINUE = "Run the same command again: it continues where this one ended."

_STATUS = re.compile(r"status code: (\d{3})")

#: Without keys the library asks the cloud that the machine may be in for some.
_NO_KEYS = re.compile(r"/latest/(api/token|meta-data)")

#: Statuses after which the same request may succeed.
_TRY_AGAIN = {408, 409, 429, 500, 502, 503, 504}


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
        endpoint = endpoint or _of_environment()
        options: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
        is_plain = endpoint.startswith("http://")
        need_tls(endpoint)
        self.address = str(destination)
        self._store = S3Store(
            destination.place,
            prefix=destination.within,
            checksum_algorithm="sha256",
            client_options={"allow_http": is_plain, "timeout": "10 minutes"},
            **options,
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

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        """Turn the library's errors into ours."""
        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError) as error:
            msg = f"{self.address}: the store does not let you write. {_LOG_IN}"
            raise InputError(msg) from error
        except PreconditionError as error:
            msg = (
                f"{self.address} was changed by another program meanwhile. {_CONTINUE}"
            )
            raise TransientError("bucket", msg) from error
        except FileNotFoundError as error:
            msg = f"{self.address}: there is no such bucket or object."
            raise PermanentError("bucket", msg) from error
        except BaseError as error:
            raise self._of_text(" ".join(str(error).split())) from error

    def _of_text(self, text: str) -> Exception:
        """Sort an error that the library tells in words only."""
        status = _STATUS.search(text)
        code = int(status[1]) if status else 0
        if _NO_KEYS.search(text) or code in {401, 403}:
            msg = f"{self.address}: the store does not let you write. {_LOG_IN}"
            return InputError(msg)
        if code == HTTPStatus.NOT_FOUND:
            msg = f"{self.address}: there is no such bucket. Make it first."
            return InputError(msg)
        said = text.partition("<")[0][:300].strip(" :")
        if code and code not in _TRY_AGAIN:
            return PermanentError("bucket", f"{self.address}: {said}.")
        return TransientError("bucket", f"{self.address}: {said}. {_CONTINUE}")


def _of_environment() -> str:
    """Give the address of the store, from the variables that Amazon's tools read."""
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    return next((found for name in names if (found := os.environ.get(name))), "")
