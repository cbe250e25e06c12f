"""Archives that refuse all or some requests, in whole harvests."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from types import SimpleNamespace

import pytest
from astropy.table import Table
from hurried import Run, faults
from service import harvester, sandbox, status

from harvester.errors import OutageError

pytestmark = [pytest.mark.harvest, pytest.mark.long, pytest.mark.timeout(600)]

SDSS, HST = "sdss:r", "hst:WFC3/IR:F160W"

_RARER = {"status=401", "redirect=https://data.sdss5.org/x"}


def case(kind, *more):
    """Make a case of a refusal; the rarer ones are left to `make test-thorough`."""
    marks = [pytest.mark.thorough] if kind in _RARER else []
    return pytest.param(kind, *more, marks=marks)


#: Refusals with which an archive may answer every request.
_ALL = ("status=403", "notfound", *sorted(_RARER))
KINDS = [case(kind) for kind in _ALL]

#: Surveys and the services that refuse: the SAS, and MAST for files not in the bucket.
FILES = [
    pytest.param(SDSS, "sdss-sas", [], id="sas"),
    pytest.param(HST, "mast/api/v0.1/Download", ["notfound@s3"], id="mast"),
]


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Serve a sky of nine galaxies, each in a field and an image of its own."""
    options = ("--seed", "11", "--targets", "9", "--per-field", "1", "--per-image", "1")
    with sandbox(tmp_path_factory.mktemp("archives"), *options) as running:
        yield running


@pytest.fixture(scope="module")
def nameless(archives, tmp_path_factory):
    """Give the same sky with a catalogue without identifiers of SDSS."""
    table = Table.read(archives.catalogue)
    path = tmp_path_factory.mktemp("nameless") / "nameless.csv"
    rows = zip(table["RA"][0], table["DEC"][0], strict=True)
    lines = [f"g{number},{ra},{dec}" for number, (ra, dec) in enumerate(rows)]
    path.write_text("\n".join(["name,ra,dec", *lines]))
    return SimpleNamespace(urls=archives.urls, catalogue=path, ask=archives.ask)


@pytest.fixture(scope="module")
def located(archives, tmp_path_factory):
    """Give runs of each survey with all galaxies located, and no file fetched."""
    runs = {}
    for survey in (SDSS, HST):
        runs[survey] = _run(archives, tmp_path_factory.mktemp("run") / "out", survey)
        runs[survey].begin()
        runs[survey].harvest(locate_only=True)
        assert runs[survey].troubles == []
    return runs


def _run(archives, out, *surveys, **politeness):
    patience = {"attempts": 1, "refusal_patience_s": 1.5}
    return Run(archives, out, *surveys, **(patience | politeness))


@pytest.fixture
def make_run(archives, located, tmp_path):
    """Give a function that copies such a run."""

    def make(survey, **politeness):
        shutil.copytree(located[survey].places.out, tmp_path / "out")
        return _run(archives, tmp_path / "out", survey, **politeness)

    return make


def _count(run, survey, state):
    archive = survey.partition(":")[0]
    return sum(row[0] == archive and row[2] == state for row in run.states())


def _is_refused(run):
    """Whether it ended because an archive refuses everything, without a lost try."""
    assert {type(one) for one in run.troubles} == {OutageError}
    assert {one.reason for one in run.troubles} == {"refuses"}
    return "failed" not in {state for _, _, state in run.states()}


@pytest.mark.parametrize(
    ("kind", "after"),
    [*(case(kind, 0) for kind in _ALL), ("status=403", 3), ("notfound", 3)],
)
@pytest.mark.parametrize(("survey", "place", "more"), FILES)
def test_files(archives, make_run, survey, place, more, kind, after):
    """If an archive refuses every file, it is given up, and no galaxy loses a try."""
    run = make_run(survey)
    with faults(archives, *more, f"{kind}@{place}:after={after}"):
        run.harvest()
        asked = archives.stats()[place.partition("/")[0]]["requests"]
    assert _is_refused(run)
    # Requests in flight, retries, and probes for 1.5 s.
    assert asked <= after + 25


@pytest.mark.parametrize(("survey", "place", "more"), FILES)
def test_files_later(archives, make_run, survey, place, more):
    """When the archive serves files again, the next run does the rest."""
    run = make_run(survey)
    with faults(archives, *more, f"status=403@{place}"):
        run.harvest()
    assert _is_refused(run)
    run.harvest()
    assert run.troubles == []
    assert _count(run, survey, "done") == 9


