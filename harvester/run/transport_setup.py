"""The one door to the archives, made from the settings: manners, contact, token."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from ..errors import InputError
from ..plan.bill import BANDWIDTH, Allowance, Manner
from ..settings.settings import SERVICES
from ..transport.headers import ApiToken
from ..transport.manners import Manners
from ..transport.quiet_hours import QuietHours
from ..transport.transport import Limits, Service, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..ledger.ledger import Ledger
    from ..settings.settings import Settings

__all__ = ["allowance", "first_words", "make_first_transport", "make_transport"]

#: Where a token for MAST is looked for: itself, or the name of a file that holds it.
_TOKEN = "MAST_API_TOKEN"  # noqa: S105 - a name
_TOKEN_FILE = "MAST_API_TOKEN_FILE"  # noqa: S105 - as above


def make_first_transport(settings: Settings) -> Transport:
    """Make a transport for what is asked before a run has its ledger."""
    return Transport(
        _services(settings),
        contact=settings.politeness.contact,
        version=__version__,
        limits=_limits(settings),
        token=_token(settings),
    )


async def make_transport(settings: Settings, ledger: Ledger) -> Transport:
    """Make the transport, which goes on with the cool-downs that the ledger keeps."""
    return Transport(
        _services(settings),
        contact=settings.politeness.contact,
        version=__version__,
        limits=_limits(settings),
        on_traffic=ledger.count_traffic,
        on_cool_down=ledger.keep_cool_down,
        cool_downs=await ledger.cool_downs(),
        token=_token(settings),
        known_good={
            service.host: url
            for url in await ledger.known_good()
            for service in _services(settings)
            if url.startswith(service.base)
        },
    )


def _limits(settings: Settings) -> Limits:
    politeness, limits = settings.politeness, settings.limits
    return Limits(
        connect_s=limits.connect_s,
        answer_s=limits.answer_s,
        silence_s=limits.silence_s,
        total_s=limits.total_s,
        floor_bytes_per_s=limits.floor_bytes_per_s,
        floor_window_s=limits.floor_window_s,
        works_on_s=limits.works_on_s,
        body_cap=limits.file_bytes,
        json_cap=limits.reply_bytes,
        tries=politeness.tries,
        patience_s=politeness.patience_s,
        # It is not waited longer for one that refuses than for one that is down.
        refusal_patience_s=min(politeness.refusal_patience_s, politeness.patience_s),
    )


def first_words(settings: Settings) -> Iterator[str]:
    """Give what a user should know before anything is sent."""
    official = [one for one in _services(settings) if not one.is_elsewhere]
    if official and not settings.politeness.contact:
        yield (
            "No contact is set, so an archive that has trouble with this harvest can "
            "only shut it out. Say --contact you@example.org once."
        )
    if _read_token() and _token(settings) is None:
        yield (
            f"{_TOKEN} is not sent to {settings.services.mast.base_url}: it is for "
            f"{SERVICES['mast']} only, unless hst.token_elsewhere is set."
        )


def allowance(settings: Settings, bandwidth: float = BANDWIDTH) -> Allowance:
    """Give what a harvest may use; ``bandwidth`` in bytes a second is assumed."""
    return Allowance(
        manners={
            service.name: Manner(
                service.host, service.manners.rate, service.manners.slots["file"]
            )
            for service in _services(settings)
        },
        specs={name: settings.spec(name) for name in ("sdss", "hst")},
        cores=settings.work.processes or len(os.sched_getaffinity(0)),
        cache_bytes=settings.work.frame_cache_bytes,
        bandwidth=bandwidth,
    )


def _services(settings: Settings) -> list[Service]:
    return [_service(settings, name, base) for name, base in SERVICES.items()]


def _service(settings: Settings, name: str, base: str) -> Service:
    section = settings.services.named(name)
    quiet = section.quiet or settings.politeness.quiet
    manners = Manners(
        section.rate,
        {"query": section.queries, "file": section.files},
        quiet=QuietHours.parse(quiet) if quiet else None,
    )
    actual = _actual(settings, name, base)
    return Service(name, base, actual, manners, section.answer_s)


def _actual(settings: Settings, name: str, base: str) -> str:
    return settings.services.named(name).base_url.rstrip("/") or base


def _token(settings: Settings) -> ApiToken | None:
    """Make the token for MAST; None without one, or where it must not go."""
    text = _read_token()
    home = _actual(settings, "mast", SERVICES["mast"])
    if not text or not (home == SERVICES["mast"] or settings.hst.token_elsewhere):
        return None
    return ApiToken(text, home)


def _read_token() -> str:
    # From the environment only: it is in no settings, so that it is not kept in any.
    file = os.environ.get(_TOKEN_FILE)
    if not file:
        return os.environ.get(_TOKEN, "").strip()
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{_TOKEN_FILE} {file} cannot be read as a token."
        raise InputError(msg) from error
