"""Positions to fields by CrossID: what has no row, and what was lost on the way.

A position without an object nearby has no row, and neither has one whose row was cut
off. So the last row of each upload is a canary, a place where there is an object: an
answer without it is cut, and asked for again in smaller uploads.
"""

from __future__ import annotations

import logging
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from ...errors import OutageError, PermanentError, TransientError
from ...sky.sphere import unit_vectors
from ..batches import chunks
from .names import Field, is_observed
from .skyserver import NOT_NOW, TOO_LONG, is_unreachable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...models import Target
    from .skyserver import Match, SkyServer

    Place = tuple[float, float]

__all__ = ["CHOICES", "UPLOAD", "CrossId"]

_log = logging.getLogger(__name__)

#: Targets of one upload: by its documentation it may have 1,000 rows, and one of them
#: is the canary.
UPLOAD = 999

#: Fields that are offered for one position, best first: bands lie some pixels apart,
#: and a frame may be missing.
CHOICES = 3

#: Radius in arcsec within which the nearest primary object names the field. It need
#: not be the galaxy itself: its field is the same, and the frame's WCS decides.
_RADIUS_ARCSEC = 30.0

#: Arcsec by which a row may be farther: positions are rounded on the way.
_ROUNDED_ARCSEC = 1.0

#: Uploads that may fail one after another, the smaller ones that they were made into
#: included. A thousand halved ten times is one row.
_MOST_FAILED = 12

#: Name of the canary; targets have a t and a number.
_CANARY = "canary"

_SOMEWHERE = "SELECT TOP 1 ra, dec FROM PhotoPrimary"


class CrossId:
    """Looks targets up by position."""

    def __init__(self, skyserver: SkyServer) -> None:
        self._skyserver = skyserver
        #: A place where SkyServer has an object, once it has named one.
        self._canary: Place | None = None
        self._may_seek = True
        self._failed = 0
        #: What single targets met last, while no upload was ever answered.
        self._refusal: TransientError | PermanentError | None = None
        self._was_answered = False

    async def find(self, targets: Sequence[Target]) -> dict[int, list[Field]]:
        """Give the fields of targets, best first; none where no object is nearby.

        A target whose rows make no sense, although it was asked again, is not in it.

        Raises
        ------
        OutageError
            SkyServer is in trouble, or its answers stay cut short.
        PermanentError
            It refuses every upload.
        """
        found: dict[int, list[Field]] = {}
        for chunk in chunks(targets, UPLOAD):
            found |= await self._find(chunk)
            left = [target for target in chunk if target.number not in found]
            if left:
                found |= await self._find(left)
            if self._refusal and not self._was_answered:
                raise _ended(self._refusal)
        return found

    async def _find(self, targets: Sequence[Target]) -> dict[int, list[Field]]:
        """Upload targets, and smaller parts of them if that fails."""
        try:
            found = await self._upload(targets)
        except (TransientError, PermanentError) as error:
            self._check_hope(error, is_single=len(targets) == 1)
            if len(targets) == 1:
                self._refusal = error
                _log.warning("%s cannot be looked up: %s", targets[0].id, error)
                return {}
            _log.warning("smaller uploads, after one of %d: %s", len(targets), error)
            middle = len(targets) // 2
            first = await self._find(targets[:middle])
            return first | await self._find(targets[middle:])
        self._failed = 0
        self._was_answered = True
        return found

    def _check_hope(
        self, error: TransientError | PermanentError, *, is_single: bool
    ) -> None:
        """Raise an error that smaller uploads do not mend, or have not."""
        self._failed += 1
        is_outage = isinstance(error, OutageError)
        if is_outage and (is_single or error.reason not in TOO_LONG):
            raise error
        if self._failed >= _MOST_FAILED:
            raise _ended(error)

    async def _upload(self, targets: Sequence[Target]) -> dict[int, list[Field]]:
        canary = await self._seek()
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
        told = {match.name for match in matches}
        if canary and _CANARY not in told:
            msg = (
                f"SkyServer's answer to {len(targets)} positions lacks the row of an "
                "object that it has itself named: it is cut short"
            )
            raise TransientError("cut_short", msg)
        # A row with a name that was not sent cannot be given to any target.
        rows = _by_name(matches)
        is_whole = bool(canary) and told <= set(names)
        return self._read(targets, rows, is_whole=is_whole)

    def _read(
        self, targets: Sequence[Target], rows: dict[str, list[Match]], *, is_whole: bool
    ) -> dict[int, list[Field]]:
        found: dict[int, list[Field]] = {}
        for target in targets:
            own = rows.get(f"t{target.number}", [])
            fields = _fields(target, own)
            if fields or (not own and is_whole):
                found[target.number] = fields
            if fields and self._canary is None:
                self._canary = target.ra, target.dec
        return found

    async def _seek(self) -> Place | None:
        """Give a place where SkyServer has an object; it is asked for one, once."""
        if self._canary is None and self._may_seek:
            self._may_seek = False
            try:
                table = await self._skyserver.select(
                    _SOMEWHERE, ("ra", "dec"), at_once=NOT_NOW
                )
            except (TransientError, PermanentError) as error:
                if is_unreachable(error):
                    self._may_seek = True
                    raise
                # The first target that is found will do, too.
                _log.warning(
                    "sdss: SkyServer gave no known object to check its answers by: %s",
                    error,
                )
                return None
            places = zip(*(column.tolist() for column in table.values()), strict=True)
            self._canary = next((p for p in places if _is_place(p)), None)
        return self._canary


def _ended(
    error: TransientError | PermanentError,
) -> TransientError | PermanentError:
    if not isinstance(error, TransientError) or isinstance(error, OutageError):
        return error
    msg = f"no upload of positions is answered: {error}"
    return OutageError(error.reason, msg)


def _is_place(place: tuple[object, ...]) -> bool:
    return all(isinstance(n, int | float) and isfinite(n) for n in place)


def _by_name(matches: Sequence[Match]) -> dict[str, list[Match]]:
    rows: dict[str, list[Match]] = {}
    for match in matches:
        rows.setdefault(match.name, []).append(match)
    return rows


def _fields(target: Target, matches: Sequence[Match]) -> list[Field]:
    """Name the fields of the objects near a target, the nearest one's first."""
    near = sorted(
        (distance, field)
        for match in matches
        if (field := _field(match)) is not None
        and (distance := _arcsec(target, match)) <= _RADIUS_ARCSEC + _ROUNDED_ARCSEC
    )
    return list(dict.fromkeys(field for _, field in near))[:CHOICES]


def _field(match: Match) -> Field | None:
    # The rerun of a path is the one that is served, whatever a row says.
    parts = (match.run, match.camcol, match.field)
    if not all(isfinite(part) and part.is_integer() for part in parts):
        return None
    field = Field(*map(int, parts))
    return field if is_observed(field) else None


def _arcsec(target: Target, match: Match) -> float:
    """Give the distance of an object; a place that is none is at the very edge."""
    if not (isfinite(match.ra) and isfinite(match.dec)):
        return _RADIUS_ARCSEC
    one, other = unit_vectors([target.ra, match.ra], [target.dec, match.dec])
    chord = float(np.linalg.norm(one - other))
    return float(np.degrees(2 * np.arcsin(min(1.0, chord / 2))) * 3600)
