"""Check whether identifiers agree with the positions in the same row.

The identifiers of some archives imply a position, which the identifier scheme of the
archive compares. A name such as ``J123456.78-012345.6`` is itself a position.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..sky.sphere import unit_vectors
from . import identifiers
from .id_columns import known_ids, plausible
from .sky_frames import SkyFrame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from .identifier_scheme import IdentifierScheme
    from .positions import Positions
    from .sheets import Sheet

    Places = tuple[NDArray[np.float64], NDArray[np.float64]]

__all__ = ["Agreement", "compare"]

#: A name made of a position: hours, minutes, seconds; degrees, minutes, seconds.
_NAME = (
    r"(?P<mark>[JB])(?P<h>[01]\d|2[0-3])(?P<m>[0-5]\d)(?P<s>[0-5]\d)"
    r"\.?(?P<sf>\d*)(?P<sign>[+-]|\x{2212})"
    r"(?P<d>\d\d)(?P<dm>[0-5]\d)(?P<ds>[0-5]\d)\.?(?P<dsf>\d*)"
)
#: Names that are parsed at a time.
_PART = 65_536
#: Degrees by which a name may differ from its position: names are truncated to seconds,
#: and may come from older measurements.
_NAME_SLACK = 0.02
#: The fewest names for which the positions are refused without a remedy: a single name
#: may be wrong.
_FEWEST_NAMES = 2
#: Positions are refused if more than this fraction of the identifiers contradict them.
_MOST = 0.5

#: Other meanings that the positions may have: the option to give, and the conversion.
_OTHERWISE: tuple[tuple[str, Callable[[Places], Places]], ...] = (
    ("--unit hour", lambda at: (at[0] * 15, at[1])),
    ("--unit rad", lambda at: (np.degrees(at[0]), np.degrees(at[1]))),
    ("--frame fk4", lambda at: SkyFrame("fk4", "B1950").to_icrs(*at)),
    ("--frame galactic", lambda at: SkyFrame("galactic").to_icrs(*at)),
    # Swapped: a southern declination was wrapped into 0..360 like a right ascension.
    (
        "--ra and --dec the other way round",
        lambda at: (at[1] % 360, (at[0] + 180) % 360 - 180),
    ),
)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many identifiers of a column agree with their positions."""

    #: Name of the column; empty if no identifier can be compared.
    column: str = ""
    #: What is compared, in words: the identifiers of an archive, or ``names``.
    what: str = ""
    compared: int = 0
    agreeing: int = 0
    #: The fewest identifiers that are enough to refuse the positions.
    fewest: int = 0

    @property
    def is_doubtful(self) -> bool:
        """Whether most of the identifiers contradict the positions."""
        return self.compared - self.agreeing > _MOST * self.compared

    @property
    def contradicts(self) -> bool:
        """Whether enough identifiers contradict the positions to refuse them."""
        return self.is_doubtful and self.compared >= self.fewest

    def __str__(self) -> str:
        """Return a sentence without its full stop."""
        return (
            f"{self.agreeing} of {self.compared} {self.what} in column {self.column} "
            "agree with their positions"
        )


@dataclass(frozen=True, slots=True)
class _Test:
    """The identifiers of a column that can be compared with positions."""

    column: str
    what: str
    #: Indices of the rows that can be compared.
    rows: NDArray[np.int64]
    #: Returns which of these rows agree with the given positions.
    agrees: Callable[[Places], NDArray[np.bool_]]
    #: See `Agreement.fewest`.
    fewest: int

    def result(self, places: Places) -> Agreement:
        """Compare the identifiers with these positions."""
        with np.errstate(invalid="ignore"):
            agreeing = int(self.agrees(places).sum())
        return Agreement(self.column, self.what, len(self.rows), agreeing, self.fewest)


def compare(
    sheet: Sheet,
    positions: Positions,
    schemes: Sequence[IdentifierScheme],
    *,
    id_name: str,
    ra: str,
    only_id: bool,
) -> tuple[Agreement, str]:
    """Compare the identifiers of a table with its positions.

    Parameters
    ----------
    id_name
        The column of the identifiers, which is compared first.
    ra
        The column of right ascension: it shows which of two galaxies in a row is meant.
    only_id
        Compare no other column, because the user has named this one.

    Returns
    -------
    Agreement
        The result of the first column that contradicts the positions, else of the
        first column that can be compared.
    str
        The options with which the column would agree; empty if it agrees, or if no
        options would help.
    """
    others = [] if only_id else known_ids(sheet.table.column_names, ra, schemes)
    names = dict.fromkeys(filter(None, [id_name, *others]))
    places = positions.ra, positions.dec
    first = Agreement()
    for test in _tests(sheet, list(names), places, schemes):
        found = test.result(places)
        remedy = _remedy(test, places) if found.is_doubtful else ""
        if found.contradicts or remedy:
            return found, remedy
        first = first if first.compared else found
    return first, ""


