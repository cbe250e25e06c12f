from __future__ import annotations

import re
import signal
import socket
import threading
import urllib.request

from click.testing import CliRunner
from service import start

from harvester.cli import main
from harvester.status.page import beside
from harvester.status.page.address import ListenAddress
from harvester.status.page.beside import page_beside


def call(*words):
    """Run a command in this process."""
    return CliRunner().invoke(main, [str(word) for word in words])


def test_serves_until_stopped(write_ledger, tmp_path):
    """The command prints its address, serves, and ends with a signal."""
    places = write_ledger(tmp_path / "zoo")
    process = start("dashboard", places.out, "--listen", "127.0.0.1:0")
    try:
        url = re.search(r"http://\S+", process.stdout.readline())[0]
        with urllib.request.urlopen(url, timeout=60) as reply:
            assert b"app.js" in reply.read()
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 143
    assert "Traceback" not in output


def test_no_run(tmp_path):
    """A folder without a run, or one that is named twice, is refused."""
    result = call("dashboard", tmp_path)
    assert (result.exit_code, "there is no harvest" in result.output) == (2, True)
    (tmp_path / "harvest.toml").touch()
    result = call("dashboard", tmp_path, f"{tmp_path}/.")
    assert (result.exit_code, "named twice" in result.output) == (2, True)


def test_wrong_address(tmp_path):
    """A wrong address is refused before a run is begun."""
    (tmp_path / "zoo.csv").write_text("id,ra,dec\na,1,2\n")
    out = tmp_path / "out"
    result = call("run", tmp_path / "zoo.csv", "--out", out, "--listen", "8765")
    assert (result.exit_code, "127.0.0.1:8765" in result.output) == (2, True)
    assert not out.exists()


def test_taken_port(write_ledger, tmp_path, capsys):
    """A harvest goes on if its page cannot be served, and a line says so."""
    places = write_ledger(tmp_path / "zoo")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with page_beside(places, ListenAddress(*other.getsockname())):
            went_on = True
    assert went_on
    assert "goes on without the page" in capsys.readouterr().err


def test_beside(write_ledger, tmp_path, capsys):
    """The page is there during the block and gone after it."""
    places = write_ledger(tmp_path / "zoo")
    with page_beside(places, ListenAddress("127.0.0.1", 0)):
        url = re.search(r"http://\S+", capsys.readouterr().err)[0]
        with urllib.request.urlopen(url, timeout=60) as reply:
            assert reply.status == 200
    with socket.socket() as gone:
        host, _, port = url.removeprefix("http://").strip("/").partition(":")
        assert gone.connect_ex((host, int(port)))


def test_end_with_viewer(write_ledger, tmp_path, capsys):
    """The end of a harvest ends the stream of a viewer, and waits for none."""
    places = write_ledger(tmp_path / "zoo")
    with page_beside(places, ListenAddress("127.0.0.1", 0)):
        url = re.search(r"http://\S+", capsys.readouterr().err)[0]
        stream = urllib.request.urlopen(f"{url}events", timeout=60)
        assert stream.readline().startswith(b"data: ")
    with stream:
        assert stream.read().strip() == b""
    assert "page" not in {thread.name for thread in threading.enumerate()}


def test_page_fails(write_ledger, tmp_path, monkeypatch, capsys):
    """A page with a bug ends alone; the harvest goes on."""

    def fail(*_):
        msg = "a bug"
        raise RuntimeError(msg)

    monkeypatch.setattr(beside, "serving", fail)
    places, went_on = write_ledger(tmp_path / "zoo"), False
    with page_beside(places, ListenAddress("127.0.0.1", 0)):
        went_on = True
    assert went_on
    assert "the harvest goes on" in capsys.readouterr().err
