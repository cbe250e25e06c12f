"""Asks each service of the archives for a known product, through the transport."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ...archives.kind import probe_steps
from ...archives.probe import SEND_IN, ProbeInputs
from ...archives.registry import kind_of, services
from ...errors import InputError, PermanentError, TransientError
from ..transport_setup import make_first_transport
from .findings import DIFFERS, Diagnosis, Level

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...archives.kind import ArchiveKind
    from ...archives.probe import Difference, ProbeStep
    from ...settings.settings import Settings
    from ...transport.sighting import Sighting

__all__ = ["Asked", "ask_archives"]

#: What to do about an error of the transport, by its reason.
_ADVICE = {
    "blocked_address": "Check the name server of this machine: it gives a private "
    "address for a public host.",
    "connect_timeout": "Check the network and the firewall of this machine.",
    "dns": "Check the network and the name server of this machine.",
    "html": "A web page came in place of data, as archives send when they are down. "
    "Try again later.",
    "network": "Check the network and the firewall of this machine.",
    "refused": "Check the firewall and services.NAME.base_url, or try again later.",
    "tls": "Check the clock and the certificates of this machine, and whether a proxy "
    "opens the connections.",
}

_LATER = "The archive is in trouble or busy. Try again later; a harvest waits for it."


@dataclass(slots=True)
class Asked:
    """One step of a probe: what was found, and what was seen of its requests."""

    archive: str
    service: str
    #: Address of the service that was asked.
    address: str
    what: str
    findings: list[Diagnosis] = field(default_factory=list)
    differences: Sequence[Difference] = ()
    sightings: list[Sighting] = field(default_factory=list)


async def ask_archives(settings: Settings, *, step_s: float) -> list[Asked]:
    """Probe the archives of the surveys, at every address of the settings.

    Of a service with mirrors each address is asked in a round of its own. A step of a
    probe is given up after ``step_s`` seconds.
    """
    asked: list[Asked] = []
    for number in range(_rounds(settings)):
        alone, wanted = _one_address_each(settings, number)
        asked += await _round(alone, wanted, step_s)
    return asked


def _rounds(settings: Settings) -> int:
    return max(len(_addresses(settings, name)) for name in services())


def _addresses(settings: Settings, name: str) -> list[str]:
    """Give the addresses of a service; the first is the one that harvests wait for."""
    *mirrors, actual = settings.services.named(name).addresses(services()[name].base)
    return [actual, *mirrors]


def _one_address_each(settings: Settings, number: int) -> tuple[Settings, set[str]]:
    """Give settings with one address for each service, and services to be asked."""
    alone, wanted = settings.model_copy(deep=True), set()
    for name, kind in services().items():
        addresses = _addresses(settings, name)
        is_due = number < len(addresses)
        address = addresses[number if is_due else 0]
        alone.services.named(name).base_url = "" if address == kind.base else address
        if is_due:
            wanted.add(name)
    return alone, wanted


async def _round(settings: Settings, wanted: set[str], step_s: float) -> list[Asked]:
    archives = dict.fromkeys(one.archive for one in settings.parsed_surveys())
    seen: list[Sighting] = []
    asked: list[Asked] = []
    with TemporaryDirectory(prefix="harvester-") as scratch:
        async with make_first_transport(settings, seen.append) as transport:
            for name in archives:
                kind = kind_of(name)
                await asyncio.to_thread(kind.load)
                inputs = ProbeInputs(
                    transport,
                    settings.archive(name),
                    {service: one.base for service, one in services().items()},
                    partial(_latest_headers, seen),
                    Path(scratch),
                )
                for step in _steps(kind, inputs, wanted):
                    seen.clear()
                    one = await _look(settings, kind, step, step_s)
                    one.sightings = list(seen)
                    asked.append(one)
    return asked


def _latest_headers(seen: Sequence[Sighting]) -> dict[str, str]:
    return {name.lower(): text for name, text in seen[-1].headers} if seen else {}


def _steps(
    kind: ArchiveKind, inputs: ProbeInputs, wanted: set[str]
) -> Iterator[ProbeStep]:
    steps = probe_steps(kind, inputs)
    for place, step in enumerate(steps):
        # A query tells later steps which product to ask for, so it is asked as well.
        if {one.service for one in steps[place:]} & wanted:
            yield step


async def _look(
    settings: Settings, kind: ArchiveKind, step: ProbeStep, step_s: float
) -> Asked:
    address = _addresses(settings, step.service)[0]
    one = Asked(kind.name, step.service, address, step.what)
    try:
        async with asyncio.timeout(step_s):
            one.differences = await step.look()
    except TimeoutError:
        words = f"{step.what}: no answer within {step_s:,.0f} s"
        code = TransientError.exit_code
        one.findings.append(Diagnosis.trouble(step.service, words, _LATER, code))
        return one
    except (TransientError, PermanentError, InputError) as error:
        one.findings.append(_of_error(step, error))
        return one
    one.findings += [_of_difference(step, each) for each in one.differences]
    if not any(each.level is Level.TROUBLE for each in one.findings):
        words = f"{kind.title}, {step.what}: as our notes say"
        one.findings.insert(0, Diagnosis(step.service, Level.OK, words))
    return one


def _of_error(step: ProbeStep, error: Exception) -> Diagnosis:
    # What the host did, without that it was not tried again.
    plain = error.__cause__ if isinstance(error.__cause__, TransientError) else error
    words = f"{step.what}: {plain}"
    if isinstance(error, InputError):
        advice = "Repair the setting that the message names."
        return Diagnosis.trouble(step.service, words, advice, error.exit_code)
    reason: Any = getattr(error, "reason", "")
    if isinstance(error, PermanentError):
        remedies = services()[step.service].remedies
        tried = f" What may help: {', '.join(remedies)}." if remedies else ""
        return Diagnosis.trouble(step.service, words, f"{SEND_IN}{tried}", DIFFERS)
    advice = _ADVICE.get(reason, _LATER)
    return Diagnosis.trouble(step.service, words, advice, TransientError.exit_code)


def _of_difference(step: ProbeStep, one: Difference) -> Diagnosis:
    words = f"{step.what}, {one.what}: our notes say {one.notes}; came: {one.came}"
    level = Level.TROUBLE if one.matters else Level.NOTE
    code = DIFFERS if one.matters else 0
    return Diagnosis(step.service, level, words, one.advice, code)
