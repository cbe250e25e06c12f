"""Commands from the page: who may send them, by token, origin and method."""

from __future__ import annotations

import json
import logging
import re
import stat
from pathlib import Path

import pytest
from aiohttp import ClientSession
from at_work import HOST, at_work
from click.testing import CliRunner
from service import start

from harvester.cli import main
from harvester.events import PageServed
from harvester.status.page.address import ListenAddress
from harvester.status.page.beside import page_beside
from harvester.status.page.page_token import PageToken, kept_token
from harvester.status.page.server import serving
from harvester.status.page.shown_run import shown_runs

PAUSE = {"verb": "pause"}


@pytest.fixture
def places(write_ledger, tmp_path):
    """Return a run with failures."""
    return write_ledger(tmp_path / "zoo", done=0, failed=[("not_found", 7)])


@pytest.fixture
async def harvest(places):
    """Have a harvest at work on the run."""
    async with at_work(places) as working:
        yield working


@pytest.fixture
async def send(places):
    """Give a function that sends a command to the page of the run."""
    token = PageToken()
    async with (
        serving(shown_runs([places]), ListenAddress("127.0.0.1", 0), token) as page,
        ClientSession() as session,
    ):
        origin = page.url.removesuffix("/")
        usual = {"Authorization": f"Bearer {token._text}", "Origin": origin}

        async def post(message=PAUSE, run=0, method="POST", **headers):
            # None: the header is left out.
            given = {**usual, **{k.replace("_", "-"): v for k, v in headers.items()}}
            sent = {name: text for name, text in given.items() if text is not None}
            url = f"{page.url}api/{run}/control"
            async with session.request(
                method, url, json=message, headers=sent
            ) as reply:
                return reply.status, await reply.text(), reply.headers

        yield post


async def test_commands(harvest, send):
    """With token and origin the commands of `harvester ctl` are done."""
    assert (await send())[0] == 200
    assert harvest.watch.paused is not None
    status, text, _ = await send({"verb": "retry", "details": {"limit": 3}})
    assert (status, "3 jobs are due again" in text) == (200, True)
    details = {"host": HOST, "rate": 1}
    assert (await send({"verb": "rate", "details": details}))[0] == 200
    assert (await send({"verb": "resume"}))[0] == 200
    assert harvest.watch.paused is None
    assert {one.via for one in harvest.said if hasattr(one, "via")} == {
        "page 127.0.0.1"
    }


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": None}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer \u00e9"}, 401),
        ({"Authorization": "Basic wrong"}, 401),
        ({"Origin": None}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Content_Type": "text/plain"}, 400),
    ],
)
async def test_refused(harvest, send, caplog, headers, status):
    """Without the token, or from another site, a command changes nothing."""
    caplog.set_level(logging.DEBUG)
    answered, _, sent = await send(**headers)
    assert answered == status
    assert "Access-Control-Allow-Origin" not in sent
    assert sent["Content-Security-Policy"].startswith("default-src 'none'")
    assert harvest.watch.paused is None
    assert "Bearer" not in caplog.text


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
async def test_only_post(harvest, send, method):
    """Only POST is taken; a browser that asks before (OPTIONS) is told nothing."""
    status, _, headers = await send(method=method)
    assert (status, harvest.watch.paused) == (405, None)
    assert not [name for name in headers if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"verb": "status"}, "verbs: pause"),
        ({"verb": "stop"}, "verbs: pause"),
        ([], "verbs: pause"),
        ({"verb": "rate", "details": {"host": HOST, "rate": 11}}, "at most 10"),
        ({"verb": "retry", "details": {"reason": "none"}}, "no galaxy failed"),
        ({"verb": "pause", "details": {"x" * 20_000: 1}}, "verbs: pause"),
    ],
)
async def test_slips(harvest, send, message, words):
    """A command that cannot be done is refused with words."""
    status, text, _ = await send(message)
    assert (status, words in json.loads(text)["error"]) == (400, True)
    assert harvest.watch.paused is None


async def test_not_at_work(send):
    """Without a harvest the answer says how one is begun; other runs do not exist."""
    status, text, _ = await send()
    assert (status, "harvester resume" in text) == (503, True)
    assert (await send(run=1))[0] == 404


async def test_read_only_by_default(page_of, places):
    """A page without the option has no commands."""
    page = await page_of(places)
    url = f"{page.url}api/0/control"
    async with ClientSession() as session, session.post(url, json=PAUSE) as reply:
        assert reply.status == 404


def test_token_file(tmp_path):
    """The token is in a file that only the owner can read, new at each start."""
    path, texts = tmp_path / "control" / "page.token", set()
    for _ in range(2):
        with kept_token(path) as token:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
            texts.add(path.read_text().strip())
            assert token.is_in(f"Bearer {path.read_text().strip()}")
        assert not path.exists()
    assert len(texts) == 2


def test_token_is_not_logged(places, capsys):
    """Where no person reads along, only the file of the token is printed."""
    with page_beside(
        places, ListenAddress("127.0.0.1", 0), allows_control=True
    ) as events:
        text = (places.control / "page.token").read_text().strip()
        said = capsys.readouterr().err
    assert str(places.control / "page.token") in said
    assert text not in said
    assert [type(one) for one in events] == [PageServed]
    assert not places.control.exists()


def test_token_on_a_terminal(monkeypatch, tmp_path, capsys):
    """On a terminal the token is printed, once."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with kept_token(tmp_path / "page.token") as token:
        token.announce(tmp_path / "page.token")
    assert capsys.readouterr().err.count(token._text) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--allow-control",), "goes with --listen"),
        (("--listen", "0.0.0.0:0", "--allow-control"), "--allow-control-anywhere"),
    ],
)
def test_options(tmp_path, words, said):
    """Control needs a page, and one on a loopback address unless more is said."""
    done = CliRunner().invoke(main, ["resume", str(tmp_path), *words])
    assert (done.exit_code, said in done.output) == (2, True)


def test_dashboard(places, tmp_path):
    """The dashboard keeps its token in a private file, which is named."""
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    words = ("dashboard", places.out, "--listen", "127.0.0.1:0", "--allow-control")
    process = start(*words, **state)
    try:
        lines = [process.stdout.readline() for _ in range(2)]
        path = re.search(r"the token in (\S+)\.$", "".join(lines), re.MULTILINE)[1]
        assert path.startswith(str(tmp_path / "state"))
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    finally:
        process.kill()
        process.communicate()
