"""Addresses of folders in object stores, as users of fsspec write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from ...errors import InputError

__all__ = ["FORMS", "StoreAddress", "is_store_url"]

StoreScheme = Literal["s3", "gs", "az", "file", "memory", "hf"]

#: What an address may look like, for messages.
FORMS = (
    "s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, "
    "abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX, file:///FOLDER or "
    "hf://buckets/NAMESPACE/BUCKET/PREFIX"
)

_SCHEMES: dict[str, StoreScheme] = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gs",
    "gcs": "gs",
    "az": "az",
    "abfs": "az",
    "abfss": "az",
    "file": "file",
    "memory": "memory",
    "hf": "hf",
}

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
#: Names that the stores allow; Amazon's and Google's rule, and Azure's, together.
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
_ACCOUNT = re.compile(r"([a-z0-9]{3,24})(?:\.(?:dfs|blob)\.core\.windows\.net)?")
_NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")


def is_store_url(text: str) -> bool:
    """Tell whether a text is an address with a scheme, and not the path of a folder."""
    return bool(_URL.match(text))


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """A folder in an object store; as text in one spelling."""

    scheme: StoreScheme
    #: Bucket or container; empty: ``file``.
    bucket: str
    #: Folder in it, without slashes at its ends; ``file``: path from the root.
    prefix: str
    #: Account of Azure, or namespace of Hugging Face; empty: by the environment.
    account: str = ""

    def __str__(self) -> str:
        match self.scheme:
            case "file":
                return f"file:///{self.prefix}"
            case "hf":
                return f"hf://buckets/{self.account}/{self.bucket}/{self.prefix}"
            case "az" if self.account:
                host = f"{self.account}.dfs.core.windows.net"
                return f"abfss://{self.bucket}@{host}/{self.prefix}"
        return f"{self.scheme}://{self.bucket}/{self.prefix}"

    @property
    def folder_name(self) -> str:
        """Name of a folder on disk for what is in the store."""
        parts = (self.scheme, self.account, self.bucket, *self.prefix.split("/"))
        return "-".join(part for part in parts if part)

    @classmethod
    def parse(cls, text: str) -> StoreAddress:
        """Read an address.

        Raises
        ------
        InputError
            It is none, has a password in it, or names no folder in the bucket.
        """
        parts = urlsplit(text)
        scheme = _SCHEMES.get(parts.scheme.lower())
        if scheme is None:
            shown = text.partition("://")[0][:40]
            msg = f"{shown}:// is no address of an object store. Write {FORMS}."
            raise InputError(msg)
        if parts.password is not None or (parts.username and scheme != "az"):
            # The address is kept in the settings of the run, and printed.
            msg = (
                f"the address of an object store ({scheme}://...) must have no keys in "
                "it: they come from the environment, see docs/object-stores.md."
            )
            raise InputError(msg)
        if "?" in text or "#" in text:
            # What follows may be a signature.
            plain = text.partition("?")[0].partition("#")[0]
            msg = f"{plain}: an address of an object store has no ? and no #."
            raise InputError(msg)
        return _READERS[scheme](text, parts.netloc, parts.path)


def _of_bucket(text: str, place: str, path: str) -> StoreAddress:
    scheme = _SCHEMES[urlsplit(text).scheme.lower()]
    return StoreAddress(scheme, _bucket(text, place), _prefix(text, path))


def _of_azure(text: str, place: str, path: str) -> StoreAddress:
    container, at, host = place.partition("@")
    account = _ACCOUNT.fullmatch(host)
    if at and account is None:
        msg = f"{text}: {host} is no account of Azure. Write {FORMS}."
        raise InputError(msg)
    name = account[1] if account else ""
    return StoreAddress("az", _bucket(text, container), _prefix(text, path), name)


def _of_hub(text: str, place: str, path: str) -> StoreAddress:
    namespace, _, rest = path.strip("/").partition("/")
    bucket, _, prefix = rest.partition("/")
    if place != "buckets" or not _NAMESPACE.fullmatch(namespace):
        msg = (
            f"{text}: stamps go to a bucket, hf://buckets/NAMESPACE/BUCKET/PREFIX. To "
            "send a finished data set to the hub: harvester publish."
        )
        raise InputError(msg)
    return StoreAddress("hf", _bucket(text, bucket), _prefix(text, prefix), namespace)


def _of_disk(text: str, place: str, path: str) -> StoreAddress:
    if place not in {"", "localhost"} or ".." in PurePosixPath(path).parts:
        msg = f"{text}: write the whole path of the folder, file:///FOLDER."
        raise InputError(msg)
    return StoreAddress("file", "", _prefix(text, path))


_READERS = {
    "s3": _of_bucket,
    "gs": _of_bucket,
    "memory": _of_bucket,
    "az": _of_azure,
    "hf": _of_hub,
    "file": _of_disk,
}


def _bucket(text: str, name: str) -> str:
    if not _BUCKET.fullmatch(name):
        msg = f"{text}: {name!r} is no name of a bucket. Write {FORMS}."
        raise InputError(msg)
    return name


def _prefix(text: str, path: str) -> str:
    prefix = path.strip("/")
    if not prefix or {"", ".", ".."} & set(prefix.split("/")):
        msg = (
            f"{text}: name a folder in the bucket, such as {text.rstrip('/')}/galaxies."
        )
        raise InputError(msg)
    return prefix
