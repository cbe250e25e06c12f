"""Bands as users name them: ``("sdss", "r")`` or ``"sdss:r"``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = ["Band", "read_band", "read_bands"]

#: Survey (the archive's name) and band.
Band = tuple[str, str]


def read_bands(
    given: str | Iterable[str | Sequence[str]] | None, known: Collection[Band]
) -> tuple[Band, ...]:
    """Read the names of bands; all that are known for None.

    Raises
    ------
    InputError
        A name is not among ``known``.
    """
    if given is None:
        return tuple(known)
    names = [given] if isinstance(given, str) else given
    bands = tuple(dict.fromkeys(read_band(name, known) for name in names))
    if not bands:
        msg = f"no band is named; there are {_listed(known)}"
        raise InputError(msg)
    return bands


def read_band(given: str | Sequence[str], known: Collection[Band]) -> Band:
    """Read the name of a band, and check that it is known."""
    parts = given.split(":") if isinstance(given, str) else [str(one) for one in given]
    # Surveys are named as for `--surveys`, where the instrument may be in the middle.
    band = (parts[0], parts[-1])
    if len(parts) not in (2, 3) or band not in known:
        msg = f"there is no band {given!r}; there are {_listed(known)}"
        raise InputError(msg)
    return band


def _listed(known: Collection[Band]) -> str:
    return ", ".join(f"{survey}:{band}" for survey, band in known) or "none"