def _tests(
    sheet: Sheet,
    names: Sequence[str],
    places: Places,
    schemes: Sequence[IdentifierScheme],
) -> Iterable[_Test]:
    done: set[str] = set()
    for name in names:
        kind = sheet.table.schema.field(name).type
        if pa.types.is_floating(kind) or pa.types.is_nested(kind):
            continue
        column, _ = identifiers.exact(sheet.column(name))
        if identifiers.trouble(column):
            continue  # bytes that are not text, or numbers that have lost digits
        made = chain(
            _of_schemes(name, column, places, plausible(schemes, name)),
            _of_names(name, column, places),
        )
        for test in made:
            if len(test.rows) and test.what not in done:
                done.add(test.what)
                yield test


def _of_schemes(
    name: str, column: pa.Array, places: Places, schemes: Sequence[IdentifierScheme]
) -> Iterator[_Test]:
    if schemes and not identifiers.is_rounded(column):
        for scheme in schemes:
            if identifiers.follows(column, scheme):
                yield from _of_scheme(name, column, places, scheme)


def _of_scheme(
    name: str, column: pa.Array, places: Places, scheme: IdentifierScheme
) -> Iterator[_Test]:
    rows, numbers = identifiers.numbers_of(column, scheme)
    sound = ~np.isnan(places[0][rows])
    rows, numbers = rows[sound], numbers[sound]
    test = scheme.place_test(numbers, places[0][rows], places[1][rows])
    if test:
        compared = rows[test.comparable]
        yield _Test(
            name,
            f"{scheme.title} identifiers",
            compared,
            lambda at: test.agrees(at[0][compared], at[1][compared]),
            test.fewest,
        )


def _of_names(name: str, column: pa.Array, places: Places) -> Iterator[_Test]:
    kind = column.type
    if not len(column) or not (
        pa.types.is_string(kind) or pa.types.is_large_string(kind)
    ):
        return
    found = [
        _named_in(column[start : start + _PART], start)
        for start in range(0, len(column), _PART)
    ]
    rows, ra, dec = (np.concatenate(each) for each in zip(*found, strict=True))
    sound = ~np.isnan(places[0][rows])
    rows = rows[sound]
    named = unit_vectors(ra[sound], dec[sound])

    def agrees(at: Places) -> NDArray[np.bool_]:
        apart = np.linalg.norm(unit_vectors(at[0][rows], at[1][rows]) - named, axis=1)
        return np.asarray(apart <= np.radians(_NAME_SLACK))

    yield _Test(name, "names", rows, agrees, _FEWEST_NAMES)


def _named_in(
    column: pa.Array, start: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the rows with a name made of a position, and these positions."""
    parts = pc.extract_regex(column.cast(pa.string()), _NAME)
    rows = np.flatnonzero(parts.is_valid().to_numpy(zero_copy_only=False))
    return rows + start, *_named_places(parts.take(pa.array(rows)))


def _named_places(parts: pa.StructArray) -> Places:
    """Convert the parts of the names to ICRS degrees."""
    ra = 15 * _sexagesimal(parts, ("h", "m", "s", "sf"))
    dec = _sexagesimal(parts, ("d", "dm", "ds", "dsf"))
    is_north = pc.equal(pc.struct_field(parts, "sign"), "+")
    dec = np.where(is_north.to_numpy(zero_copy_only=False), dec, -dec)
    is_old = pc.equal(pc.struct_field(parts, "mark"), "B")
    old = is_old.to_numpy(zero_copy_only=False)
    if old.any():
        ra[old], dec[old] = SkyFrame("fk4", "B1950").to_icrs(ra[old], dec[old])
    return ra, dec


def _sexagesimal(
    parts: pa.StructArray, names: tuple[str, str, str, str]
) -> NDArray[np.float64]:
    whole, minutes, seconds, decimals = (pc.struct_field(parts, n) for n in names)
    seconds = pc.binary_join_element_wise(seconds, decimals, ".")
    values = (
        each.cast(pa.float64()).to_numpy(zero_copy_only=False)
        for each in (whole, minutes, pc.binary_join_element_wise(seconds, "0", ""))
    )
    a, b, c = values
    return np.asarray(a + b / 60 + c / 3600)


def _remedy(test: _Test, places: Places) -> str:
    for option, turn in _OTHERWISE:
        at = turn(places)
        in_range = np.abs(at[1][test.rows]) <= 90  # noqa: PLR2004 - the pole
        if in_range.all():
            found = test.result(at)
            if found.agreeing > _MOST * found.compared:
                return option
    return ""
