"""Makes the transport from the settings: limits, contact, tokens, addresses."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..archives.registry import kind_of, kinds, services
from ..cutouts.core_count import process_count
from ..ledger.in_thread import in_thread
from ..plan.bill import BANDWIDTH, Allowance, Manner
from ..transport.account_file import state_folder
from ..transport.address import Official
from ..transport.headers import ApiToken
from ..transport.host_speed import HostSpeeds
from ..transport.machine_limit import MachineLimit, folder_trouble
from ..transport.manners import Manners
from ..transport.quiet_hours import QuietHours
from ..transport.secret_text import BROKER_SECRET, secret_of
from ..transport.services import Directory
from ..transport.shared_hosts import newest, read_shared_hosts
from ..transport.transport import Limits, Service, Transport
from .worker_fetch.fetch_job import FetchTerms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..archives.kind import ArchiveKind, ServiceKind, Token, Way
    from ..frames.way_costs import HostLimits
    from ..ledger.ledger import Ledger
    from ..models import HostFacts
    from ..settings.settings import Settings
    from ..transport.shared_limit import SharedLimit
    from ..transport.sighting import OnSeen

__all__ = [
    "allowance",
    "asked_hosts",
    "chosen_ways",
    "fetch_terms",
    "make_first_transport",
    "make_transport",
    "shared_folder",
    "start_notes",
]


def make_first_transport(
    settings: Settings, on_seen: OnSeen | None = None
) -> Transport:
    """Make a transport for requests before the run has a ledger.

    ``on_seen`` is called with what was seen of each request, when it has ended.
    """
    return _make(settings, on_seen=on_seen)


async def make_transport(
    settings: Settings, ledger: Ledger, out: Path | None = None
) -> Transport:
    """Make the transport of a run, with what the ledger knows of the hosts.

    ``out``: the folder of the run, which a broker shows.
    """
    return _make(
        settings,
        out=out,
        on_traffic=ledger.count_traffic,
        on_cool_down=ledger.keep_cool_down,
        cool_downs=await ledger.cool_downs(),
        speeds=HostSpeeds(
            newest(
                await in_thread(_known_on_machine, settings), await ledger.host_facts()
            )
        ),
        known_good={
            service.host: url
            for url in await ledger.known_good()
            for service in _services(settings)
            if url.startswith(service.base)
        },
    )


def _make(settings: Settings, out: Path | None = None, **more: Any) -> Transport:  # noqa: ANN401 - as Transport takes them
    return Transport(
        _services(settings),
        machine_limit=_machine_limit(settings, out),
        contact=settings.politeness.contact,
        version=__version__,
        limits=_limits(settings),
        tokens=_tokens(settings),
        **more,
    )


def _machine_limit(settings: Settings, out: Path | None = None) -> SharedLimit | None:
    if settings.politeness.broker:
        return _broker_limit(settings.politeness.broker, out)
    folder = _limits_folder(settings)
    if not settings.politeness.shared or folder is None or folder_trouble(folder):
        return None
    return MachineLimit(folder)


def _broker_limit(where: str, out: Path | None) -> SharedLimit:
    # Few harvests have a broker.
    from ..transport.broker.limit import BrokerLimit

    return BrokerLimit(where, secret_of(BROKER_SECRET), run=str(out or ""))


def shared_folder(settings: Settings) -> Path | None:
    """Give the folder of what the harvests of this machine share; None: nothing."""
    return _limits_folder(settings) if settings.politeness.shared else None


def _known_on_machine(settings: Settings) -> dict[str, HostFacts]:
    folder = shared_folder(settings)
    return {} if folder is None else read_shared_hosts(folder)


def _limits_folder(settings: Settings) -> Path | None:
    named = settings.politeness.state_dir
    return Path(named) if named else state_folder()


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
        # A host that refuses requests is waited for no longer than one that is down.
        refusal_patience_s=min(politeness.refusal_patience_s, politeness.patience_s),
    )


def start_notes(settings: Settings) -> Iterator[str]:
    """Yield warnings for the user, before the first request is sent."""
    official = [one for one in _services(settings) if not one.is_elsewhere]
    if official and not settings.politeness.contact:
        yield (
            "No contact is set. If this harvest causes trouble at an archive, the "
            "archive can only block it. Give --contact you@example.org once."
        )
    if settings.politeness.broker:
        yield (
            f"The broker at {settings.politeness.broker} is asked before each request: "
            "it counts all harvests that ask it, in place of the shared limits of this "
            "machine (politeness.shared)."
        )
    elif settings.politeness.shared:
        words = folder_trouble(_limits_folder(settings))
        if words:
            yield words
    for service, token in _with_tokens():
        home = _actual(settings, service)
        if secret_of(token.variable) and not _may_send(settings, service, token):
            yield (
                f"{token.variable} is not sent to {home}, because it belongs to "
                f"{service.base}. To send it anyway, set "
                f"{'.'.join(token.elsewhere)} = true."
            )


def allowance(settings: Settings, bandwidth: float | None = None) -> Allowance:
    """Return the resources that a harvest may use.

    ``bandwidth``: bytes a second, whatever was measured; None: as measured, or assumed.
    """
    return Allowance(
        manners={
            service.name: Manner(
                service.host, service.manners.rate, service.manners.slots["file"]
            )
            for service in _services(settings)
        },
        specs={name: settings.spec(name) for name in kinds()},
        cores=settings.work.processes or process_count(),
        cache_bytes=settings.work.frame_cache_bytes,
        bandwidth=bandwidth or BANDWIDTH,
        is_given=bandwidth is not None,
        known=_known_on_machine(settings),
        largest_file=settings.limits.file_bytes,
        ways={name: kind.way(settings.archive(name)) for name, kind in kinds().items()},
    )


def chosen_ways(
    settings: Settings,
) -> tuple[Mapping[str, Way], dict[str, HostLimits]]:
    """Give the chosen way of each archive's frames, and what limits their fetching."""
    allowed = allowance(settings)
    kinds_used = {
        one.archive: kind_of(one.archive) for one in settings.parsed_surveys()
    }
    return allowed.ways, {
        name: allowed.limits(kind.costs.file_service)
        for name, kind in kinds_used.items()
    }


