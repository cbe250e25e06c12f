"""The faults of docs/reliability.md, one by one, in whole harvests."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess

import psutil
import pytest
from hurried import SHORT, Run, faults
from service import BRISK, HARVESTER, harvester, sandbox

from harvester.errors import OutageError
from harvester.events import Note

pytestmark = [pytest.mark.harvest, pytest.mark.long, pytest.mark.timeout(600)]

BOTH = ("sdss:r", "hst:WFC3/IR:F160W")


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Serve a sky of six galaxies in three fields."""
    options = ("--seed", "11", "--targets", "6", "--per-field", "2")
    with sandbox(tmp_path_factory.mktemp("archives"), *options) as running:
        yield running


@pytest.fixture(scope="module")
def located(archives, tmp_path_factory):
    """Give a run in which all galaxies are located, and nothing is fetched."""
    run = Run(archives, tmp_path_factory.mktemp("located") / "out", *BOTH)
    run.begin()
    run.harvest(locate_only=True)
    return run


@pytest.fixture
def run(archives, located, tmp_path):
    """Give a copy of that run."""
    shutil.copytree(located.places.out, tmp_path / "out")
    return Run(archives, tmp_path / "out", *BOTH)


@pytest.fixture(scope="module")
def undisturbed(archives, located, tmp_path_factory):
    """Give a run without faults."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    shutil.copytree(located.places.out, out)
    run = Run(archives, out, *BOTH)
    run.harvest()
    assert {row["status"] for row in run.rows()} == {"done", "no_coverage"}
    return run


@pytest.mark.parametrize(
    "specs",
    [
        pytest.param(["status=429@*:times=3:retry_after=1"], id="N1"),
        pytest.param(["status=429@sdss-sas:times=1:retry_after=date2"], id="N2-date"),
        pytest.param(["status=429@sdss-sas:times=2:retry_after=soon"], id="N2-garbage"),
        pytest.param(["status=429@*:times=3"], id="N3"),
        pytest.param(["status=503@*:times=3:retry_after=1"], id="N4"),
        pytest.param(["status=502@*:each=1"], id="N5"),
        pytest.param(["reset@*:each=1"], id="N7"),
        pytest.param(["truncate@*:each=1"], id="N11"),
        pytest.param(["short@sdss-sas:each=1", "short@s3:each=1"], id="N12"),
        pytest.param(
            ["no-length=0.5@sdss-sas:each=1", "no-length=0.5@s3:each=1"], id="N13"
        ),
        pytest.param(["unterminated@*:each=1"], id="N14"),
        pytest.param(["long@*:each=1"], id="N15"),
        pytest.param(["html@*:times=4"], id="N16-page"),
        pytest.param(["words@*:times=4"], id="N16-words"),
        pytest.param(["ignore-range@s3"], id="N18-whole"),
        pytest.param(["bad-range@s3:each=1"], id="N18-other"),
        pytest.param(["new-etag@s3"], id="N19"),
        pytest.param(["swap@sdss-sas:each=1"], id="N32"),
        pytest.param(["bitflip=0.03@sdss-sas:each=1"], id="D1"),
    ],
)
def test_passing(archives, run, undisturbed, specs):
    """After a fault that passes, every job is done with the same bytes."""
    with faults(archives, *specs):
        run.harvest()
    assert run.troubles == []
    assert run.states() == undisturbed.states()
    assert run.stamps() == undisturbed.stamps()
    assert not run.places.frames.exists()


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param("stall@*:times=4", id="N8"),
        pytest.param("hang@*:times=4", id="N9"),
        pytest.param("trickle@*:times=4", id="N10"),
    ],
)
def test_no_progress(archives, run, undisturbed, spec):
    """A transfer without progress is ended in time, and succeeds in another try."""
    run = Run(archives, run.places.out, *BOTH, limits=SHORT, attempts=9)
    with faults(archives, spec):
        run.harvest()
    assert run.troubles == []
    assert run.stamps() == undisturbed.stamps()


@pytest.mark.parametrize(
    ("spec", "status", "reason"),
    [
        pytest.param("status=500", "failed", "http_500", id="N5"),
        pytest.param("status=403", "failed", "http_403", id="N6-403"),
        pytest.param("status=401", "failed", "http_401", id="N6-401"),
        pytest.param("short=0.03", "failed", "corrupt_at_source", id="N12"),
        pytest.param("no-length=0.03", "failed", "corrupt_at_source", id="N13"),
        pytest.param("endless", "failed", "too_large", id="N15"),
        pytest.param("redirect", "failed", "blocked_redirect", id="N20"),
        pytest.param(
            "redirect=file:///etc/passwd", "failed", "blocked_redirect", id="N22"
        ),
        pytest.param(
            "redirect=http://169.254.169.254/", "failed", "blocked_redirect", id="N23"
        ),
        pytest.param("bomb=64", "failed", "too_large", id="N30"),
        pytest.param("card=RUN=1", "failed", "corrupt_at_source", id="N32"),
        pytest.param("bitflip=0.03", "failed", "corrupt_at_source", id="D1"),
        pytest.param("packed-bomb=512", "no_coverage", "", id="D3"),
        pytest.param("card=CTYPE1='LINEAR'", "failed", "bad_wcs", id="D4-type"),
        pytest.param("card=CRVAL1=NaN", "failed", "bad_wcs", id="D4-nan"),
        pytest.param("card", "failed", "bad_frame", id="D5"),
        pytest.param("card=BITPIX=-33", "failed", "bad_frame", id="D6"),
    ],
)
def test_lasting(archives, run, undisturbed, spec, status, reason):
    """A lasting fault fails its galaxies with the reason, and no others."""
    victim, hit = _victim(undisturbed)
    with faults(archives, f"{spec}@sdss-sas/{victim}"):
        run.harvest()
    assert run.troubles == []
    rows = [row for row in run.rows() if row["survey"] == "sdss"]
    told = {(r["status"], r["reason"] or "") for r in rows if r["id_str"] in hit}
    assert told == {(status, reason)}
    assert {r["status"] for r in rows if r["id_str"] not in hit} == {"done"}
    same = {place: undisturbed.stamps()[place] for place in run.stamps()}
    assert run.stamps() == same


def _victim(run):
    """Choose a frame; give its name and its galaxies."""
    rows = run.rows()
    victim = min(row["product"] for row in rows if row["survey"] == "sdss")
    return victim, {row["id_str"] for row in rows if row["product"] == victim}


@pytest.mark.parametrize("spec", ["html", "words"])
def test_page_for_one_file(archives, run, undisturbed, spec):
    """A fault that looks like an outage fails one file if its host serves others."""
    victim, hit = _victim(undisturbed)
    run = Run(archives, run.places.out, *BOTH, attempts=1)
    with faults(archives, f"{spec}@sdss-sas/{victim}"):
        run.harvest()
    assert run.troubles == []
    rows = [row for row in run.rows() if row["survey"] == "sdss"]
    told = {(r["status"], r["reason"] or "") for r in rows if r["id_str"] in hit}
    assert told == {("failed", spec)}
    assert {r["status"] for r in rows if r["id_str"] not in hit} == {"done"}


@pytest.mark.parametrize("kind", ["status=503", "down", "html"])
@pytest.mark.parametrize("service", ["mast", "sdss-sas"])
def test_down_all_the_time(archives, tmp_path, undisturbed, kind, service):
    """If an archive is down for a whole run, no galaxy loses a try.

    The bucket is a mirror: without it the files come from MAST.
    """
    run = Run(archives, tmp_path / "out", *BOTH, attempts=1, patience_s=2)
    run.begin()
    with faults(archives, f"{kind}@{service}"):
        run.harvest()
    assert all(isinstance(trouble, OutageError) for trouble in run.troubles)
    assert bool(run.troubles) == (service != "s3")
    assert "failed" not in {status for _, _, status in run.states()}
    run.harvest()
    assert run.troubles == []
    assert run.stamps() == undisturbed.stamps()


def _mast_says(text):
    return f"words={text}@mast/api/v0/invoke"


@pytest.mark.parametrize(
    "text",
    [
        '{"status": "ERROR", "msg": "Timeout expired."}',
        '{"status": "EXECUTING", "msg": "", "data": []}',
        '{"status": "COMPLETE", "data": [{"obsid": 1',
        "<html>We are back on Thursday</html>",
        "limit exceeded",
    ],
    ids=["error", "executing", "broken", "page", "words"],
)
def test_mast_recovers(archives, located, tmp_path, text):
    """Replies of MAST that are not answers are requested again."""
    run = Run(archives, tmp_path / "out", *BOTH)
    run.begin()
    with faults(archives, f"{_mast_says(text)}:times=1"):
        run.harvest(locate_only=True)
    assert run.troubles == []
    assert run.states() == located.states()


def test_mast_swells(archives, tmp_path):
    """A reply of MAST that is too large is refused; no job loses a try."""
    run = Run(archives, tmp_path / "out", BOTH[1])
    run.begin()
    with faults(archives, "bomb=80@mast/api/v0/invoke"):
        run.harvest()
    assert [trouble.reason for trouble in run.troubles] == ["too_large"]
    assert {status for _, _, status in run.states()} == {"pending"}


def test_outage_passes(archives, run, undisturbed):
    """After an outage the harvest goes on without a restart; no job has lost a try."""

    async def repair():
        while True:
            struck = json.loads(await asyncio.to_thread(archives.ask, "/_faults"))
            if struck[0]["struck"] >= 6:
                break
            await asyncio.sleep(0.05)
        await asyncio.to_thread(archives.ask, "/_faults", [])

    async def both():
        async with asyncio.TaskGroup() as group:
            group.create_task(repair())
            group.create_task(run.work())

    run = Run(archives, run.places.out, *BOTH, attempts=1)
    archives.ask("/_faults", body=["down@*"])
    asyncio.run(both())
    assert run.troubles == []
    assert run.stamps() == undisturbed.stamps()


@pytest.mark.parametrize("status", ["429", "503"])
@pytest.mark.parametrize("after", ["1", "date2"])
def test_storm(archives, run, undisturbed, status, after):
    """Under many refusals no request comes in a cool-down, or faster than the rate."""
    rate = 10
    # When the first request is refused, others are already in flight.
    manners = {"rate": rate, "files": 1, "queries": 1}
    run = Run(archives, run.places.out, *BOTH, manners=manners)
    with faults(archives, f"status={status}@*:p=0.25:times=5:retry_after={after}"):
        run.harvest()
        log = {
            name: [visit["at"] for visit in _log(archives, name)]
            for name in archives.urls
        }
    assert run.stamps() == undisturbed.stamps()
    for name, times in log.items():
        assert archives.stats()[name]["cooldown_violations"] == 0
        # Two requests may arrive with a smaller gap than they were sent.
        assert _most_in_a_second(times) <= rate + 1


def _log(archives, service):
    return json.loads(archives.ask("/_log", service=service))


def _most_in_a_second(times):
    return max((sum(at <= t < at + 1 for t in times) for at in times), default=0)


def test_few_descriptors_and_words(archives, tmp_path):
    """Of 256 file descriptors at most half are used, with few lines of log."""
    words = ("run", archives.catalogue, "--out", tmp_path / "out", *archives.flags())
    limited = ["sh", "-c", 'ulimit -n 256 && exec "$@"', "sh", *HARVESTER]
    with (
        faults(archives, "reset@*:each=2", "status=500@sdss-sas:p=0.5:times=9"),
        (tmp_path / "said").open("w+") as said,
    ):
        process = psutil.Popen(
            [*limited, *map(str, words)],
            stdout=said,
            stderr=subprocess.STDOUT,
            env=psutil.Process().environ() | BRISK,
        )
        most = 0
        while process.poll() is None:
            most = max(most, _descriptors(process))
            psutil.wait_procs([process], timeout=0.05)
        said.seek(0)
        lines = said.read().splitlines()
    assert process.returncode == 0, lines
    assert 0 < most <= 128
    # Lines for six targets, and lines that come once: how the catalogue was read, the
    # start, and the end.
    assert len(lines) <= 6 + 30


def _descriptors(process):
    try:
        return process.num_fds()
    except psutil.Error:  # it has just ended
        return 0


def test_notes_are_few(archives, run, undisturbed):
    """A failing frame is logged once a try, not once a galaxy; a host once."""
    victim, hit = _victim(undisturbed)
    run = Run(archives, run.places.out, *BOTH, attempts=3)
    with faults(archives, f"status=500@sdss-sas/{victim}"):
        run.harvest()
    notes = [event.text for event in run.notes if isinstance(event, Note)]
    told = [text for text in notes if victim in text]
    assert len(told) == 3
    assert len(notes) - len(told) <= len(archives.urls)
    assert hit


def test_every_stamp_is_fits(undisturbed):
    """The FITS verifier of NASA reports nothing about any stamp."""
    if shutil.which("fitsverify") is None:
        pytest.skip("fitsverify is not installed")
    stamps = sorted(undisturbed.places.out.glob("cutouts/**/*.fits"))
    done = subprocess.run(
        ["fitsverify", "-q", *stamps], capture_output=True, text=True, check=False
    )
    said = done.stdout.splitlines()
    assert len(said) == len(stamps) > 6
    assert all(line.startswith("verification OK") for line in said), done.stdout


@pytest.mark.parametrize("text", ["", "objid,ra,dec\n"])
def test_nothing_to_harvest(tmp_path, text):
    """A catalogue without rows is refused without any request."""
    catalogue = tmp_path / "empty.csv"
    catalogue.write_text(text)
    nowhere = [
        f"--base-url={name}=http://127.0.0.1:9/{name}"
        for name in ("mast", "sdss-sky", "sdss-sas", "s3")
    ]
    done = harvester("run", catalogue, "--out", tmp_path / "out", *nowhere)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "it has no galaxies" in done.stderr
