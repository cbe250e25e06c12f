"""Finds the fields of positions by CrossID, and detects answers that were cut short.

A position without an object nearby has no row in the answer; a row that was lost looks
the same. So the last row of each upload is a canary: a position where there is an
object. An answer without the canary was cut short, and its positions are uploaded again
in smaller parts.

A galaxy of the catalogue with an identifier of SDSS is the first canary. If there is
none, or SkyServer knows no object there, a query asks for one.
"""

from __future__ import annotations

import logging
from math import asin, cos, degrees, isfinite, radians, sin, sqrt
from typing import TYPE_CHECKING, NamedTuple

from ...errors import OutageError, PermanentError, TransientError
from ..batches import chunks
from .names import Field, is_observed
from .skyserver import MAYBE_OUTAGE, TOO_LONG, is_unreachable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...models import Target
    from .skyserver import Match, SkyServer

    Place = tuple[float, float]

__all__ = ["CHOICES", "UPLOAD", "CrossId", "Matched"]

_log = logging.getLogger(__name__)

#: Targets in one upload: the documentation allows 1,000 rows, and one is the canary.
UPLOAD = 999

#: Fields given for one position, best first. The second is needed if a frame is
#: missing, or if the position is outside it in one band: bands are some pixels apart.
CHOICES = 3

#: The nearest primary object within this radius, in arcsec, names the field. It may be
#: another object than the galaxy: the WCS of the frame is checked later.
_RADIUS_ARCSEC = 30.0

#: A nearest object that is farther away may not be the galaxy: astroquery's own radius
#: for a cross-match.
_SURE_ARCSEC = 5.0

#: Tolerance of that radius in arcsec: the service rounds positions.
_ROUNDED_ARCSEC = 1.0

#: Uploads that may fail in a row, parts of failed uploads included. It takes ten
#: halvings from a thousand rows to one.
_MOST_FAILED = 12

#: Name of the canary in an upload; targets are named ``t`` and a number.
_CANARY = "canary"

_SOMEWHERE = "SELECT TOP 1 ra, dec FROM PhotoPrimary"


class Matched(NamedTuple):
    """The objects near a target, as far as SkyServer has named them."""

    #: Their fields, best first.
    fields: list[Field]
    #: Objects in the answer, and the distance to the nearest one in arcsec.
    candidates: int
    separation_arcsec: float | None

    @property
    def is_ambiguous(self) -> bool:
        """Whether the nearest object may be another one than the galaxy."""
        return (self.separation_arcsec or 0) > _SURE_ARCSEC


