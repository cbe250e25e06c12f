"""What a damaged catalogue raises, whenever it is read, as one sentence."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from typing import TYPE_CHECKING

from astropy.io import fits

from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["damage_told"]

#: What a reader of a damaged file raises; errors of Arrow and of VOTables are some of
#: these.
_DAMAGE = (
    *(OSError, ValueError, TypeError, KeyError, IndexError, EOFError),
    *(csv.Error, fits.VerifyError),
)


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Say of the file at ``path`` what went wrong in the block.

    Raises
    ------
    InputError
        The file is damaged or incomplete, or it cannot be used.
    """
    try:
        yield
    except InputError as error:
        msg = f"{path} cannot be used: {error}."
        raise InputError(msg) from error
    except _DAMAGE as error:
        msg = (
            f"{path} is damaged or incomplete ({_first_line(error)}). Fetch or write "
            "it again."
        )
        raise InputError(msg) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
