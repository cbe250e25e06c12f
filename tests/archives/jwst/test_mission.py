"""Which JWST mosaics show a galaxy; the real client queries the sandbox."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from recorded import reaching

from harvester.archives.jwst.instruments import band_of
from harvester.archives.jwst.mission import JWST
from harvester.archives.mast.archive import Mast
from harvester.archives.registry import read_survey
from harvester.errors import InputError, UnknownNameError
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.models import Ask, Product, StampSize, Target
from harvester.sandbox.server import Sandbox, SandboxOptions
from harvester.settings.settings import SERVICES
from harvester.sky.selection import Candidate

F200W = read_survey("jwst:NIRCAM/IMAGE:F200W")
F405N = read_survey("jwst:NIRCAM/IMAGE:F405N,F410M")
F150W = read_survey("jwst:NIRCAM/IMAGE:F150W")


@pytest.fixture(scope="module")
def options():
    """Give a sky with every kind of observation."""
    return SandboxOptions(seed=5, targets=60, per_image=4, jwst="small")


@asynccontextmanager
async def located(options, folder, survey, observations="best"):
    """Give the sandbox, and the findings of its galaxies by number."""
    path = folder / "ledger.sqlite"
    create_ledger(path, targets=[], rejects=[], surveys=[survey], facts={})
    async with (
        Sandbox(options) as sandbox,
        Ledger.open(path) as ledger,
        reaching(sandbox.urls) as transport,
    ):
        mast = Mast(
            transport,
            ledger,
            JWST,
            bases=SERVICES,
            size=StampSize.parse("10px"),
            observations=observations,
        )
        asks = [
            Ask(Target(n, f"g{n}", one.ra, one.dec, f"g{n}"))
            for n, one in enumerate(sandbox.sky.galaxies)
        ]
        batches = [batch async for batch in mast.locate(survey, asks)]
        yield sandbox, {f.target.number: f for batch in batches for f in batch}


def _mosaics(sandbox, survey, galaxy):
    """Give the names of the public mosaics that show a galaxy, by the sandbox's sky."""
    return {
        one.filename
        for one in sandbox.sky.jwst
        if one.calib_level == 3
        and one.rights == "PUBLIC"
        and one.passband.instrument == survey.instrument
        and band_of(one.passband.filters) & set(survey.bands)
        and one.covers(galaxy.ra, galaxy.dec)
    }


@pytest.mark.parametrize("survey", [F200W, F405N, F150W], ids=str)
async def test_mosaics(options, tmp_path, survey):
    """A galaxy gets mosaics that show it, and none if there are none."""
    async with located(options, tmp_path, survey) as (sandbox, found):
        some = 0
        for number, galaxy in enumerate(sandbox.sky.galaxies):
            chosen = [p.name for ps in found[number].choices.values() for p in ps]
            truth = _mosaics(sandbox, survey, galaxy)
            # Old footprints include the gap between the modules.
            old = {one.filename for one in sandbox.sky.jwst if one.is_old}
            assert set(chosen) - old <= truth
            assert bool(set(chosen) & truth) == bool(truth)
            some += bool(truth)
        assert some > 3


async def test_one_set_of_exposures(options, tmp_path):
    """Of a single observation and a combination with it, only the latter is taken."""
    async with located(options, tmp_path, F200W, "all") as (_, found):
        every = [
            {p.name.partition("_")[0] for ps in f.choices.values() for p in ps}
            for f in found.values()
        ]
    combined = {name for names in every for name in names if "-c1" in name}
    assert combined
    for names in every:
        sets = {(name[:7], name[8]) for name in names}
        assert len(sets) == len({program for program, _ in sets})


async def test_addresses(options, tmp_path):
    """Mosaics of one observation have a copy in the bucket; MAST has all."""
    async with located(options, tmp_path, F200W) as (_, found):
        products = {p for f in found.values() for ps in f.choices.values() for p in ps}
    for product in products:
        assert product.url.endswith(f"?uri=mast:JWST/product/{product.name}")
        program, name = product.name[2:7], product.name
        key = f"stpubdata/jwst/public/jw{program}/L3/t/{name[8:12]}/{name}"
        expected = (f"{SERVICES['s3']}/{key}",) if name[8] == "o" else ()
        assert product.mirrors == expected


async def test_unknown_filter(options, tmp_path):
    """A filter without any image ends the run; the error lists the known ones."""
    survey = read_survey("jwst:NIRCAM/IMAGE:F480M")
    async with located(options, tmp_path, survey) as (_, found):
        assert not any(finding.choices for finding in found.values())
    with pytest.raises(InputError, match="F200W"):
        read_survey("jwst:NIRCAM/IMAGE:F201W")


@pytest.mark.parametrize(
    ("filters", "band"),
    [
        ("F200W", {"F200W"}),
        ("CLEAR;F150W", {"F150W"}),
        ("F444W;F470N", {"F470N"}),
        ("F150W2;F162M", {"F162M"}),
        ("f405n;F410M", {"F405N"}),
        ("", set()),
        ("CLEAR", set()),
    ],
)
def test_bands(filters, band):
    """With a narrow filter in the pupil wheel the wide filter is not the band."""
    assert band_of(filters) == band


def test_product_rows():
    """In a list of products only the mosaic of the observation is taken."""
    obs_id = "jw02736-o001_t001_nircam_clear-f150w"
    uri = f"mast:JWST/product/{obs_id}_i2d.fits"

    def row(uri, level=3):
        return {"dataURI": uri, "calib_level": level}

    assert JWST.is_file(row(uri), obs_id)
    assert not JWST.is_file(row(uri.replace("f150w", "f150w2")), obs_id)
    assert not JWST.is_file(row(uri, level=2), obs_id)


def test_part_of_a_stamp():
    """A set that covers the whole stamp comes before a deeper one that does not."""
    names = ["jw01345-c1001_t021_nircam_clear-f200w", "jw01345-o001_t021_nircam_f200w"]
    combined, single = (
        Candidate(
            Product("jwst", f"{name}_i2d.fits", "F200W", "u"), 100.0, holds_whole=whole
        )
        for name, whole in zip(names, (False, True), strict=True)
    )
    assert JWST.distinct([combined, single]) == [single]


def test_survey_spelling():
    """The instrument may be written without IMAGE, and in any case."""
    assert str(read_survey("jwst:nircam:f200w")) == "jwst:NIRCAM/IMAGE:F200W"
    with pytest.raises(InputError, match="NIRCAM/IMAGE, MIRI/IMAGE, NIRISS/IMAGE"):
        read_survey("jwst:NIRSPEC:F200W")
    assert issubclass(UnknownNameError, InputError)
