"""What a damaged catalogue raises, whenever it is read, as one sentence."""

from __future__ import annotations

import csv
import errno
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
from astropy.io import fits
from astropy.io.ascii import InconsistentTableError

from ..errors import HarvesterError, InputError, LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["damage_told"]

#: What a reader raises of a file that is damaged or ends too early; errors of Arrow
#: are some of these.
_DAMAGE = (OSError, EOFError, csv.Error, pa.ArrowException)
#: What a file system says that has no room left.
_FULL = {errno.ENOSPC, errno.EDQUOT}
#: Words of Arrow about values that it has no type for.
_NO_TYPE = re.compile(
    r"could not convert|cannot (?:mix|convert)|not implemented|did not recognize",
    re.IGNORECASE,
)
#: Words of a reader that speak of damage, whatever it raises.
_DAMAGE_WORDS = re.compile(
    r"truncated|not well-formed|unclosed|mismatched tag|no element found|corrupt"
    r"|buffer is too small|amplification|invalid token",
    re.IGNORECASE,
)
#: What a reader raises of what it does not know.
_UNREAD = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
#: An array of such a size is a header that lies.
_UNREAD_TOO = (
    *(MemoryError, RecursionError, NotImplementedError, AssertionError),
    *(fits.VerifyError, InconsistentTableError),
)


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Say of the file at ``path`` what went wrong in the block.

    Raises
    ------
    InputError
        The file is damaged or incomplete, or it cannot be used or read.
    LocalError
        There is no room for what is written while it is read.
    """
    try:
        yield
    except InputError as error:
        msg = f"{path} cannot be used: {error}."
        raise InputError(msg) from error
    except (*_DAMAGE, *_UNREAD, *_UNREAD_TOO) as error:
        raise _told(path, error) from error


def _told(path: Path, error: Exception) -> HarvesterError:
    if isinstance(error, OSError) and error.errno in _FULL:
        return LocalError(f"there is no room to read {path}: {error.strerror}.")
    is_damage = isinstance(error, _DAMAGE) and not _NO_TYPE.search(str(error))
    if is_damage or _DAMAGE_WORDS.search(str(error)):
        return _damaged(path, error)
    return InputError(
        f"{path} could not be read: {_first_line(error)} ({type(error).__name__}). If "
        "other programs read it, save the table with one of them as FITS, VOTable, "
        "Parquet or CSV."
    )


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path} is damaged or incomplete ({_first_line(error)}). Fetch or write it "
        "again."
    )


def _first_line(error: Exception) -> str:
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    # Astropy's reader of VOTables begins with the name of a file that it has not.
    return re.sub(r"^(?:None|\?):(\d+):\d+: ", r"line \1: ", first)
