"""The usual way: one galaxy after another, with astroquery.

For every galaxy of a catalogue this asks SDSS for its image and MAST for Hubble
images, downloads them whole, and cuts 40 x 40 pixels. It is the yardstick that the
harvester is compared with; its habits (no batches, ragged stamps at edges, no
second try) are kept on purpose. ``--threads 8`` is what a clever user would do next.

    harvester sandbox --ready-file ready.json --catalogue galaxies.fits.gz &
    python benchmarks/tutorial.py --sandbox-ready ready.json \
        --catalogue galaxies.fits.gz --limit 5 --out stamps
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import current_thread
from typing import TYPE_CHECKING

import numpy as np
from astropy.config import set_temp_cache
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D, NoOverlapError
from astropy.wcs import WCS, FITSFixedWarning
from astroquery.exceptions import NoResultsWarning
from astroquery.mast import Observations
from astroquery.mast.discovery_portal import PortalAPI
from astroquery.sdss import SDSS
from astroquery.sdss import conf as sdss_conf

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Pixels a side.
SIDE = 40


def redirect(ready: Path) -> None:
    """Send astroquery's requests to a running sandbox."""
    urls = json.loads(ready.read_text())
    sdss_conf.skyserver_baseurl = urls["sdss-sky"]
    sdss_conf.sas_baseurl = urls["sdss-sas"]
    mast = urls["mast"]
    PortalAPI.MAST_REQUEST_URL = f"{mast}/api/v0/invoke"
    PortalAPI.COLUMNS_CONFIG_URL = f"{mast}/portal/Mashup/Mashup.asmx/columnsconfig"
    PortalAPI.MAST_DOWNLOAD_URL = f"{mast}/api/v0.1/Download/file"


def read_catalogue(path: Path, limit: int | None) -> Iterator[tuple[int, SkyCoord]]:
    """Read the catalogue: one row, each column a vector over all galaxies."""
    row = fits.getdata(path, 1)[0]
    columns = (row["OBJID"], row["RA"], row["DEC"])
    for number, (objid, ra, dec) in enumerate(zip(*columns, strict=True)):
        if limit is not None and number >= limit:
            return
        yield int(objid), SkyCoord(float(ra), float(dec), unit="deg")


def cut(hdu: fits.ImageHDU, position: SkyCoord, out: Path) -> bool:
    """Cut the stamp and save it, unless the galaxy is not in the image."""
    try:
        stamp = Cutout2D(hdu.data, position, (SIDE, SIDE), WCS(hdu.header), mode="trim")
    except NoOverlapError:
        return False
    np.save(out, stamp.data)
    return True


def harvest_sdss(objid: int, position: SkyCoord, out: Path) -> str:
    """Make the stamp of one galaxy from SDSS in r."""
    images = SDSS.get_images(coordinates=position, band="r")
    if not images:
        return "sdss skipped"
    done = cut(images[0][0], position, out / f"{objid}-sdss.npy")
    return "sdss stamps" if done else "sdss skipped"


def harvest_hst(objid: int, position: SkyCoord, out: Path) -> str:
    """Make the stamp of one galaxy from a Hubble F160W image."""
    observations = Observations.query_criteria(
        coordinates=position,
        project="HST",
        filters="F160W",
        instrument_name="WFC3/IR",
        dataproduct_type="image",
    )
    if not len(observations):
        return "hst skipped"
    products = Observations.filter_products(
        Observations.get_product_list(observations),
        productSubGroupDescription="DRZ",
        extension="fits",
    )
    if not len(products):
        return "hst skipped"
    # Each thread needs a folder of its own: reading a file while another thread
    # writes it crashes Python.
    folder = out / current_thread().name
    manifest = Observations.download_products(products, download_dir=str(folder))
    for place in manifest["Local Path"][manifest["Status"] == "COMPLETE"]:
        with fits.open(place) as hdus:
            if cut(hdus["SCI"], position, out / f"{objid}-hst.npy"):
                return "hst stamps"
    return "hst skipped"


def harvest_galaxy(
    galaxy: tuple[int, SkyCoord], out: Path, survey: str
) -> Counter[str]:
    """Make the stamps of one galaxy."""
    counts: Counter[str] = Counter(galaxies=1)
    if survey in {"sdss", "both"}:
        counts[harvest_sdss(*galaxy, out)] += 1
    if survey in {"hst", "both"}:
        counts[harvest_hst(*galaxy, out)] += 1
    return counts


def harvest(options: argparse.Namespace) -> Counter[str]:
    """Harvest the catalogue, one galaxy at a time in each thread."""
    galaxies = list(read_catalogue(options.catalogue, options.limit))
    each = partial(harvest_galaxy, out=options.out, survey=options.survey)
    if options.threads == 1:
        return sum(map(each, galaxies), Counter())
    with ThreadPoolExecutor(options.threads) as pool:
        return sum(pool.map(each, galaxies), Counter())


def main() -> None:
    """Harvest a catalogue and print the result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sandbox-ready", type=Path, help="ready file of a sandbox")
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--limit", type=int, help="take only so many galaxies")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--survey", choices=["sdss", "hst", "both"], default="both")
    parser.add_argument("--out", type=Path, required=True, help="folder of stamps")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    # A header keyword that SDSS spells the old way, and galaxies with no match.
    warnings.simplefilter("ignore", FITSFixedWarning)
    warnings.simplefilter("ignore", NoResultsWarning)
    if options.sandbox_ready:
        redirect(options.sandbox_ready)
    # astroquery keeps replies for ever: those of a sandbox must not reach a real run.
    cache = options.out / "cache"
    cache.mkdir(exist_ok=True)
    SDSS.cache_location = Observations.cache_location = cache
    start = time.perf_counter()
    with set_temp_cache(cache):
        counts = harvest(options)
    for what, number in sorted(counts.items()):
        print(f"{what}: {number}")
    print(f"seconds: {time.perf_counter() - start:.1f}")


if __name__ == "__main__":
    main()
