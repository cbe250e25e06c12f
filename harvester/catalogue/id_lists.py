"""Lists of identifiers without positions: the archive is asked for the positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from ..errors import InputError
from . import identifiers
from .id_columns import known_ids, plausible
from .naming import named
from .positions import Positions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .identifier_scheme import IdentifierScheme
    from .sheets import Sheet

    #: A function of the name of an archive and of identifiers; returns ICRS degrees for
    #: the identifiers that the archive knows.
    LookUp = Callable[[str, Sequence[str]], Mapping[str, tuple[float, float]]]

__all__ = ["IdList", "LookUp", "find_id_list", "looked_up"]

#: Fraction of the values that must be identifiers of the archive.
_NEARLY_ALL = 0.9


class IdList(NamedTuple):
    """A column of identifiers, and the archive that knows their positions."""

    column: str
    scheme: IdentifierScheme


def find_id_list(
    sheet: Sheet, schemes: Sequence[IdentifierScheme], wanted: str = ""
) -> IdList | None:
    """Return the column of identifiers with which positions can be looked up.

    The result is None if there is none. A table without a header must have a single
    column: if it had more, they might be positions.
    """
    schemes = [scheme for scheme in schemes if scheme.can_look_up]
    names = sheet.table.column_names
    if not names or not sheet.table.num_rows:
        return None
    if wanted:
        names = [named(names, wanted, "id")]
    elif not sheet.has_names and len(names) > 1:
        return None
    ordered = dict.fromkeys([*known_ids(names, schemes=schemes), *names])
    return next(
        (
            IdList(name, scheme)
            for name in ordered
            if (scheme := _scheme_of(sheet, name, plausible(schemes, name)))
        ),
        None,
    )


def _scheme_of(
    sheet: Sheet, name: str, schemes: Sequence[IdentifierScheme]
) -> IdentifierScheme | None:
    """Return the scheme of which nearly all values of a column are identifiers."""
    kind = sheet.table.schema.field(name).type
    if pa.types.is_floating(kind) or pa.types.is_nested(kind) or not schemes:
        return None
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return None
    column, _ = identifiers.exact(sheet.column(name))
    if identifiers.trouble(column) or identifiers.is_rounded(column):
        return None
    shares = ((identifiers.share_of(column, scheme), scheme) for scheme in schemes)
    return next((scheme for share, scheme in shares if share >= _NEARLY_ALL), None)


def _ids(sheet: Sheet, listed: IdList) -> tuple[list[int], list[str]]:
    """Return the rows, from 0, that hold identifiers of the archive, and the ids."""
    column, _ = identifiers.exact(sheet.column(listed.column))
    rows, numbers = identifiers.numbers_of(column, listed.scheme)
    return rows.tolist(), [str(number) for number in numbers.tolist()]


def looked_up(sheet: Sheet, listed: IdList, look_up: LookUp | None) -> Positions:
    """Look up the positions of a list of identifiers, each identifier once.

    Raises
    ------
    InputError
        ``look_up`` is None, so positions cannot be looked up.
    """
    rows, ids = _ids(sheet, listed)
    name, archive = listed.column, listed.scheme.title
    if look_up is None:
        msg = (
            f"it has no positions, only {archive} identifiers in column {name}. A run "
            f"looks their positions up at {archive}, but this command does not"
        )
        raise InputError(msg)
    known = look_up(listed.scheme.name, list(dict.fromkeys(ids)))
    total = sheet.table.num_rows
    ra, dec = np.full(total, np.nan), np.full(total, np.nan)
    problems = dict.fromkeys(range(total), f"no {archive} identifier, and no position")
    for row, each in zip(rows, ids, strict=True):
        problems[row] = f"{archive} knows no object with this identifier"
        if each in known:
            ra[row], dec[row] = known[each]
            del problems[row]
    note = (
        f"The table has no positions: those of {len(known)} {archive} identifiers in "
        f"column {name} were looked up at {archive}."
    )
    return Positions(ra, dec, problems, [note])
