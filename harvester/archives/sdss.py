"""SDSS: which field frame holds a galaxy.

The object identifiers of Galaxy Zoo name run, camcol and field, so that most
galaxies need no request at all; the others, and those whose frame turns out not
to hold them, are looked up by position, a thousand to a request.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ..errors import OutageError, TransientError
from ..models import Finding, Product
from .bridge import Bridge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from ..models import Ask, Survey, Target
    from ..transport.transport import Reply, Transport

__all__ = ["Field", "Sdss", "check_skyserver", "decode", "frame"]

T = TypeVar("T")

#: The one photometric reprocessing that DR8 and later serve.
_RERUN = 301

#: Versions of the sky that identifiers carry: 1 until DR7, 2 since DR8.
_SKIES = frozenset({1, 2})

_CAMCOLS = range(1, 7)

_INT64 = re.compile(r"[0-9]{1,19}")

#: Rows of one CrossID upload, by its documentation.
_UPLOAD = 1000

#: Radius in arcsec within which the nearest primary object names the field. It need
#: not be the galaxy itself: its field is the same, and the frame's WCS decides.
_RADIUS_ARCSEC = 30.0

#: Findings that are handed on at once.
_BATCH = 5000


class Field(NamedTuple):
    """One frame position: a stretch of a run in one camera column."""

    run: int
    camcol: int
    field: int
    rerun: int = _RERUN


def decode(identifier: str) -> Field | None:
    """Read run, camcol and field out of an SDSS object identifier.

    The bits are the same in DR7 and since; the rerun is always replaced, because a
    rerun changes the photometric pipeline and not the imaging. None if the number
    is no such identifier or names a field that was never observed.
    """
    if not _INT64.fullmatch(identifier):
        return None
    bits = int(identifier)
    sky, run, camcol, field = (
        bits >> 59,
        bits >> 32 & 0xFFFF,
        bits >> 29 & 0x7,
        bits >> 16 & 0xFFF,
    )
    first, last = _runs().get(run, (1, 0))
    if sky in _SKIES and camcol in _CAMCOLS and first <= field <= last:
        return Field(run, camcol, field)
    return None


@cache
def _runs() -> dict[int, tuple[int, int]]:
    # Run -> first and last field of the imaging that DR8 and later serve.
    text = files(__package__).joinpath("sdss_runs.csv").read_text("ascii")
    rows = csv.DictReader(text.splitlines())
    return {
        int(row["run"]): (int(row["first_field"]), int(row["last_field"]))
        for row in rows
    }


def frame(base: str, release: int, band: str, field: Field) -> Product:
    """Name the frame of a field in a band, under the address of the SAS."""
    run, camcol, number, rerun = field
    name = f"frame-{band}-{run:06d}-{camcol}-{number:04d}.fits.bz2"
    folder = f"{base}/dr{release}/{_instrument(release)}/photoObj/frames"
    url = f"{folder}/{rerun}/{run}/{camcol}/{name}"
    return Product("sdss", name, band, url)


def _instrument(release: int) -> str:
    # The same imaging has moved twice within the archive.
    if release <= 12:  # noqa: PLR2004 - a release
        return "boss"
    return "eboss" if release <= 17 else "prior-surveys/sdss4-dr17-eboss"  # noqa: PLR2004 - a release


def check_skyserver(reply: Reply) -> None:
    """Refuse what SkyServer sends with status 200 although it is no table.

    Raises
    ------
    OutageError
        An HTML page: its inner service is down, or it wants fewer queries.
    TransientError
        The database refused the query.
    """
    start = reply.body[:4096].lstrip()
    if b"error_message" in start:
        words = start.decode("utf-8", "replace")
        if "queries allowed per minute" in words:
            msg = f"SkyServer wants fewer queries: {words:.200}"
            raise OutageError("too_many_queries", msg)
        msg = f"SkyServer refused the query: {words:.300}"
        raise TransientError("query_refused", msg)
    if not start.startswith((b"#Table1", b"[", b"{")):
        words = start.decode("utf-8", "replace")
        msg = f"{reply.url} answered with a page, not a table: {words:.200}"
        raise OutageError("html", msg)


class Sdss:
    """Finds the frames of SDSS."""

    name = "sdss"
    #: A frame that an identifier named wrongly is looked up by position, once.
    may_relocate = True

    def __init__(self, transport: Transport, *, base: str, release: int) -> None:
        """Take the official address of the SAS, of which frame addresses are made."""
        self._bridge = Bridge(transport, check_skyserver)
        self._base = base
        self._release = release

    async def locate(
        self, survey: Survey, asks: Sequence[Ask]
    ) -> AsyncIterator[Sequence[Finding]]:
        """Give findings as they come: decoded ones first, then request by request."""
        unknown = []
        decoded = []
        for ask in asks:
            field = None if ask.by_position else decode(ask.target.id)
            if field is None:
                unknown.append(ask.target)
            else:
                decoded.append(self._finding(survey, ask.target, field))
        for batch in _chunks(decoded, _BATCH):
            yield batch
        for targets in _chunks(unknown, _UPLOAD):
            yield await self._cross_identify(survey, targets)

    def _finding(self, survey: Survey, target: Target, field: Field | None) -> Finding:
        if field is None:
            return Finding(target, {})
        choices = {
            band: [frame(self._base, self._release, band, field)]
            for band in survey.bands
        }
        return Finding(target, choices)

    async def _cross_identify(
        self, survey: Survey, targets: Sequence[Target]
    ) -> list[Finding]:
        fields = await self._bridge.ask(lambda: self._upload(targets))
        return [
            self._finding(survey, target, fields.get(target.number))
            for target in targets
        ]

    def _upload(self, targets: Sequence[Target]) -> dict[int, Field]:
        from astropy.coordinates import SkyCoord  # noqa: PLC0415 - a second of import

        table = self._client().query_crossid(
            SkyCoord([t.ra for t in targets], [t.dec for t in targets], unit="deg"),
            radius=f"{_RADIUS_ARCSEC} arcsec",
            photoobj_fields=["run", "rerun", "camcol", "field"],
            obj_names=[f"t{target.number}" for target in targets],
            data_release=self._release,
            cache=False,
        )
        # Targets without a match have no row, and rows are in no promised order.
        return {
            int(row["name"][1:]): Field(
                int(row["run"]),
                int(row["camcol"]),
                int(row["field"]),
                int(row["rerun"]),
            )
            for row in ([] if table is None else table)
        }

    @cache  # noqa: B019 - one client for the life of its one archive
    def _client(self) -> Any:  # noqa: ANN401 - astroquery has no types
        from astroquery import cache_conf  # noqa: PLC0415 - a second of import
        from astroquery.sdss import SDSSClass  # noqa: PLC0415

        # Its cache would keep an error page for good.
        cache_conf.cache_active = False
        client = SDSSClass()
        self._bridge.mount(client._session)  # noqa: SLF001 - its only door
        return client


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
