"""How the refusal of one file is distinguished from a ban by the whole host."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

import pytest
import scripted
from scripted import MANNERS, hang_up, mast, reply, state_of

from harvester.errors import (
    NotFoundError,
    OutageError,
    PermanentError,
    QueryRefusedError,
    TransientError,
)
from harvester.transport.transport import Service, Waits

_BASE = "https://mast.stsci.edu"
#: A reply that is late because this machine is busy is no refusal.
LIMITS = replace(
    scripted.LIMITS, connect_s=30.0, answer_s=30.0, silence_s=30.0, total_s=60.0
)
opened = partial(scripted.opened, limits=LIMITS)
_PAGE = b"<html><head><title>No</title></head><body><p>You are banned</p></body></html>"
#: Replies with which an archive may refuse every request.
REFUSALS = [
    reply(_PAGE, status=403, reason="Forbidden"),
    reply(_PAGE, status=401, reason="Unauthorized"),
    reply(_PAGE, status=404, reason="Not Found"),
    reply(_PAGE, status=410, reason="Gone"),
    reply(_PAGE, status=400, reason="Bad Request"),
    reply(_PAGE, status=451, reason="Unavailable For Legal Reasons"),
    reply(status=302, reason="Found", Location="https://example.org/x"),
    reply(b"x", length=10**9),
]
#: Upper limit in seconds until a host that refuses everything is given up.
_REFUSED_S = 2
FORBIDDEN, _, MISSING, *_ = REFUSALS


async def fine(writer, asked):
    """Serve a file, or its headers for HEAD."""
    writer.write(reply(length=4) if asked.method == "HEAD" else reply(b"fine"))


async def fetch(transport, folder, *names, **options):
    """Download files at the same time; return the result or error of each."""
    return await asyncio.gather(
        *(
            transport.download(f"{_BASE}/{name}", folder / str(name), **options)
            for name in names
        ),
        return_exceptions=True,
    )


def is_outage(found):
    """Whether all results are OutageErrors with reason ``refuses``."""
    return {(type(one), getattr(one, "reason", "")) for one in found} == {
        (OutageError, "refuses")
    }


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_everything_from_the_start(server, tmp_path, refusal):
    """If a host refuses everything, few requests are sent and no file fails."""
    server.script["*"] = refusal
    async with opened(server) as transport:
        found = await fetch(transport, tmp_path, *range(40))
        assert state_of(transport).startswith("has refused everything since ")
    assert is_outage(found)
    # Five at once, one or two that were in flight, and a probe each tenth of a second.
    assert len(server.asked) <= 10 + 10 * _REFUSED_S


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_everything_from_the_middle(server, tmp_path, refusal):
    """A host that refuses everything after good files is an outage as well."""
    server.script = {"*": refusal, **{f"/good{n}": [fine, refusal] for n in range(6)}}
    async with opened(server) as transport:
        good = [f"good{n}" for n in range(6)]
        assert {one.size for one in await fetch(transport, tmp_path, *good)} == {4}
        assert is_outage(await fetch(transport, tmp_path, *range(8)))
    # The good ones, those that were in flight, and a probe each tenth of a second.
    assert len(server.asked) <= 6 + 2 * 8 + 10 * _REFUSED_S


async def test_words(server, tmp_path):
    """The error has the start, the archive's own words and the possible remedies."""
    server.script["*"] = FORBIDDEN
    async with opened(server) as transport:
        told = str((await fetch(transport, tmp_path, *range(9)))[0])
    assert told.startswith(f"{server.host} has refused everything since ")
    assert "answered 403 Forbidden: 'No You are banned'" in told
    for remedy in ("politeness.contact", "MAST_API_TOKEN", "services.mast.base_url"):
        assert remedy in told
    assert "sdss" not in told


async def test_words_of_a_long_address(server):
    """A long query string is shortened in the error message."""
    server.script["*"] = FORBIDDEN
    async with opened(server) as transport:
        with pytest.raises(OutageError, match="answered 403 Forbidden") as caught:
            await transport.query("GET", f"{_BASE}/sql?cmd={'x' * 1000}")
    assert "x" * 100 not in str(caught.value)


async def test_known_from_before(server, tmp_path):
    """With a known good file from an earlier run, one refused file shows a ban."""
    server.script["*"] = FORBIDDEN
    known = {server.host: f"{_BASE}/known"}
    async with opened(server, known_good=known) as transport:
        assert is_outage(await fetch(transport, tmp_path, "one"))
    assert server.count("/known") > 1


async def test_missing_of_a_sound_host(server, tmp_path):
    """A 404 is final, without a retry, if the host still has a known good file."""
    server.script = {"*": MISSING, "/known": fine}
    known = {server.host: f"{_BASE}/known"}
    async with opened(server, known_good=known) as transport:
        found = await fetch(transport, tmp_path, *range(30))
        assert state_of(transport) == "ready"
    assert {type(one) for one in found} == {NotFoundError}
    assert [server.count(f"/{n}") for n in range(30)] == [1] * 30
    assert server.count("/known") <= 30


