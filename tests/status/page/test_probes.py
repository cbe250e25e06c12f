"""The addresses for container engines and Prometheus."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from page_run import change

from harvester.cli import main
from harvester.places import Places
from harvester.status.command import health
from harvester.status.health import STALLED_S

PROMETHEUS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}


@pytest.fixture
def places(write_ledger, tmp_path):
    """Return a run that is settled."""
    return write_ledger(tmp_path / "zoo", 30)


async def test_finished(page_of, ask, places):
    """A run in which nothing is left to do is healthy and ready."""
    page = await page_of(places)
    reply, body = await ask(page, "healthz")
    assert (reply.status, body) == (200, b"zoo: ok: nothing is left to do\n")
    reply, body = await ask(page, "readyz")
    assert (reply.status, body) == (200, b"zoo: ok: the ledger can be read\n")


async def test_unhealthy(page_of, ask, places, write_ledger, tmp_path):
    """One run that nothing works on is enough; each run has a line that says why."""
    page = await page_of(places, write_ledger(tmp_path / "left", 40))
    reply, body = await ask(page, "healthz")
    finished, left = body.decode().splitlines()
    assert (reply.status, finished) == (503, "zoo: ok: nothing is left to do")
    assert left.startswith("left: NOT OK: no harvest is running; 10 jobs are not done.")
    tag = {"If-None-Match": reply.headers["ETag"]}
    assert (await ask(page, "healthz", **tag))[0].status == 503
    assert (await ask(page, "readyz"))[0].status == 200


async def test_same_rule_as_health(page_of, ask, places):
    """The time without movement can be given, with the default of the command."""
    (option,) = [one for one in health.params if one.name == "stalled_min"]
    assert 60 * option.default == STALLED_S
    page = await page_of(places)
    assert (await ask(page, "healthz?stalled-after=30"))[0].status == 200
    for wrong in ("x", "0", "-1", "nan", "inf"):
        reply, body = await ask(page, f"healthz?stalled-after={wrong}")
        assert (reply.status, b"minutes" in body) == (400, True)


async def test_not_ready(page_of, ask, places, tmp_path):
    """Without a ledger that can be read the page is not ready, and says why."""
    (tmp_path / "new").mkdir()
    new = Places(tmp_path / "new")
    new.settings.touch()
    reply, body = await ask(await page_of(new), "readyz")
    assert (reply.status, b"new: NOT OK: " in body) == (503, True)
    places.ledger.write_bytes(b"no ledger" * 1000)
    for path in ("readyz", "healthz"):
        reply, body = await ask(await page_of(places), path)
        assert (reply.status, b"zoo: NOT OK: " in body) == (503, True)


async def test_metrics(page_of, ask, places, promtool):
    """Prometheus gets the form that it reads, of all runs, under an address."""
    page = await page_of(places)
    reply, body = await ask(page, "metrics", **PROMETHEUS)
    kind = "text/plain; version=0.0.4; charset=utf-8"
    assert (reply.status, reply.headers["Content-Type"]) == (200, kind)
    assert b'harvester_healthy{run="zoo"} 1.0\n' in body
    assert b"process_resident_memory_bytes " in body
    assert promtool("check", "metrics", text=body.decode()).returncode == 0


async def test_metrics_are_current(page_of, ask, places, monkeypatch):
    """A job that moved is in the next answer."""
    monkeypatch.setattr("harvester.status.page.probes._LASTS_S", 0.0)
    monkeypatch.setattr("harvester.status.page.shared._SHARE", 0)
    page = await page_of(places)
    line = b'harvester_targets{band="r",run="zoo",state="failed",survey="sdss"} %d.0\n'
    assert line % 0 in (await ask(page, "metrics"))[1]
    change(places.out, "UPDATE job SET state = 'failed' WHERE target = ?", [(25,)])
    assert line % 1 in (await ask(page, "metrics"))[1]


@pytest.mark.parametrize("path", ["healthz", "readyz", "metrics"])
async def test_manners(page_of, ask, places, path):
    """The probes keep the rules of the page: its headers, and no foreign name."""
    page = await page_of(places)
    reply, _ = await ask(page, path)
    assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'")
    reply, body = await ask(page, path, Host="evil.example")
    assert (reply.status, b"IP address" in body) == (421, True)
    for name in (f"localhost:{page.port}", f"[::1]:{page.port}", "192.0.2.7:8765"):
        assert (await ask(page, path, Host=name))[0].status == 200


def test_address_in_the_environment(tmp_path):
    """A container names the address in the environment; a wrong one is refused."""
    (tmp_path / "zoo.csv").write_text("id,ra,dec\na,1,2\n")
    words = ["run", str(tmp_path / "zoo.csv"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(main, words, env={"HARVESTER_LISTEN": "8765"})
    assert (done.exit_code, "127.0.0.1:8765" in done.output) == (2, True)
    assert not (tmp_path / "out").exists()