def fetch_terms(settings: Settings, broker: str, secret: str) -> FetchTerms:
    """Tell how Dask workers fetch; they ask this broker before each request."""
    ways, host_limits = chosen_ways(settings)
    return FetchTerms(
        services=tuple(_services(settings)),
        limits=_limits(settings),
        contact=settings.politeness.contact,
        tokens=tuple(_tokens(settings)),
        broker=broker,
        secret=secret,
        ways=ways,
        host_limits=host_limits,
        budget=settings.work.frame_cache_bytes,
        patience_s=settings.politeness.patience_s,
        cut_s=settings.work.cut_limit_s,
        name=uuid.uuid4().hex,
    )


def asked_hosts(settings: Settings, kind: ArchiveKind) -> tuple[str, ...]:
    """Give the hosts that are really asked for an archive, its mirrors too."""
    directory = Directory([_service(settings, one) for one in kind.services])
    return tuple(dict.fromkeys(service.host for service in directory.services))


def _services(settings: Settings) -> list[Service]:
    return [_service(settings, kind) for kind in services().values()]


def _service(settings: Settings, kind: ServiceKind) -> Service:
    section = settings.services.named(kind.name)
    quiet = section.quiet or settings.politeness.quiet
    manners = Manners(
        section.rate,
        {"query": section.queries, "file": section.files},
        most_rate=kind.rate,
        quiet=QuietHours.parse(quiet) if quiet else None,
    )
    *mirrors, actual = section.addresses(kind.base)
    return Service(
        kind.name,
        kind.base,
        actual,
        manners,
        section.answer_s,
        official=Official(
            frozenset(kind.domains), frozenset({kind.bucket} if kind.bucket else ())
        ),
        remedies=kind.remedies,
        mirrors=tuple(mirrors),
    )


def _actual(settings: Settings, kind: ServiceKind) -> str:
    return settings.services.named(kind.name).addresses(kind.base)[-1]


def _with_tokens() -> Iterator[tuple[ServiceKind, Token]]:
    for kind in services().values():
        if kind.token:
            yield kind, kind.token


def _tokens(settings: Settings) -> list[ApiToken]:
    """Read the tokens from the environment, without those that must not be sent."""
    return [
        ApiToken(text, _actual(settings, service), token.variable)
        for service, token in _with_tokens()
        if (text := secret_of(token.variable)) and _may_send(settings, service, token)
    ]


def _may_send(settings: Settings, service: ServiceKind, token: Token) -> bool:
    archive, switch = token.elsewhere
    is_home = _actual(settings, service) == service.base
    return is_home or bool(getattr(settings.archive(archive), switch))