async def test_missing_among_others(server, tmp_path):
    """A 404 is final after one request as soon as another file has arrived."""
    server.script = {"*": fine, "/missing": MISSING}
    limits = replace(LIMITS, doubt_s=30.0)
    async with opened(server, limits=limits) as transport, asyncio.timeout(20):
        found, *_ = await fetch(transport, tmp_path, "missing", *range(6))
    assert isinstance(found, NotFoundError)
    assert server.count("/missing") == 1
    assert {one.method for one in server.asked} == {"GET"}


async def test_missing_alone(server, tmp_path):
    """With no other file to compare, a 404 is final after three requests."""
    server.script["*"] = MISSING
    async with opened(server) as transport:
        found = await fetch(transport, tmp_path, *range(4))
        assert state_of(transport) == "ready"
    assert {type(one) for one in found} == {NotFoundError}
    assert len(server.asked) == 12


async def test_forbidden_alone(server, tmp_path):
    """A 403 from a host that has served no file yet counts as a ban."""
    server.script["*"] = FORBIDDEN
    async with opened(server) as transport:
        assert is_outage(await fetch(transport, tmp_path, "one"))


@pytest.mark.parametrize("refusal", REFUSALS[:2])
async def test_once_in_a_while(server, tmp_path, refusal):
    """A single 401 or 403 among good answers is retried, even if ``tries`` is 1."""
    server.script = {"*": fine, "/odd": [refusal, fine]}
    async with opened(server, limits=replace(LIMITS, tries=1)) as transport:
        found = await fetch(transport, tmp_path, 1, 2, "odd", 3, 4)
    assert {one.size for one in found} == {4}


async def test_forbidden_for_good(server, tmp_path):
    """A file with 403 on a working host fails after four tries."""
    server.script = {"*": fine, "/private": FORBIDDEN}
    async with opened(server) as transport:
        await fetch(transport, tmp_path, 1)
        (found,) = await fetch(transport, tmp_path, "private")
    assert isinstance(found, PermanentError)
    assert found.reason == "http_403"
    assert "tried 4 times" in str(found)
    assert server.count("/private") == 4


async def test_ban_that_is_lifted(server, tmp_path):
    """If a ban is lifted within the patience, every file is downloaded."""
    is_banned = asyncio.Event()

    async def step(writer, asked):
        if len(server.asked) > 7:
            is_banned.set()
        await fine(writer, asked) if is_banned.is_set() else writer.write(FORBIDDEN)

    server.script["*"] = step
    async with opened(server, limits=replace(LIMITS, refusal_patience_s=20)) as one:
        found = await fetch(one, tmp_path, *range(20))
        assert "refuses" not in state_of(one)
    assert {one.size for one in found} == {4}


async def test_refusals_do_not_close(server, tmp_path):
    """A refusal does not close the breaker of a host that was down."""
    server.script["*"] = [*[hang_up()] * 3, FORBIDDEN]
    async with opened(server) as transport:
        (found,) = await fetch(transport, tmp_path, 1)
        assert not state_of(transport).startswith("ready")
    assert isinstance(found, OutageError)


@pytest.mark.parametrize("refusal", [FORBIDDEN, MISSING])
async def test_mirror(server, tmp_path, refusal):
    """A refusal by a mirror is raised at once and does not change its state."""
    server.script["*"] = refusal
    async with opened(server) as transport:
        found = await fetch(transport, tmp_path, *range(40), is_mirror=True)
        assert state_of(transport) == "ready"
    assert {type(one) for one in found} <= {NotFoundError, PermanentError}
    assert [server.count(f"/{n}") for n in range(40)] == [1] * 40


@pytest.mark.parametrize(
    "options", [{"is_mirror": True}, {"waits": Waits.WHILE_UP}, {"waits": Waits.NEVER}]
)
async def test_mirror_that_is_down(server, tmp_path, options):
    """An outage is not waited for with ``is_mirror``, WHILE_UP or NEVER."""
    server.script["*"] = hang_up()
    limits = replace(LIMITS, patience_s=600)
    async with opened(server, limits=limits) as transport, asyncio.timeout(20):
        found = await fetch(transport, tmp_path, *range(8), **options)
    assert all(isinstance(one, TransientError) for one in found)
    assert len(server.asked) <= 20


async def test_archive_that_refuses_as_a_mirror(server, tmp_path):
    """During a ban a file requested with ``is_mirror`` raises the outage too."""
    server.script["*"] = FORBIDDEN
    async with opened(server) as transport:
        await fetch(transport, tmp_path, *range(9))
        assert is_outage(await fetch(transport, tmp_path, "next", is_mirror=True))


