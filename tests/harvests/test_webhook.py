"""A whole harvest tells a webhook when a host goes down, and when it has ended."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from service import harvester, sandbox

pytestmark = pytest.mark.harvest

REPORT = {"HARVESTER__NOTIFY__REPORT": "true"}


@pytest.fixture
def webhook():
    """Receive posts; give the address and the messages."""
    messages = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            messages.append(json.loads(self.rfile.read(length)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            """Print nothing."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/CANARY", messages
    server.shutdown()
    server.server_close()


def _harvest(archives, out, url, **more):
    return harvester(
        *("run", archives.catalogue, "--out", out, "--survey", "sdss:r"),
        *archives.flags(),
        HARVESTER__NOTIFY__WEBHOOK=url,
        **more,
    )


def test_finish(archives, tmp_path, webhook):
    """The end is told with counts and report; the address stays out of all files."""
    url, messages = webhook
    done = _harvest(archives, tmp_path / "run", url, **REPORT)
    assert done.returncode == 0, done.stdout + done.stderr
    (message,) = messages
    assert (message["event"], message["outcome"]) == ("finish", "settled")
    assert message["cutouts"] == sum(one["done"] for one in message["surveys"].values())
    assert message["folder"] == str(tmp_path / "run")
    assert message["report"] == str(tmp_path / "run" / "report.html")
    assert b"finished" in (tmp_path / "run" / "report.html").read_bytes()
    assert "CANARY" not in done.stdout + done.stderr
    for path in (tmp_path / "run").rglob("*"):
        assert path.is_dir() or b"CANARY" not in path.read_bytes()


@pytest.mark.long
def test_report_cannot_be_written(archives, tmp_path, webhook):
    """The harvest and its message do not need the report."""
    url, messages = webhook
    (tmp_path / "run" / "report.html").mkdir(parents=True)
    done = _harvest(archives, tmp_path / "run", url, **REPORT)
    assert done.returncode == 0, done.stdout + done.stderr
    (message,) = messages
    assert "report" not in message
    assert "the report is left out: " in done.stdout


@pytest.mark.long
def test_breaker(tmp_path, webhook):
    """A host that goes down is told, and the end says that jobs are left."""
    url, messages = webhook
    options = ("--seed", "7", "--targets", "20", "--fault", "down@sdss-sas")
    with sandbox(tmp_path, *options) as archives:
        patience = {"HARVESTER__POLITENESS__PATIENCE_S": "6"}
        done = _harvest(archives, tmp_path / "run", url, **patience)
        host = archives.host("sdss-sas")
    assert done.returncode == 5, done.stdout + done.stderr
    breaker, finish = messages
    assert (breaker["event"], breaker["host"]) == ("breaker", host)
    assert breaker["kind"] == "down"
    assert (finish["event"], finish["outcome"]) == ("finish", "unsettled")
    assert "left" in finish["text"]


@pytest.mark.long
def test_dead_webhook(archives, tmp_path):
    """A webhook that is not there changes nothing about the harvest."""
    done = _harvest(archives, tmp_path / "run", "http://127.0.0.1:9/CANARY")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "CANARY" not in done.stdout + done.stderr


def test_plan_tells_nothing(archives, tmp_path, webhook):
    """A plan is no harvest: it sends no message."""
    url, messages = webhook
    done = harvester(
        *("plan", archives.catalogue, *archives.flags(), "--survey", "sdss:r"),
        HARVESTER__NOTIFY__WEBHOOK=url,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert messages == []
