"""Turns the errors of the library into ours, with what to do about them."""

from __future__ import annotations

import re
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from obstore.exceptions import (
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from ...errors import (
    InputError,
    LocalError,
    OutageError,
    PermanentError,
    TransientError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CONTINUE", "blamed"]

#: What to do when the destination of a command cannot be reached.
CONTINUE = "Run the same command again: it continues where this one ended."

_STATUS = re.compile(r"status code: (\d{3})")

#: In what the library prints for its developers: the words of the system.
_INNERMOST = re.compile(r'message: "([^"]{1,200})"')

#: Without keys the library asks the cloud that the machine may be in for some.
_NO_KEYS = re.compile(r"/latest/(api/token|meta-data)|metadata\.google\.internal")

#: Statuses after which the same request may succeed.
_TRY_AGAIN = {408, 409, 429, 500, 502, 503, 504}

#: Variables with the keys, by the scheme of the address.
_KEYS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "hf": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, made at the hub for S3,",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "abfss": "AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}


@contextmanager
def blamed(address: str, remedy: str = CONTINUE) -> Iterator[None]:
    """Turn the library's errors in the block into ours.

    Raises
    ------
    InputError
        The keys are wrong or lacking, or there is no such bucket.
    TransientError
        The store cannot be reached, or limits the requests.
    PermanentError
        It refuses what was sent, or has no such object.
    LocalError
        The folder of a ``file:`` address cannot be written.
    """
    try:
        yield
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise InputError(_not_allowed(address)) from error
    except PreconditionError as error:
        msg = f"{address} was changed by another program meanwhile. {remedy}"
        raise TransientError("bucket", msg) from error
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error) or "ContainerNotFound" in str(error):
            raise InputError(_no_bucket(address)) from error
        msg = f"{address}: there is no such bucket or object."
        raise PermanentError("bucket", msg) from error
    except (BaseError, OSError) as error:
        # On a disk the library raises errors of the system as they are.
        raise _of_text(address, " ".join(str(error).split()), remedy) from error


def _not_allowed(address: str) -> str:
    keys = _KEYS.get(address.partition("://")[0], "")
    log_in = f" Set {keys} to keys that may write." if keys else ""
    return f"{address}: the store does not let you write.{log_in}"


def _no_bucket(address: str) -> str:
    return f"{address}: there is no such bucket. Make it first."


def _of_text(address: str, text: str, remedy: str) -> Exception:
    """Sort an error that the library tells in words only."""
    status = _STATUS.search(text)
    code = int(status[1]) if status else 0
    if _NO_KEYS.search(text) or code in {401, 403}:
        return InputError(_not_allowed(address))
    if code == HTTPStatus.NOT_FOUND:
        return InputError(_no_bucket(address))
    said = _cause(text)
    if address.startswith("file:"):
        return LocalError(f"{address} cannot be used: {said}")
    if code and code not in _TRY_AGAIN:
        return PermanentError("bucket", f"{address}: {said}.")
    kind = TransientError if code else OutageError
    return kind("bucket", f"{address}: {said}. {remedy}".strip())


def _cause(text: str) -> str:
    """Give what happened, without the address and what the library adds."""
    if found := _INNERMOST.findall(text):
        return str(found[-1]).lower()
    plain = text.partition(" Debug source")[0].partition("<")[0]
    return plain.rpartition(" - ")[2][:300].strip(" :.")
