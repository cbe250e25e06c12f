"""Stamps from second-best images: marked in stamp and manifest, and replaced later."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hurried import Run, faults
from service import sandbox

from harvester.dataset.verify import verify
from harvester.ledger.ledger import Ledger
from harvester.ledger.taken_up import RetryChoice
from harvester.ledger.view import LedgerView
from harvester.status.report import read_report
from harvester.status.report_words import words

pytestmark = [pytest.mark.harvest, pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Serve a sky with some galaxies in two images."""
    options = ("--seed", "7", "--targets", "20", "--per-image", "4")
    with sandbox(tmp_path_factory.mktemp("archives"), *options) as running:
        yield running


def begun(archives, out):
    """Give a run of the HST survey."""
    run = Run(archives, out, "hst:WFC3/IR:F160W")
    run.begin()
    return run


@pytest.fixture(scope="module")
def undisturbed(archives, tmp_path_factory):
    """Give a run without faults."""
    run = begun(archives, tmp_path_factory.mktemp("undisturbed") / "out")
    run.harvest()
    assert not any(row["substitute"] for row in run.rows())
    return run


@pytest.fixture(scope="module")
def victim(undisturbed):
    """Give an image that is the best for some galaxies, which are in another one too.

    With it come those galaxies, by their names.
    """
    offered = defaultdict(list)
    with LedgerView.open(undisturbed.places.ledger) as view:
        rows = view._db.execute(
            """
            SELECT t.id, p.name
            FROM cutout AS c
            JOIN target AS t ON t.number = c.target
            JOIN product AS p ON p.number = c.product
            ORDER BY c.target, c.rank
            """
        )
        for name, product in rows:
            offered[name].append(product)
    by_best = defaultdict(dict)
    for name, products in offered.items():
        by_best[products[0]][name] = len(products)
    return next(
        (best, set(names)) for best, names in by_best.items() if min(names.values()) > 1
    )


def told(run, names):
    """Give what the manifest says about the stamps of some galaxies."""
    return {
        (row["status"], row["substitute"], row["substitute_reason"])
        for row in run.rows()
        if row["id_str"] in names
    }


def better(run):
    """Retry the substitutes."""

    async def retry():
        async with Ledger.open(run.places.ledger) as ledger:
            return (await ledger.retry(RetryChoice(better=True))).total()

    return asyncio.run(retry())


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("notfound", "not_found"),
        ("status=403", "http_403"),
        ("truncate", "truncated"),
        ("status=500", "http_500"),
        ("card=CTYPE1='LINEAR'", "bad_wcs"),
    ],
)
def test_substitute(archives, tmp_path, undisturbed, victim, kind, reason):
    """A substitute is marked, retried, and replaced by a stamp of the best image."""
    image, names = victim
    fault = f"{kind}@*/(Download|public).*{image}"
    run = begun(archives, tmp_path / "out")
    with faults(archives, fault):
        run.harvest()
    assert run.troubles == []
    why = f"{reason} of {image}"
    assert told(run, names) == {("done", True, why)}
    others = {row["id_str"] for row in run.rows()} - names
    assert not any(substitute for _, substitute, _ in told(run, others))
    verb = "is" if len(names) == 1 else "are"
    line = f"{len(names)} of them {verb} not from the best image"
    assert line in words(read_report(run.places))
    for row in run.rows():
        if row["id_str"] in names:
            header = fits.getheader(run.places.out / row["file_loc"])
            assert header["SUBSTITU"] == why
            assert header["PRODUCT"] == row["product"] != image
            ny, nx = header["NAXIS2"], header["NAXIS1"]
            x, y = WCS(header).all_world2pix(row["ra"], row["dec"], 0)
            assert abs(x - (nx - 1) / 2) <= 1
            assert abs(y - (ny - 1) / 2) <= 1
    second_best = run.stamps()
    # While the best image cannot be fetched, the stamps stay unchanged.
    assert better(run) == len(names)
    with faults(archives, fault):
        run.harvest()
    assert run.stamps() == second_best
    assert told(run, names) == {("done", True, why)}
    assert better(run) == len(names)
    run.harvest()
    assert run.stamps() == undisturbed.stamps()
    assert told(run, names) == {("done", False, "")}
    assert verify(run.places, deep=True).clean
    assert better(run) == 0