@pytest.mark.parametrize("refusal", REFUSALS[:4] + REFUSALS[5:7])
async def test_queries(server, refusal):
    """A refused query is retried; four refusals are an outage of the service."""
    server.script["/api"] = [refusal, reply(b"fine")]
    server.script["/bad"] = refusal
    async with opened(server) as transport:
        assert (
            await transport.query("POST", f"{_BASE}/api", body=b"a")
        ).body == b"fine"
        with pytest.raises(OutageError, match="has refused everything since") as caught:
            await transport.query("POST", f"{_BASE}/bad", body=b"a")
    assert caught.value.reason == "refuses"
    assert server.count("/bad") == 4


async def test_queries_and_files_apart(server, tmp_path):
    """Refused files are an outage even while queries succeed."""
    server.script = {"*": FORBIDDEN, "/api": reply(b"fine")}
    async with opened(server) as transport, asyncio.TaskGroup() as group:
        fetching = group.create_task(fetch(transport, tmp_path, *range(12)))
        while not fetching.done():
            await transport.query("GET", f"{_BASE}/api")
    assert is_outage(fetching.result())


async def test_query_that_is_not_done(server):
    """A QueryRefusedError of the check is raised and counts as a success."""

    def check(_reply):
        msg = "Invalid object name 'Frame'"
        raise QueryRefusedError(msg)

    async with opened(server) as transport:
        for _ in range(6):
            with pytest.raises(QueryRefusedError, match="Frame"):
                await transport.query("GET", f"{_BASE}/api", check=check)
        assert state_of(transport) == "ready"
    assert len(server.asked) == 6


async def test_at_once(server):
    """An error listed in ``at_once`` is raised without a retry."""
    server.script["*"] = reply(status=500)
    async with opened(server) as transport:
        with pytest.raises(TransientError):
            await transport.query("GET", f"{_BASE}/api", at_once=["http_500"])
    assert len(server.asked) == 1


def _moved(target):
    return reply(status=302, reason="Found", Location=target)


_OUT_OF_ORDER = [reply(_PAGE), reply(status=503), hang_up()]


@pytest.mark.parametrize("page", _OUT_OF_ORDER)
async def test_redirect_to_maintenance(server, tmp_path, page):
    """An outage behind a redirect spends no try, like one without a redirect."""
    server.script = {"*": _moved("/maintenance"), "/maintenance": page}
    async with opened(server, limits=replace(LIMITS, tries=1)) as transport:
        found = await fetch(transport, tmp_path, *range(8))
        assert "down: " in state_of(transport)
    assert {type(one) for one in found} <= {OutageError} | set(
        OutageError.__subclasses__()
    )
    assert len(server.asked) <= 60


@pytest.mark.parametrize("page", [*_OUT_OF_ORDER, FORBIDDEN])
async def test_redirect_to_a_login(server, other, tmp_path, page):
    """An outage behind a redirect to another host is an outage of both hosts."""
    server.script["*"] = _moved(f"{other.url}/login")
    other.script["*"] = page
    portal = Service("s3", "https://ssoportal.stsci.edu", other.url, MANNERS)
    async with opened(mast(server.url), portal) as transport:
        found = await fetch(transport, tmp_path, *range(8))
        told = transport.describe()
    assert all(isinstance(one, OutageError) for one in found)
    assert "ready" not in [words[:5] for words in told.values()]


async def test_redirect_that_is_over(server, tmp_path):
    """When the maintenance page behind a redirect ends, every file is downloaded."""
    page = [reply(_PAGE)] * 9

    async def step(writer, asked):
        await fine(writer, asked) if not page else writer.write(_moved("/maintenance"))

    async def maintenance(writer, _asked):
        writer.write(page.pop() if page else reply(_PAGE))

    server.script = {"*": step, "/maintenance": maintenance}
    async with opened(server, limits=replace(LIMITS, patience_s=20)) as transport:
        found = await fetch(transport, tmp_path, *range(8))
    assert {one.size for one in found} == {4}


async def test_signed_address_that_expired(server, other, tmp_path):
    """If a signed address is refused, the original address is requested again."""
    other.script = {"/s?sig=1": FORBIDDEN, "/s?sig=2": reply(b"file")}
    server.script["/odd"] = [_moved(f"{other.url}/s?sig={n}") for n in (1, 2)]
    s3 = Service("s3", "https://stpubdata.s3.amazonaws.com", other.url, MANNERS)
    async with opened(mast(server.url), s3) as transport:
        found = await fetch(transport, tmp_path, 1, "odd", 2)
    assert {one.size for one in found} == {4}


@pytest.mark.parametrize("refusal", [FORBIDDEN, MISSING, REFUSALS[4]])
async def test_signed_addresses_that_are_no_good(server, other, tmp_path, refusal):
    """Refused signed addresses give a TransientError, never a PermanentError."""
    other.script["*"] = refusal
    server.script = {"*": fine, "/odd": _moved(f"{other.url}/signed")}
    s3 = Service("s3", "https://stpubdata.s3.amazonaws.com", other.url, MANNERS)
    async with opened(mast(server.url), s3) as transport:
        await fetch(transport, tmp_path, 1)
        (found,) = await fetch(transport, tmp_path, "odd")
    assert isinstance(found, TransientError)
    assert server.count("/odd") == 4
