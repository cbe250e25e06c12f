"""A sandbox that counts how often the limits of a host are broken, for all harvests."""

from __future__ import annotations

import csv
from contextlib import contextmanager

from astropy.io import fits

from harvester.places import Places
from harvester.sandbox.server import SandboxOptions, run_in_thread
from harvester.sandbox.stats import RateLimit
from harvester.status.report import read_report

SURVEY = ("--survey", "sdss:r")

#: Files of SAS one at a time and two a second, SkyServer as ever. The server forgives
#: half of each gap, as this machine may be busy.
RATES = {
    "HARVESTER__SERVICES__SDSS_SKY__RATE": "1",
    "HARVESTER__SERVICES__SDSS_SAS__RATE": "2",
    "HARVESTER__SERVICES__SDSS_SAS__FILES": "1",
}
LIMITS = {"sdss-sky": RateLimit(60, 0.5), "sdss-sas": RateLimit(120, 0.25)}


def positions(catalogue):
    """Give name, RA and Dec of each galaxy; the names are of no archive."""
    listed = fits.getdata(catalogue)
    places = zip(*(listed[name].ravel().tolist() for name in ("RA", "DEC")))  # noqa: B905 - columns of one table
    return [(f"NGC {number}", *place) for number, place in enumerate(places)]


def write_rows(path, listed):
    """Write galaxies to a catalogue."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "ra", "dec"])
        rows.writerows(listed)


@contextmanager
def archives(folder, targets):
    """Serve galaxies that need a query; give the server and a list of identifiers."""
    options = SandboxOptions(
        seed=5,
        targets=targets,
        per_field=4,
        hst_images=False,
        catalogue=folder / "catalogue.fits",
        latency={"file": 0.15},
        rates=LIMITS,
    )
    with run_in_thread(options) as running:
        path = folder / "positions.csv"
        write_rows(path, positions(options.catalogue))
        yield running, path


def flags(running):
    """Give the options that send a harvest to the sandbox."""
    return [f"--base-url={name}={url}" for name, url in running.urls.items()]


def done(out):
    """Count the stamps of a harvest so far."""
    report = read_report(Places(out)) if (out / "ledger.sqlite").exists() else None
    return report["surveys"]["sdss"]["done"] if report else 0
