"""SDSS object identifiers in a catalogue: how they look, and what they tell.

An identifier names the field in which the galaxy was seen. Of most runs it is known
where they scanned; galaxies of the other runs must at least lie as far apart as their
fields do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...catalogue.identifier_scheme import PlaceTest
from .names import CAMCOLS, decode_all
from .outliers import comparable, strays
from .scans import are_known, lie_there

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ...events import Listener
    from ...transport.transport import Transport
    from .kind import SdssSection

__all__ = ["IDENTIFIERS"]

#: ``skyVersion`` and ``rerun`` of the identifiers of DR7, and of DR8 and later.
_RERUNS = {1: [40, 41, 42, 44, 648], 2: [157, 301]}
#: Runs of the coadds of Stripe 82: their identifiers name no frame.
_COADDS = [106, 206]

#: Identifiers that are enough to refuse positions where most contradict each other:
#: of fewer, single ones may be wrong.
_FEWEST = 4
#: Identifiers that are enough where only the places of their scans contradict: in
#: short lists identifiers are often made up, and the run says how many agree.
_FEWEST_ALONE = 25
#: Part of the identifiers that must contradict each other.
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
        """Tell of identifiers of spectra, such as ``specObjID``."""
        return "spec" in column

    def are_identifiers(self, numbers: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Tell which numbers have the bits; of arbitrary ones 0.0003 pass.

        From the low end: object 16 bits, field 12, first-field flag 1, camcol 3, run
        16, rerun 11, skyVersion 4; the highest bit is 0.
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
        """Compare with where the run scanned, else with neighbours in the run."""
        fields, are_fields = decode_all(numbers)
        rows = np.flatnonzero(are_fields)
        fields = fields[rows]
        can_be_told = are_known(fields) | comparable(fields)
        rows, fields = rows[can_be_told], fields[can_be_told]
        ra, dec = ra[rows], dec[rows]
        is_scan_known = are_known(fields)

        def agrees(
            ra: NDArray[np.float64], dec: NDArray[np.float64]
        ) -> NDArray[np.bool_]:
            fits_others = ~strays(fields, ra, dec)
            return np.where(is_scan_known, lie_there(fields, ra, dec), fits_others)

        odd = strays(fields, ra, dec)[comparable(fields)]
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
        from .positions import look_up_positions  # noqa: PLC0415 - slow to import

        return await look_up_positions(
            transport, ids, release=section.release, listener=listener
        )


def _bits(numbers: NDArray[np.uint64], low: int, width: int) -> NDArray[np.uint64]:
    return (numbers >> np.uint64(low)) & np.uint64((1 << width) - 1)


IDENTIFIERS = _Identifiers()
