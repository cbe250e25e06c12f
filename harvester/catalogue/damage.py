"""Errors of the libraries that read a catalogue, turned into one sentence each."""

from __future__ import annotations

import csv
import errno
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from ..errors import HarvesterError, InputError, LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["explain_damage"]

#: Exceptions that readers raise for a file that is damaged or ends too early; Arrow
#: derives some of its own from these.
_DAMAGE = (OSError, EOFError, csv.Error, pa.ArrowException)
#: Error numbers of a file system without free space.
_FULL = {errno.ENOSPC, errno.EDQUOT}
#: Words of Arrow about values for which it has no type.
_NO_TYPE = re.compile(
    r"could not convert|cannot (?:mix|convert)|not implemented|did not recognize",
    re.IGNORECASE,
)
#: Words in an error that mean damage, whatever type the error has.
_DAMAGE_WORDS = re.compile(
    r"truncated|not well-formed|unclosed|mismatched tag|no element found|corrupt"
    r"|buffer is too small|amplification|invalid token",
    re.IGNORECASE,
)
#: Exceptions that readers raise for content that they do not understand.
_UNREAD = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
#: More of them; a wrong header leads to a MemoryError if it states a huge size.
_UNREAD_TOO = (MemoryError, RecursionError, NotImplementedError, AssertionError)


@contextmanager
def explain_damage(path: Path) -> Iterator[None]:
    """Turn errors in the block into errors that name the file at ``path``.

    Raises
    ------
    InputError
        The file is damaged or incomplete, or it cannot be used or read.
    LocalError
        The disk has no room for the temporary files that reading needs.
    """
    try:
        yield
    except InputError as error:
        msg = f"{path} cannot be used: {error}."
        raise InputError(msg) from error
    except (*_DAMAGE, *_UNREAD, *_UNREAD_TOO, *_of_astropy()) as error:
        raise _explained(path, error) from error


def _of_astropy() -> tuple[type[Exception], ...]:
    # Without their modules, which are slow to import, they were not raised. What a
    # VOTable lacks is mostly a warning of astropy, but some of these it raises.
    fits = sys.modules.get("astropy.io.fits")
    warned = sys.modules.get("astropy.utils.exceptions")
    found = (fits and fits.VerifyError, warned and warned.AstropyWarning)
    return tuple(filter(None, found))


def _explained(path: Path, error: Exception) -> HarvesterError:
    if isinstance(error, OSError) and error.errno in _FULL:
        return LocalError(
            f"{path} could not be read, because reading needs temporary files and "
            f"the disk has no room: {error.strerror}. Free some space and try again."
        )
    is_damage = isinstance(error, _DAMAGE) and not _NO_TYPE.search(str(error))
    if is_damage or _DAMAGE_WORDS.search(str(error)):
        return _damaged(path, error)
    return InputError(
        f"{path} could not be read: {_first_line(error)} ({type(error).__name__}). If "
        "another program can read it, save the table there as FITS, VOTable, Parquet "
        "or CSV."
    )


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path} is damaged or incomplete ({_first_line(error)}). Download it again, "
        "or save it again."
    )


def _first_line(error: Exception) -> str:
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    # Astropy's VOTable reader puts "None" or "?" where the file name should be.
    return re.sub(r"^(?:None|\?):(\d+):\d+: ", r"line \1: ", first)
