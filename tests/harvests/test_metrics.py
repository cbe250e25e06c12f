"""The metrics of a harvest at work, scraped as Prometheus does."""

from __future__ import annotations

import signal
import urllib.request

import pytest
from metric_names import (
    names_in,
    names_of,
    panel_expressions,
    rule_expressions,
    series,
)
from service import free_ports, harvester, kill_group, sandbox, start, wait_for
from test_status_page import wait_for_page

pytestmark = pytest.mark.harvest

#: So slow that the harvest is at work until all has been seen: about 200 frames.
_SLOW = {
    "HARVESTER__SERVICES__SDSS_SAS__RATE": "2",
    "HARVESTER__POLITENESS__TRIES": "1",
}
_BROKEN = "card=CRVAL1=NaN@sdss-sas:p=0.4"
_SKY = ("--seed", "7", "--targets", "3000", "--fault", _BROKEN)


def _get(url):
    with urllib.request.urlopen(url, timeout=60) as reply:
        return reply.read().decode()


@pytest.fixture
def archives(tmp_path):
    """Serve a sky with more frames than the harvest comes to, some of them missing."""
    with sandbox(tmp_path, *_SKY) as running:
        yield running


@pytest.mark.long
def test_scraped(archives, promtool, tmp_path):
    """What dashboard and alerts need comes from a real harvest, and is what it did."""
    out, address = tmp_path / "out", f"127.0.0.1:{free_ports(1)}"
    words = ("run", archives.catalogue, "--out", out, "--survey", "sdss:r")
    process = start(*words, *archives.flags(), HARVESTER_LISTEN=address, **_SLOW)
    wanted = names_in([*panel_expressions(), *rule_expressions().values()])
    try:
        url = wait_for_page(process)

        seen = set()

        def all_seen():
            # The end is not known at every moment.
            seen.update(names_of(_get(f"{url}metrics")))
            return wanted <= seen

        wait_for(all_seen, process)
        told = _get(f"{url}metrics")
        assert 'harvester_run_state{run="out",state="running"} 1.0\n' in told
        assert _get(f"{url}healthz").startswith("out: ok: running for")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == 143
    finally:
        kill_group(process)
    assert promtool("check", "metrics", text=told).returncode == 0
    _check_the_end(out, archives)


def _check_the_end(out, archives):
    """Compare the file that is written afterwards with what the archive counted."""
    path = out / "zoo.prom"
    assert harvester("status", out, "--metrics", path).returncode == 0
    values = series(path.read_text())
    host = {"run": "out", "host": archives.host("sdss-sas")}
    sent = values["harvester_requests_total", frozenset(host.items())]
    assert sent == archives.stats()["sdss-sas"]["requests"]
    state = frozenset({"run": "out", "state": "stopped"}.items())
    assert values["harvester_run_state", state] == 1
