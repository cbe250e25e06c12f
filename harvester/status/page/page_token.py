"""The token of a page that may control harvests: a secret of one start of the page."""

from __future__ import annotations

import hmac
import os
import secrets
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ...errors import LocalError
from ..console import print_line
from ..control.private_folder import make_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["PageToken", "kept_token"]

#: Random bytes in a token: too many to be guessed.
_LENGTH = 32


class PageToken:
    """A secret; its text is in no log, address or message of an error."""

    def __init__(self) -> None:
        self._text = secrets.token_urlsafe(_LENGTH)

    def is_in(self, header: str) -> bool:
        """Whether a header ``Authorization: Bearer ...`` has this token."""
        scheme, _, given = header.partition(" ")
        # In a time that does not depend on how much of it is right.
        is_same = hmac.compare_digest(given.strip().encode(), self._text.encode())
        return is_same and scheme.lower() == "bearer"

    def write(self, path: Path) -> None:
        """Write it to a file that only the owner may read.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        path.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="ascii") as file:
            file.write(f"{self._text}\n")

    def announce(self, path: Path) -> None:
        """Print it if a person reads this; otherwise, as in a log, only its file."""
        told = f"the token in {path}"
        if sys.stderr.isatty():
            told = f"this token: {self._text} (it is in {path} too)"
        print_line(f"To control harvests from the page, enter {told}.", err=True)


@contextmanager
def kept_token(path: Path) -> Iterator[PageToken]:
    """Give a new token that is in a file during the block.

    Raises
    ------
    LocalError
        The file cannot be written.
    """
    token = PageToken()
    try:
        make_private(path.parent)
        token.write(path)
    except OSError as error:
        msg = (
            f"the token of the page cannot be kept in {path}: {error.strerror}. Leave "
            "out --allow-control"
        )
        raise LocalError(msg) from error
    try:
        yield token
    finally:
        with suppress(OSError):
            path.unlink()
            path.parent.rmdir()
