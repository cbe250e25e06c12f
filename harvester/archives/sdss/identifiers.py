"""SDSS object identifiers in a catalogue: their form, and the positions they imply.

An identifier names the field in which the object was seen. For most runs the scanned
great circle is known, so the position can be checked. For other runs, two galaxies must
at least lie as far apart as their fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...catalogue.identifier_scheme import PlaceTest
from .names import CAMCOLS, decode_all
from .outliers import find_outliers, have_neighbours
from .scans import have_known_scans, lie_in_fields

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ...events import Listener
    from ...transport.transport import Transport
    from .kind import SdssSection

__all__ = ["IDENTIFIERS"]

#: ``skyVersion`` and ``rerun`` of the identifiers of DR7, and of DR8 and later.
_RERUNS = {1: [40, 41, 42, 44, 648], 2: [157, 301]}
#: Runs of the coadds of Stripe 82. Their identifiers do not name a frame.
_COADDS = [106, 206]

#: Identifiers needed to refuse the positions, if most identifiers contradict each
#: other: among fewer, single ones may be wrong.
_FEWEST = 4
#: Identifiers needed if they only contradict the known scans. Short lists often have
#: invented identifiers; for these the run only prints how many agree.
_FEWEST_ALONE = 25
#: Fraction of the identifiers that must contradict each other.
_MOST = 0.5


class _Identifiers:
    name = "sdss"
    title = "SDSS"
    columns = (
        *("objid", "dr7objid", "dr8objid", "object1", "objid1", "pridr7id", "sdssid"),
        *("sdssobjid", "photoobjid", "bestobjid", "dr16objid", "dr12objid", "dr9objid"),
    )
    can_look_up = True

    def is_look_alike(self, column: str) -> bool:
        """Whether a column holds identifiers of spectra, such as ``specObjID``."""
        return "spec" in column

    def are_identifiers(self, numbers: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Tell which numbers are SDSS identifiers, ``(n,)``.

        From the lowest bit: object 16 bits, field 12, first-field flag 1, camcol 3, run
        16, rerun 11, skyVersion 4; the highest bit is 0. A fraction of 0.0003 of
        arbitrary numbers passes too.
        """
        sky, rerun = numbers >> np.uint64(59), _bits(numbers, 48, 11)
        run, camcol, field = (
            _bits(numbers, low, width) for low, width in ((32, 16), (29, 3), (16, 12))
        )
        known = np.zeros(len(numbers), bool)
        for version, reruns in _RERUNS.items():
            known |= (sky == version) & np.isin(rerun, reruns)
        real = (run > 0) & ~np.isin(run, _COADDS) & (field > 0)
        return known & real & (camcol >= CAMCOLS[0]) & (camcol <= CAMCOLS[-1])

    def place_test(
        self,
        numbers: NDArray[np.uint64],
        ra: NDArray[np.float64],
        dec: NDArray[np.float64],
    ) -> PlaceTest:
        """Compare positions with the scan of the run, or with others in the run."""
        fields, are_fields = decode_all(numbers)
        rows = np.flatnonzero(are_fields)
        fields = fields[rows]
        is_testable = have_known_scans(fields) | have_neighbours(fields)
        rows, fields = rows[is_testable], fields[is_testable]
        ra, dec = ra[rows], dec[rows]
        is_scan_known = have_known_scans(fields)

        def agrees(
            ra: NDArray[np.float64], dec: NDArray[np.float64]
        ) -> NDArray[np.bool_]:
            fits_others = ~find_outliers(fields, ra, dec)
            return np.where(is_scan_known, lie_in_fields(fields, ra, dec), fits_others)

        odd = find_outliers(fields, ra, dec)[have_neighbours(fields)]
        is_odd = len(odd) >= _FEWEST and odd.mean() > _MOST
        return PlaceTest(rows, agrees, _FEWEST if is_odd else _FEWEST_ALONE)

    async def look_up(
        self,
        transport: Transport,
        section: SdssSection,
        ids: Sequence[str],
        listener: Listener,
    ) -> dict[str, tuple[float, float]]:
        """Ask SkyServer for positions: see `look_up_positions`."""
        from .positions import look_up_positions

        return await look_up_positions(
            transport, ids, release=section.release, listener=listener
        )


def _bits(numbers: NDArray[np.uint64], low: int, width: int) -> NDArray[np.uint64]:
    return (numbers >> np.uint64(low)) & np.uint64((1 << width) - 1)


IDENTIFIERS = _Identifiers()