@pytest.mark.parametrize("kind", KINDS)
def test_queries_of_mast(archives, tmp_path, kind):
    """If MAST refuses every query, the run ends after a few."""
    run = _run(archives, tmp_path / "out", HST)
    run.begin()
    with faults(archives, f"{kind}@mast/api/v0"):
        run.harvest()
        assert archives.stats()["mast"]["requests"] <= 12
    assert _is_refused(run)


@pytest.mark.parametrize("kind", KINDS)
def test_queries_of_skyserver(nameless, archives, tmp_path, kind):
    """If SkyServer refuses every query, the run ends; the next one works."""
    run = _run(nameless, tmp_path / "out", SDSS)
    run.begin()
    with faults(archives, f"{kind}@sdss-sky"):
        run.harvest()
        assert archives.stats()["sdss-sky"]["requests"] <= 12
    assert _is_refused(run)
    run.harvest()
    assert run.troubles == []
    assert _count(run, SDSS, "done") == 9


@pytest.mark.parametrize("kind", ["status=403", "status=401"])
@pytest.mark.parametrize(("survey", "place", "more"), FILES)
def test_now_and_then(archives, make_run, survey, place, more, kind):
    """Single refusals among good replies cost no galaxy a try."""
    run = make_run(survey)
    with faults(archives, *more, f"{kind}@{place}:after=2:times=1"):
        run.harvest()
    assert run.troubles == []
    assert _count(run, survey, "done") == 9


@pytest.mark.parametrize("page", ["html", "status=503", "down"])
def test_redirect_to_maintenance(archives, make_run, page):
    """Redirects of every file to a maintenance page cost no try."""
    run = make_run(SDSS, tries=1, patience_s=2)
    moved = "redirect=/sas/maintenance.html@sdss-sas/frame-"
    with faults(archives, moved, f"{page}@sdss-sas/maintenance"):
        run.harvest()
    assert all(isinstance(trouble, OutageError) for trouble in run.troubles)
    assert run.troubles
    assert _count(run, SDSS, "located") == 9


def test_missing_frames(archives, make_run):
    """Some missing frames take no extra time; the rest is done."""
    run = make_run(SDSS)
    with closing(sqlite3.connect(run.places.ledger)) as db:
        rows = db.execute("SELECT DISTINCT name FROM product ORDER BY name LIMIT 3")
        victims = [name for (name,) in rows]
    with faults(archives, *(f"notfound@sdss-sas/{name}" for name in victims)):
        run.harvest()
    assert run.troubles == []
    assert _count(run, SDSS, "done") == 6


def test_nothing_left_but_missing_frames(archives, make_run):
    """If all remaining frames are missing, a known good file is requested too."""
    run = make_run(SDSS)
    with faults(archives, "status=403@sdss-sas:after=3"):
        run.harvest()
    assert _is_refused(run)
    done = _count(run, SDSS, "done")
    assert 0 < done < 9
    # Now all frames that were not fetched are missing.
    names = [row["product"] for row in run.rows() if row["status"] == "done"]
    kept = "|".join(name for name in names if name.startswith("frame"))
    with faults(archives, f"notfound@sdss-sas/(?!.*({kept}))"):
        run.harvest()
    assert run.troubles == []
    assert _count(run, SDSS, "done") == done
    assert _count(run, SDSS, "located") == 0


def test_words(archives, tmp_path):
    """The command ends with 5; it names the archive that refuses, and a remedy."""
    out = tmp_path / "out"
    words = ("run", archives.catalogue, "--out", out, "--survey", SDSS)
    with faults(archives, "status=403@sdss-sas"):
        done = harvester(
            *words,
            *archives.flags(),
            HARVESTER__POLITENESS__REFUSAL_PATIENCE_S="4",
        )
    assert done.returncode == 5, done.stdout + done.stderr
    said = done.stdout + done.stderr
    assert f"{archives.host('sdss-sas')} has refused everything since " in said
    assert "403 Forbidden" in said
    for remedy in ("politeness.contact", "sdss.release", "services.sdss_sas.base_url"):
        assert remedy in said
    assert status(out)["surveys"]["sdss"]["failed"] == 0
