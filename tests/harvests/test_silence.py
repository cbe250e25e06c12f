"""Incomplete answers, and errors of single queries, in whole harvests."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from proxy import is_list, kind, proxied
from service import harvester, status

pytestmark = [pytest.mark.harvest, pytest.mark.long]

#: Waiting times for an archive with an outage, in seconds.
PATIENCE = {"HARVESTER__POLITENESS__PATIENCE_S": "5"}


async def harvested(edit, tmp_path, service, survey, *, nameless=0, **options):
    """Harvest a survey through a proxy with this edit; give result and counts."""
    catalogue, out = tmp_path / "all.fits", tmp_path / "out"
    async with proxied(service, catalogue=catalogue, **options) as (sandbox, proxy):
        proxy.edit = edit
        if nameless:
            catalogue = _without_names(sandbox, tmp_path / "all.csv", nameless)
        urls = sandbox.urls | {service: proxy.url}
        flags = [f"--base-url={name}={url}" for name, url in urls.items()]
        words = ("run", catalogue, "--out", out, "--survey", survey, *flags)
        done = await asyncio.to_thread(harvester, *words, **PATIENCE)
    # A run with an unknown filter leaves no folder.
    found = status(out)["surveys"] if out.exists() else {}
    return done, found.get(survey.partition(":")[0]), proxy


def _without_names(sandbox, path, others):
    """Write the positions of galaxies, and of others without any object."""
    rows = [f"g{n},{one.ra},{one.dec}" for n, one in enumerate(sandbox.sky.galaxies)]
    rows += [f"x{n},{n * 360 / others},{-40 - n % 40}" for n in range(others)]
    path.write_text("\n".join(["name,ra,dec", *rows, ""]))
    return path


def _short(asked, answer):
    """Remove all rows of lists, and adapt the paging."""
    if not is_list(asked):
        return answer
    paging = answer["paging"] | {"rows": 0, "rowsFiltered": 0, "rowsTotal": 0}
    return answer | {"data": [], "paging": paging}


async def test_list_without_rows(tmp_path):
    """If MAST counts images but lists none, the run ends with code 5."""
    survey = "hst:WFC3/IR:F160W"
    done, counts, proxy = await harvested(_short, tmp_path, "mast", survey)
    assert done.returncode == 5, done.stdout + done.stderr
    assert "MAST counts" in done.stdout + done.stderr
    assert (counts["no_coverage"], counts["pending"]) == (0, 40)
    assert len(proxy.kinds) < 10


@pytest.mark.parametrize("lost", ["parent", "page"])
async def test_mast_answers_oddly(tmp_path, lost):
    """Lost parents, and one wrong page, cost no galaxy its stamp."""
    wrong = itertools.count()

    def edit(asked, answer):
        if is_list(asked):
            for row in answer["data"]:
                row["dataURL"] = None
            if lost == "page" and not next(wrong):
                answer["paging"]["page"] = 7
        if lost == "parent" and asked and kind(asked) == "products":
            for row in answer["data"]:
                row["parent_obsid"] = "0"
        return answer

    survey = "hst:WFC3/IR:F160W"
    done, counts, _ = await harvested(edit, tmp_path, "mast", survey, per_image=5)
    assert done.returncode == 0, done.stdout + done.stderr
    assert counts["done"] > 30


async def test_moving_target_in_the_manifest(tmp_path):
    """The manifest gives the reason for a galaxy only in images of a moving target."""

    def edit(asked, answer):
        if is_list(asked):
            for row in answer["data"]:
                row |= {"mtFlag": True, "dataRights": "PUBLIC"}
        return answer

    survey = "hst:WFC3/IR:F160W"
    done, counts, _ = await harvested(edit, tmp_path, "mast", survey, per_image=5)
    assert done.returncode == 0, done.stdout + done.stderr
    assert counts["no_coverage"] == 40
    manifest = next((tmp_path / "out").glob("manifest*.csv")).read_text()
    assert manifest.count("moving_target") > 30


async def test_name_that_there_is_not(tmp_path):
    """An unknown filter ends the run with code 2, and names a similar one."""
    survey = "hst:WFC3/IR:F16OW"
    done, counts, _ = await harvested(lambda _, a: a, tmp_path, "mast", survey)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Did you mean F160W" in done.stdout + done.stderr
    assert counts is None


async def test_table_without_header(tmp_path):
    """A table with only its first line is requested again."""
    wrong = itertools.count()

    def edit(asked, answer):
        is_upload = asked is None
        return b"#Table1\n" if is_upload and not next(wrong) else answer

    done, counts, _ = await harvested(
        edit, tmp_path, "sdss-sky", "sdss:r", hst_images=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert counts["done"] == 40


@pytest.mark.parametrize(
    "refusal", [b"<html>SQL Error, Invalid object name 'Frame'.</html>", 403]
)
async def test_table_of_fields_refused(tmp_path, refusal):
    """If the table of fields is refused, positions are uploaded."""

    def edit(asked, answer):
        return refusal if asked and "FROM Frame" in asked else answer

    done, counts, _ = await harvested(
        edit,
        tmp_path,
        "sdss-sky",
        "sdss:r",
        hst_images=False,
        nameless=5200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (counts["done"], counts["no_coverage"]) == (40, 5200)


async def test_uploads_refused(tmp_path):
    """If uploads are refused, the table of fields locates what it can."""

    def edit(asked, answer):
        page = b"<html><title>Skyserver Error</title>Not able to parse file.</html>"
        return page if asked is None else answer

    done, counts, proxy = await harvested(
        edit, tmp_path, "sdss-sky", "sdss:r", hst_images=False, nameless=50
    )
    assert counts["done"] + counts["located"] == 40, done.stdout + done.stderr
    # The sandbox's table lacks most fields, so it cannot prove that there is no field.
    assert (done.returncode, counts["pending"]) == (5, 50)
    # How many depends on the time that it takes: a storm would be hundreds.
    assert len(proxy.asked) < 150
