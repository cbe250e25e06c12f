"""Opens the object store of an address: the one place that makes such connections.

Keys come from the environment, as each cloud's own tools read them.
"""

from __future__ import annotations

import os
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...errors import InputError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

    from .address import StoreAddress

__all__ = ["endpoint_of_environment", "need_library", "need_tls", "open_store"]

#: Hosts of this machine.
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}

#: Where the buckets of Hugging Face speak S3, below it each namespace.
_HUB = "https://s3.hf.co"

#: The library tries a request again this often; after that our own backoff waits.
_TRIES = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}

#: Stores in memory, by their bucket, so that a run can be resumed from one.
_IN_MEMORY: dict[str, Any] = {}


def need_library(what: str, *, extra: str = "store") -> None:
    """Refuse to go on without the library that speaks to stores.

    Raises
    ------
    InputError
        It is not installed; the message says how to.
    """
    if find_spec("obstore") is None:
        msg = (
            f"{what} needs obstore. Install it: pip install 'galaxy-harvester[{extra}]'"
        )
        raise InputError(msg)


def endpoint_of_environment() -> str:
    """Give the address of the store, from the variables that Amazon's tools read."""
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    return next((found for name in names if (found := os.environ.get(name))), "")


def need_tls(endpoint: str) -> None:
    """Refuse an address to which a token would travel in the open, or that has one.

    Raises
    ------
    InputError
        It does not use TLS and is not on this machine, or it has a name or password.
    """
    parts = urlsplit(endpoint)
    if "@" in parts.netloc:
        msg = "the address of a store must have no keys in it: set the environment"
        raise InputError(msg)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        msg = f"{endpoint} must use https, or be on this machine."
        raise InputError(msg)


def open_store(
    address: StoreAddress,
    *,
    endpoint: str = "",
    timeout: str = "2 minutes",
    **how: object,
) -> ObjectStore:
    """Open a store below the prefix of an address; no request is made.

    Parameters
    ----------
    endpoint
        Address of a store that speaks S3; empty: Amazon's, or that of
        ``AWS_ENDPOINT_URL``.
    timeout
        Of one request.
    how
        Further options of the library.

    Raises
    ------
    InputError
        The endpoint does not use TLS and is not on this machine.
    """
    match address.scheme:
        case "s3" | "hf":
            return _speaking_s3(address, endpoint, timeout, how)
        case "gs" | "az":
            return _of_cloud(address, timeout, how)
        case "file":
            from obstore.store import LocalStore

            return LocalStore(f"/{address.prefix}", mkdir=True)
    from obstore.store import MemoryStore

    return _IN_MEMORY.setdefault(str(address), MemoryStore())


def _speaking_s3(
    address: StoreAddress, endpoint: str, timeout: str, how: dict[str, Any]
) -> ObjectStore:
    from obstore.store import S3Store

    options: dict[str, Any] = {"retry_config": _TRIES, **how}
    if address.scheme == "hf":
        endpoint = f"{endpoint or _HUB}/{address.account}"
        options["region"] = "us-east-1"
    endpoint = endpoint or endpoint_of_environment()
    need_tls(endpoint)
    if endpoint:
        options["endpoint"] = endpoint
        options["virtual_hosted_style_request"] = False
    is_plain = endpoint.startswith("http://")
    # Checksums are asked for by callers only: not every store takes them.
    return S3Store(
        address.bucket,
        prefix=address.prefix,
        client_options={"allow_http": is_plain, "timeout": timeout},
        **options,
    )


def _of_cloud(address: StoreAddress, timeout: str, how: dict[str, Any]) -> ObjectStore:
    from obstore.store import AzureStore, GCSStore

    options: dict[str, Any] = {
        "retry_config": _TRIES,
        "client_options": {"timeout": timeout},
        "prefix": address.prefix,
        **how,
    }
    if address.scheme == "gs":
        return GCSStore(address.bucket, **options)
    if address.account:
        options["account_name"] = address.account
    return AzureStore(address.bucket, **options)
