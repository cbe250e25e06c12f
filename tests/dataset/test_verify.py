"""The ledger compared with the disk: every difference is found, and nothing else."""

from __future__ import annotations

import random
from contextlib import closing

import numpy as np
import pytest
from click.testing import CliRunner

from harvester.cli import main
from harvester.cutouts.stamp_file import StampFolder, to_cards, to_fits
from harvester.dataset import verify as module
from harvester.dataset.stamps import file_loc
from harvester.dataset.verify import verify
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.ledger.view import LedgerView
from harvester.models import Finding, Product, Receipt, Survey, Target
from harvester.places import Places

SDSS = Survey.parse("sdss:r")
_COUNT = 300
_SCALE = 0.396 / 3600


def _stamp(target, shift=0.0):
    sky = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN",
        "CRVAL1": target.ra, "CRVAL2": target.dec,
        "CRPIX1": 20.5 + shift, "CRPIX2": 20.5, "CD1_1": -_SCALE, "CD2_2": _SCALE,
    }  # fmt: skip
    own = [(key, value, "") for key, value in sky.items()]
    data = np.full((40, 40), target.number, np.float32)
    return to_fits(data, own, to_cards([]))


async def _make_run(out):
    """Make a run with a stamp of every target but the last, which is pending."""
    places = Places(out)
    targets = [Target(n, f"id{n}", n * 0.1, 0.5, f"id{n}") for n in range(_COUNT + 1)]
    create_ledger(
        places.ledger,
        targets=targets,
        rejects=[],
        surveys=[SDSS],
        facts={"settings": '{"size": "sdss=15.84arcsec", "mode": "partial"}'},
    )
    frame = Product("sdss", "frame", "r", "https://archive/frame")
    async with Ledger.open(places.ledger) as ledger:
        findings = [Finding(target, {"r": [frame]}) for target in targets]
        await ledger.record_located(SDSS, findings, file_loc=file_loc, keep_all=False)
        ((number, _),) = [due async for due in ledger.frames_due(SDSS)]
        with StampFolder(out) as folder:
            receipts = [
                _receipt(folder, target, file_loc(SDSS, target, frame, 0))
                for target in targets[:-1]
            ]
        await ledger.record_receipts(SDSS, number, receipts)
    return places


def _receipt(folder, target, name):
    # One stamp was written with its galaxy in the wrong place.
    written = folder.write(name, _stamp(target, 3.0 if target.number == 7 else 0.0))
    return Receipt(
        target.number, sha256=written.sha256, size=written.size, coverage=1.0
    )


@pytest.fixture
async def places(tmp_path):
    """Give a run of 300 stamps, of which number 7 is not centred."""
    return await _make_run(tmp_path)


@pytest.fixture(params=["alone", "processes"])
def _both_ways(request, monkeypatch):
    monkeypatch.setattr(module, "_BATCH", 16)
    if request.param == "processes":
        monkeypatch.setattr(module, "_ALONE", 0)
    else:
        monkeypatch.setattr(module, "_ALONE", 10**6)


def _files(places):
    with LedgerView.open(places.ledger) as view:
        return [stamp.file_loc for stamp in view.stamps()]


def _damage(places):
    """Damage 60 stamps in three ways, and add other files; give the names of each."""
    dice = random.Random(4)
    victims = dice.sample([name for name in _files(places) if "id7." not in name], 60)
    flipped, gone, cut = victims[:20], victims[20:40], victims[40:]
    for name in flipped:
        content = bytearray((places.out / name).read_bytes())
        bit = dice.randrange(8 * len(content))
        content[bit // 8] ^= 1 << bit % 8
        (places.out / name).write_bytes(content)
    for name in gone:
        (places.out / name).unlink()
    for name in cut:
        content = (places.out / name).read_bytes()
        (places.out / name).write_bytes(content[: dice.randrange(len(content))])
    strangers = [f"cutouts/sdss/r/0000/{name}" for name in ("a.fits", "id3.fits.part")]
    strangers.append("cutouts/hst/F160W/0009/b.fits")
    for name in strangers:
        (places.out / name).parent.mkdir(parents=True, exist_ok=True)
        (places.out / name).write_bytes(b"")
    return {"changed": flipped + cut, "missing": gone, "orphans": strangers}


def _sorted(found):
    return {kind: sorted(found[kind]) for kind in ("changed", "missing", "orphans")}


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize("deep", [False, True])
def test_all_that_is_wrong(places, deep):
    """Stamps that were altered, deleted or cut short are found, and other files."""
    damage = {kind: sorted(names) for kind, names in _damage(places).items()}
    found = verify(places, deep=deep)
    assert _sorted(found.to_json()) == damage
    assert found.checked == _COUNT
    unsound = found.to_json()["unsound"]
    assert list(unsound) == (["cutouts/sdss/r/0000/id7.fits"] if deep else [])


@pytest.mark.usefixtures("_both_ways")
def test_nothing_is_wrong(places):
    """A run without damage is clean; pending stamps are not missing."""
    found = verify(places)
    assert found.clean
    assert found.to_json() == {
        "checked": _COUNT, "missing": [], "changed": [], "unsound": {}, "orphans": []
    }  # fmt: skip


def test_deep_names_the_flaw(places):
    """The deep check finds a stamp of the wrong position, and says why."""
    ((stamp, flaw),) = verify(places, deep=True).unsound
    assert stamp.target == 7
    assert flaw == "its galaxy is 3.00 columns and 0.00 rows off the middle"


def test_file_without_a_row_yet(places):
    """A stamp written but not yet recorded is made again, and is not an orphan."""
    wanted = places.out / f"cutouts/sdss/r/0000/id{_COUNT}.fits"
    wanted.write_bytes(b"as a kill between the two leaves it")
    assert verify(places).orphans == []


def test_repair(places):
    """Only with --repair are the lost stamps' jobs pending again, and no others."""
    damage = _damage(places)
    lost = sorted(damage["changed"] + damage["missing"])
    said = CliRunner().invoke(main, ["verify", str(places.out)])
    assert said.exit_code == 3
    assert "300 stamps checked, 60 to be made again" in said.output
    assert f"harvester verify --repair {places.out}" in said.output
    assert _wanted(places) == [f"cutouts/sdss/r/0000/id{_COUNT}.fits"]
    done = CliRunner().invoke(main, ["verify", str(places.out), "--repair"])
    assert done.exit_code == 3
    assert f"harvester resume {places.out}" in done.output
    assert _wanted(places) == sorted([*lost, f"cutouts/sdss/r/0000/id{_COUNT}.fits"])
    with LedgerView.open(places.ledger) as view:
        assert view.states()["sdss"] == {"done": _COUNT - 60, "located": 61}
    # Stamps to be made again are no longer in the ledger.
    again = CliRunner().invoke(main, ["verify", str(places.out)])
    assert again.exit_code == 0
    assert "240 stamps checked, 0 to be made again" in again.output
    assert all((places.out / name).exists() for name in damage["orphans"])


def _wanted(places):
    with LedgerView.open(places.ledger) as view:
        return sorted(view.wanted_files())


def test_trouble_in_a_process(monkeypatch):
    """An error in a worker process is raised in the calling process."""
    monkeypatch.setattr(module, "_ALONE", 0)
    monkeypatch.setattr(module, "_check", int)  # invalid, so that the worker fails
    looking = module._checked(iter([module.Batch("", [], None)]))
    with closing(looking), pytest.raises(TypeError):
        next(looking)
