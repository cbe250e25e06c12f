"""Whether identifiers agree with the positions beside them.

An SDSS object id names the field that the galaxy was seen in. Of most runs it is known
where they scanned; galaxies of another run must at least lie as far apart as their
fields do. A name such as ``J123456.78-012345.6`` is a position itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..archives.sdss.names import decode_all
from ..archives.sdss.outliers import comparable, strays
from ..archives.sdss.scans import are_known, lie_there
from ..sky.sphere import unit_vectors
from . import identifiers
from .id_columns import is_of_spectra, known_ids
from .sky_frames import SkyFrame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from .positions import Positions
    from .sheets import Sheet

    Places = tuple[NDArray[np.float64], NDArray[np.float64]]

__all__ = ["Agreement", "compare"]

#: A name that is a position: hours, minutes, seconds; degrees, minutes, seconds.
_NAME = (
    r"(?P<mark>[JB])(?P<h>[01]\d|2[0-3])(?P<m>[0-5]\d)(?P<s>[0-5]\d)"
    r"\.?(?P<sf>\d*)(?P<sign>[+-]|\x{2212})"
    r"(?P<d>\d\d)(?P<dm>[0-5]\d)(?P<ds>[0-5]\d)\.?(?P<dsf>\d*)"
)
#: Names that are taken apart together.
_PART = 65_536
#: Degrees by which a name may be off: it is cut to seconds, and made of older data.
_NAME_SLACK = 0.02
#: Names, and SDSS ids that contradict each other, that are enough to refuse positions
#: although nothing else would make them agree: of fewer, single ones may be wrong.
_FEWEST_NAMES, _FEWEST_IDS = 2, 4
#: SDSS ids that are enough where only the places of their scans contradict: in short
#: lists identifiers are often made up, and the run says how many agree.
_FEWEST_ALONE = 25
#: Part of the compared that must contradict.
_MOST = 0.5

#: What else the positions may be, and what the user would have to say.
_OTHERWISE: tuple[tuple[str, Callable[[Places], Places]], ...] = (
    ("--unit hour", lambda at: (at[0] * 15, at[1])),
    ("--unit rad", lambda at: (np.degrees(at[0]), np.degrees(at[1]))),
    ("--frame fk4", lambda at: SkyFrame("fk4", "B1950").to_icrs(*at)),
    ("--frame galactic", lambda at: SkyFrame("galactic").to_icrs(*at)),
    # A declination south of the equator was wrapped as if it were an RA.
    (
        "--ra and --dec the other way round",
        lambda at: (at[1] % 360, (at[0] + 180) % 360 - 180),
    ),
)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many identifiers of a column agree with their positions."""

    #: Empty if there is nothing to compare.
    column: str = ""
    #: ``SDSS identifiers`` or ``names``.
    what: str = ""
    compared: int = 0
    agreeing: int = 0
    #: So many have to be compared before they alone refuse the positions.
    fewest: int = 0

    @property
    def is_doubtful(self) -> bool:
        """Whether most of them speak against the positions."""
        return self.compared - self.agreeing > _MOST * self.compared

    @property
    def contradicts(self) -> bool:
        """Whether they are enough to refuse the positions, whatever else is known."""
        return self.is_doubtful and self.compared >= self.fewest

    def __str__(self) -> str:
        """Say it in a sentence without its full stop."""
        return (
            f"{self.agreeing} of {self.compared} {self.what} in column {self.column} "
            "agree with their positions"
        )


@dataclass(frozen=True, slots=True)
class _Test:
    """Identifiers of a column, and the test that positions must pass."""

    column: str
    what: str
    #: Places of the rows that can be compared.
    rows: NDArray[np.int64]
    agrees: Callable[[Places], NDArray[np.bool_]]
    #: See `Agreement`.
    fewest: int

    def result(self, places: Places) -> Agreement:
        """Compare with these positions."""
        with np.errstate(invalid="ignore"):
            agreeing = int(self.agrees(places).sum())
        return Agreement(self.column, self.what, len(self.rows), agreeing, self.fewest)


def compare(
    sheet: Sheet, positions: Positions, *, id_name: str, ra: str, only_id: bool
) -> tuple[Agreement, str]:
    """Compare what identifiers there are with the positions.

    Parameters
    ----------
    id_name
        The column of the identifiers, which is asked first.
    only_id
        Ask no other column: the user has named this one.

    Returns
    -------
    Agreement
        Of the column that contradicts, else of the first that can be compared.
    str
        What would make it agree; empty if it does, or nothing would.
    """
    others = [] if only_id else known_ids(sheet.table.column_names, ra)
    names = dict.fromkeys(filter(None, [id_name, *others]))
    places = positions.ra, positions.dec
    first = Agreement()
    for test in _tests(sheet, list(names), places):
        found = test.result(places)
        remedy = _remedy(test, places) if found.is_doubtful else ""
        if found.contradicts or remedy:
            return found, remedy
        first = first if first.compared else found
    return first, ""


def _tests(sheet: Sheet, names: Sequence[str], places: Places) -> Iterable[_Test]:
    done: set[str] = set()
    for name in names:
        kind = sheet.table.schema.field(name).type
        if pa.types.is_floating(kind) or pa.types.is_nested(kind):
            continue
        column, _ = identifiers.exact(sheet.column(name))
        if identifiers.trouble(column):
            continue  # bytes that are no text, or numbers that are no identifiers
        for make in (_of_sdss, _of_names):
            test = make(name, column, places)
            if test and len(test.rows) and test.what not in done:
                done.add(test.what)
                yield test


def _of_sdss(name: str, column: pa.Array, places: Places) -> _Test | None:
    if is_of_spectra(name) or identifiers.is_rounded(column):
        return None
    if not identifiers.looks_like_sdss(column):
        return None
    rows, numbers = identifiers.sdss_numbers(column)
    fields, known = decode_all(numbers)
    sound = known & ~np.isnan(places[0][rows])
    rows, fields = rows[sound], fields[sound]
    few = are_known(fields) | comparable(fields)
    rows, fields = rows[few], fields[few]

    def agrees(at: Places) -> NDArray[np.bool_]:
        ra, dec = at[0][rows], at[1][rows]
        fits_others = ~strays(fields, ra, dec)
        return np.where(are_known(fields), lie_there(fields, ra, dec), fits_others)

    ra, dec = places[0][rows], places[1][rows]
    odd = strays(fields, ra, dec)[comparable(fields)]
    is_odd = len(odd) >= _FEWEST_IDS and odd.mean() > _MOST
    fewest = _FEWEST_IDS if is_odd else _FEWEST_ALONE
    return _Test(name, "SDSS identifiers", rows, agrees, fewest)


def _of_names(name: str, column: pa.Array, places: Places) -> _Test | None:
    kind = column.type
    if not len(column) or not (
        pa.types.is_string(kind) or pa.types.is_large_string(kind)
    ):
        return None
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

    return _Test(name, "names", rows, agrees, _FEWEST_NAMES)


def _named_in(
    column: pa.Array, start: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Give the rows with such a name, and where it says that they are."""
    parts = pc.extract_regex(column.cast(pa.string()), _NAME)
    rows = np.flatnonzero(parts.is_valid().to_numpy(zero_copy_only=False))
    return rows + start, *_named_places(parts.take(pa.array(rows)))


def _named_places(parts: pa.StructArray) -> Places:
    """Turn the names into ICRS degrees."""
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
