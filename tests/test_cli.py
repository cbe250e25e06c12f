"""The command line: output, error messages and exit codes."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from click.testing import CliRunner

from harvester.archives.registry import kinds
from harvester.cli import main
from harvester.ledger.file import create_ledger, owned
from harvester.models import Survey, Target
from harvester.places import Places
from harvester.run.begin import begin, write_settings
from harvester.settings.settings import load_settings

#: Modules that would make `--help` slow.
_HEAVY = ("aiohttp", "astropy", "astroquery", "numpy", "pyarrow", "pydantic", "scipy")


def call(*words):
    """Run a command in this process and return its result."""
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def run(tmp_path):
    """Return a run with one target that is not processed yet."""
    target = Target(0, "a", 1.0, 2.0, "a", 1)
    facts = {"catalogue sha256": "", "settings": "{}"}
    create_ledger(
        tmp_path / "ledger.sqlite",
        targets=[target],
        rejects=[(2, "b", "no position")],
        surveys=[Survey.parse("sdss:r")],
        facts=facts,
    )
    return tmp_path


def test_help_is_light():
    """The help is quick, because it imports no slow module."""
    code = (
        "import sys\n"
        "from harvester.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"heavy = set({_HEAVY!r}) & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "resume" in done.stdout


def test_status_is_light(run):
    """`status` imports no slow module."""
    code = (
        "import sys\n"
        "from harvester.cli import main\n"
        f"try: main(['status', {str(run)!r}])\n"
        "except SystemExit: pass\n"
        f"heavy = set({_HEAVY!r}) & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_json_of_small_commands(run, tmp_path):
    """What a command tells, it also tells as JSON."""
    copy = tmp_path / "copy.sqlite"
    told = [
        json.loads(CliRunner().invoke(main, [*map(str, words), "--json"]).stdout)
        for words in (("retry", run), ("backup", run, copy), ("health", run))
    ]
    retried, copied, health = told
    assert retried == {"out": str(run), "due_again": 0}
    assert copied == {"target": str(copy), "bytes": copy.stat().st_size}
    assert health["is_healthy"] is False


def test_inspect(tmp_path):
    """`inspect` prints how a catalogue is read, as text or JSON, and leaves no file."""
    path = tmp_path / "galaxies.csv"
    path.write_text("name,RA (hours),Dec (deg)\nA,10.5,2.2\nB,11.25,-2.2\n")
    words = call("inspect", path)
    assert words.exit_code == 0
    assert "Line 2: A at 10.5, 2.2: RA 157.500000, Dec +2.200000" in words.output
    known = json.loads(call("inspect", path, "--json", "--unit", "deg").output)
    assert (known["ra"], known["ra_unit"], known["rows"]) == ("RA (hours)", "deg", 2)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("A,150.1,2.2\nB,150.2,2.3\n", (), "--ra 2 --dec 3"),
        ("id,ra,dec\n", (), "it has no galaxies"),
        ("id,ra,dec\nA,1,2\n", ("--frame", "fk6"), "'fk6' is not a known frame"),
        ("id,ra,dec\nA,1,2\n", ("--table", "2"), "no table '2'"),
        ("id,ra,dec\nA,400,95\n", (), "none of its rows"),
    ],
)
def test_inspect_refuses(tmp_path, text, options, sentence):
    """An unreadable catalogue is refused with code 2, its path and a remedy."""
    path = tmp_path / "galaxies.csv"
    path.write_text(text)
    done = call("inspect", path, *options)
    assert done.exit_code == 2
    assert sentence in done.output
    assert str(path) in done.output


def test_status_json(run):
    """`status --json` has the documented keys."""
    report = json.loads(call("status", run, "--json").output)
    assert report["targets"] == 1
    assert report["rejected"] == 1
    assert report["cutouts"] == 0
    assert report["surveys"] == {
        "sdss": {"pending": 1, "located": 0, "done": 0, "no_coverage": 0, "failed": 0}
    }
    assert report["requests"] == {}
    assert report["bytes"] == {}


def test_status_words(run):
    """`status` says how to continue a run."""
    assert f"harvester resume {run}" in call("status", run).output


def test_run_folder_from_environment(run, monkeypatch):
    """Without an argument the folder is that in $HARVESTER_RUN."""
    monkeypatch.setenv("HARVESTER_RUN", str(run))
    assert ": 1 target (1 row rejected)\n" in call("status").output


def test_endpoint_without_url(tmp_path):
    """The address of a store is refused where no URL names a store."""
    words = ["verify", str(tmp_path), "--endpoint", "https://store"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert "--endpoint goes with a URL" in result.output


@pytest.mark.parametrize(
    "command", ["resume", "retry", "verify", "status", "manifest", "plan"]
)
def test_no_run(tmp_path, command):
    """A folder without a run is a usage error that says how to start one."""
    result = call(command, tmp_path)
    assert result.exit_code == 2
    assert "harvester run CATALOGUE" in result.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--survey", "galex:fuv"], "no archive 'galex'"),
        (["--size", "40 parsec"], "is not like 124px"),
        (["--base-url", "http://x"], "is not NAME=VALUE"),
        (["--base-url", "galex=http://x"], "no service 'galex'"),
        (["--mode", "squash"], "squash"),
        (["--config", "missing.toml"], "missing.toml"),
    ],
)
def test_bad_options(tmp_path, options, words):
    """A bad option is refused with a message and code 2, before files are read."""
    result = call("run", "missing.csv", "--out", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert words in result.output


def test_missing_catalogue(tmp_path):
    """A missing catalogue is named in the error, and no run is created."""
    result = call("run", tmp_path / "missing.csv", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "missing.csv" in result.output
    assert not (tmp_path / "out" / "ledger.sqlite").exists()


def test_output_is_a_file(tmp_path):
    """If the output folder is a file, that is an error of this machine."""
    (tmp_path / "out").write_text("")
    (tmp_path / "a.csv").write_text("id,ra,dec\na,1,2\n")
    result = call("run", tmp_path / "a.csv", "--out", tmp_path / "out")
    assert result.exit_code == 6


def test_bad_ledger(tmp_path):
    """A file that is not a ledger is refused with code 7 and not changed."""
    (tmp_path / "ledger.sqlite").write_bytes(b"<html>")
    assert call("status", tmp_path).exit_code == 7
    assert (tmp_path / "ledger.sqlite").read_bytes() == b"<html>"


@pytest.mark.parametrize(
    "options",
    [
        ["--latency", "query=soon"],
        ["--latency", "cafe=3"],
        ["--fault", "gremlins@mast"],
        ["--frames", "/nowhere"],
    ],
)
def test_bad_sandbox(options):
    """An invalid option of the sandbox is refused; the error quotes its value."""
    result = call("sandbox", *options)
    assert result.exit_code == 2
    assert options[1].partition("=")[0] in result.output


@pytest.mark.parametrize("size", [None, "small", "real"])
def test_sandbox_with_jwst(monkeypatch, size):
    """The sandbox serves JWST in the given size, and by default not at all."""
    served = []

    async def serve(options, **_):
        served.append(options.jwst)

    monkeypatch.setattr("harvester.sandbox.server.serve", serve)
    result = call("sandbox", *(["--jwst", size] if size else []))
    assert result.exit_code == 0, result.output
    assert served == [size]


def test_parts_are_removed_at_the_start(tmp_path, monkeypatch):
    """The owner of a run removes partial stamps; other processes must not."""
    monkeypatch.setattr("harvester.commands._harvest", lambda *_: 0)
    catalogue, out = tmp_path / "targets.csv", tmp_path / "out"
    catalogue.write_text("id,ra,dec\na,1.0,2.0\n")
    part = out / "cutouts/sdss/r/0000/a.fits.part"
    part.parent.mkdir(parents=True)
    for words in (("run", catalogue, "--out", out), ("resume", out)):
        part.touch()
        with owned(out / "ledger.lock"):
            assert call(*words).exit_code == 4
        assert part.exists()
        done = call(*words)
        assert (done.exit_code, part.exists()) == (0, False), done.output


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["sandbox", "--targets", "0"], 2, "--targets"),
        (["sandbox", "--per-field", "0"], 2, "--per-field"),
        (["sandbox", "--port", "99999"], 2, "--port"),
        (["sandbox", "--jwst", "huge"], 2, "--jwst"),
        (["sandbox", "--bandwidth", "-1"], 2, "--bandwidth"),
        (["sandbox", "--latency", "file=-1"], 2, "a number from 0"),
        (["sandbox", "--latency", "file=nan"], 2, "a number from 0"),
        (["sandbox", "--latency", "fil=1"], 2, "known are"),
        (["sandbox", "--targets", "1", "--ready-file", "/none/x"], 6, "/none/x"),
        (["gallery", ".", "--pages", "-1"], 2, "--pages"),
        (["demo", "--out", "/proc/version"], 6, "cannot be created"),
    ],
)
def test_bad_words(words, code, told):
    """An unusable number or path is an error that names it, not a bug."""
    result = call(*words)
    assert (result.exit_code, told in result.output) == (code, True), result.output


def test_retry_for_no_reason(run):
    """A pattern that matches no reason is an error, unless no job has failed."""
    nothing = call("retry", run, "--reason", "http_*")
    assert (nothing.exit_code, nothing.output) == (0, "0 jobs are due again.\n")
    with sqlite3.connect(run / "ledger.sqlite") as db:
        db.execute("UPDATE job SET state = 'failed', reason = 'not_found'")
    db.close()
    result = call("retry", run, "--reason", "htp_*")
    assert (result.exit_code, "Reasons: not_found" in result.output) == (2, True)
    assert "1 job is due again." in call("retry", run, "--reason", "not*").output


def test_settled_run_starts_no_process(tmp_path, monkeypatch):
    """If all jobs are settled, no cutting process and no fork server is started."""
    started = []
    for module in ("session", "executors.processes"):
        monkeypatch.setattr(
            f"harvester.run.{module}.warm_up", lambda: started.append(1)
        )
    catalogue, places = tmp_path / "one.csv", Places(tmp_path / "out")
    catalogue.write_text("id,ra,dec\na,150,2\n")
    settings = load_settings(catalogue={"path": str(catalogue)})
    places.out.mkdir()
    write_settings(settings, places)
    begin(settings, places, lambda _: None)
    with closing(sqlite3.connect(places.ledger)) as db, db:
        db.execute("UPDATE job SET state = 'no_coverage'")
    done = call("resume", places.out)
    assert (done.exit_code, started) == (0, [])
    assert "0 stamps on disk" in done.output


def test_archives():
    """Every archive is listed with its surveys, services and acknowledgement."""
    told = json.loads(call("archives", "--json").output)
    said = call("archives").output
    assert {"sdss", "hst", "jwst"} <= set(told)
    for name, kind in kinds().items():
        assert told[name]["surveys"] == list(kind.examples)
        assert told[name]["services"] == {one.name: one.base for one in kind.services}
        assert kind.credit.page in said
        assert f"{kind.title}: --survey {kind.examples[0]}" in said


def test_retry_some(run):
    """No more failed galaxies are retried than asked for."""
    with closing(sqlite3.connect(run / "ledger.sqlite")) as db, db:
        db.execute("UPDATE job SET state = 'failed', reason = 'not_found'")
    assert "1 job is due" in call("retry", run, "--limit", 5).output
    refused = call("retry", run, "--limit", 5, "--better")
    assert (refused.exit_code, "--limit" in refused.output) == (2, True)