class CrossId:
    """Looks up targets by position."""

    def __init__(self, skyserver: SkyServer) -> None:
        self._skyserver = skyserver
        #: Position of an object; None if none is known.
        self._canary: Place | None = None
        #: Whether SkyServer itself has named that object.
        self._is_named = False
        self._may_ask_canary = True
        self._failed = 0
        #: Last error of an upload of a single target; used if no upload was answered.
        self._refusal: TransientError | PermanentError | None = None
        self._was_answered = False

    def suggest_canary(self, ra: float, dec: float) -> None:
        """Say where the catalogue has an object of SDSS, in ICRS degrees.

        It spares a query, which at one request a second delays the first stamp.
        """
        if self._canary is None:
            self._canary = ra, dec

    async def find(self, targets: Sequence[Target]) -> dict[int, Matched]:
        """Give what was matched with targets, by number, without fields if nothing was.

        Targets whose rows are unusable, also when uploaded again, are left out.

        Raises
        ------
        OutageError
            SkyServer has an outage, or its answers stay cut short.
        PermanentError
            SkyServer refuses every upload.
        """
        found: dict[int, Matched] = {}
        for chunk in chunks(targets, UPLOAD):
            found |= await self._find(chunk)
            left = [target for target in chunk if target.number not in found]
            if left:
                found |= await self._find(left)
            if self._refusal and not self._was_answered:
                raise _as_outage(self._refusal)
        return found

    async def _find(self, targets: Sequence[Target]) -> dict[int, Matched]:
        """Upload targets, in smaller parts if that fails."""
        try:
            found = await self._upload(targets)
        except (TransientError, PermanentError) as error:
            self._check_failures(error, is_single=len(targets) == 1)
            if len(targets) == 1:
                self._refusal = error
                _log.warning(
                    "galaxy %s cannot be looked up by position now, and stays "
                    "pending: %s",
                    targets[0].id,
                    error,
                )
                return {}
            _log.warning(
                "an upload of %d positions failed; it is sent again in two parts: %s",
                len(targets),
                error,
            )
            middle = len(targets) // 2
            first = await self._find(targets[:middle])
            return first | await self._find(targets[middle:])
        self._failed = 0
        self._was_answered = True
        return found

    def _check_failures(
        self, error: TransientError | PermanentError, *, is_single: bool
    ) -> None:
        """Raise the error if smaller uploads cannot help, or have failed too often."""
        self._failed += 1
        is_outage = isinstance(error, OutageError)
        if is_outage and (is_single or error.reason not in TOO_LONG):
            raise error
        if self._failed >= _MOST_FAILED:
            raise _as_outage(error)

    async def _upload(self, targets: Sequence[Target]) -> dict[int, Matched]:
        canary = await self._find_canary()
        names = [f"t{target.number}" for target in targets]
        places = [(target.ra, target.dec) for target in targets]
        if canary:
            names, places = [*names, _CANARY], [*places, canary]
        matches = await self._skyserver.match(
            names,
            places,
            radius_arcsec=_RADIUS_ARCSEC,
            at_once=TOO_LONG if len(targets) > 1 else (),
        )
        answered = {match.name for match in matches}
        is_lacking = canary is not None and _CANARY not in answered
        if is_lacking and not self._is_named:
            # The answer was cut short, or there is no object. A named one will tell.
            self._canary = None
            return await self._upload(targets)
        if is_lacking:
            msg = (
                f"SkyServer's answer to {len(targets)} positions is cut short: it "
                "lacks the row of an object that SkyServer itself has named"
            )
            raise TransientError("cut_short", msg)
        self._is_named = canary is not None
        # A row with an unknown name belongs to some target: then a missing row does
        # not prove that there is no object.
        rows = _by_name(matches)
        is_whole = bool(canary) and answered <= set(names)
        return self._read(targets, rows, is_whole=is_whole)

    def _read(
        self, targets: Sequence[Target], rows: dict[str, list[Match]], *, is_whole: bool
    ) -> dict[int, Matched]:
        found: dict[int, Matched] = {}
        for target in targets:
            own = rows.get(f"t{target.number}", [])
            matched = _matched(target, own)
            if matched.fields or (not own and is_whole):
                found[target.number] = matched
            if matched.fields and self._canary is None:
                self._canary, self._is_named = (target.ra, target.dec), True
        return found

    async def _find_canary(self) -> Place | None:
        """Give the position of a known object; one query asks SkyServer for it."""
        if self._canary is None and self._may_ask_canary:
            self._may_ask_canary = False
            try:
                table = await self._skyserver.select(
                    _SOMEWHERE, ("ra", "dec"), at_once=MAYBE_OUTAGE
                )
            except (TransientError, PermanentError) as error:
                if is_unreachable(error):
                    self._may_ask_canary = True
                    raise
                # Any target that is found later serves as a canary too.
                _log.warning(
                    "sdss: SkyServer did not name an object to check its answers "
                    "with, so missing rows are not taken for missing galaxies yet: %s",
                    error,
                )
                return None
            places = zip(*(column.tolist() for column in table.values()), strict=True)
            self._canary = next((p for p in places if _is_place(p)), None)
            self._is_named = self._canary is not None
        return self._canary


def _as_outage(
    error: TransientError | PermanentError,
) -> TransientError | PermanentError:
    if not isinstance(error, TransientError) or isinstance(error, OutageError):
        return error
    msg = f"SkyServer answers no upload of positions: {error}"
    return OutageError(error.reason, msg)


def _is_place(place: tuple[object, ...]) -> bool:
    return all(isinstance(n, int | float) and isfinite(n) for n in place)


def _by_name(matches: Sequence[Match]) -> dict[str, list[Match]]:
    rows: dict[str, list[Match]] = {}
    for match in matches:
        rows.setdefault(match.name, []).append(match)
    return rows


def _matched(target: Target, matches: Sequence[Match]) -> Matched:
    """Give the fields of the objects near a target, that of the nearest first."""
    near = sorted(
        (distance, field)
        for match in matches
        if (field := _field(match)) is not None
        and (distance := _arcsec(target, match)) <= _RADIUS_ARCSEC + _ROUNDED_ARCSEC
    )
    fields = list(dict.fromkeys(field for _, field in near))[:CHOICES]
    return Matched(fields, len(near), round(near[0][0], 3) if near else None)


def _field(match: Match) -> Field | None:
    # The rerun of the row is not used: frames exist for one rerun only.
    parts = (match.run, match.camcol, match.field)
    if not all(isfinite(part) and part.is_integer() for part in parts):
        return None
    field = Field(*map(int, parts))
    return field if is_observed(field) else None


def _arcsec(target: Target, match: Match) -> float:
    """Give the distance to an object; without a valid position, the largest allowed."""
    if not (isfinite(match.ra) and isfinite(match.dec)):
        return _RADIUS_ARCSEC
    # The haversine formula; for single pairs numpy is many times slower.
    ra, dec, other_ra, other_dec = map(
        radians, (target.ra, target.dec, match.ra, match.dec)
    )
    across = cos(dec) * cos(other_dec) * sin((other_ra - ra) / 2) ** 2
    square = sin((other_dec - dec) / 2) ** 2 + across
    return degrees(2 * asin(sqrt(min(1.0, max(0.0, square))))) * 3600
