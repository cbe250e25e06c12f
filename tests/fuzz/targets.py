"""The parsers under test, their first inputs, and the errors that they may raise.

A target takes any bytes as a server or a user might send them. It ends well, or with
a `HarvesterError`: whatever else it raises is a finding. Seeds are made here, so that
a search begins at what the parsers know.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import tempfile
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from astropy.io import fits
from astropy.table import Table
from block_target import block_seeds, blocks
from multidict import CIMultiDict
from parts_target import part_seeds, parts
from yarl import URL

from harvester.archives.bridge import json_of
from harvester.archives.mast.archive import check_mast
from harvester.archives.mast.sampling import CopySampling
from harvester.archives.registry import identifiers
from harvester.archives.sdss.archive import check_skyserver
from harvester.archives.sdss.names import decode
from harvester.catalogue.options import ReadOptions
from harvester.catalogue.reader import open_catalogue
from harvester.catalogue.tables import open_tables
from harvester.cutouts.cutouts import cut_frame
from harvester.cutouts.frame_file import verify_frame
from harvester.errors import HarvesterError
from harvester.models import CutoutSpec, FrameJob, Plane, Product, StampSize, Wanted
from harvester.settings.settings import SERVICES, load_settings
from harvester.sky.footprints import FootprintIndex
from harvester.transport.address import Guard
from harvester.transport.backoff import LONGEST_S, retry_after
from harvester.transport.byte_range import RangeIntake
from harvester.transport.intake import PartialFile, Reply, is_html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: Folder for the files of the targets; it is removed when this process ends.
_folder = tempfile.TemporaryDirectory()
HERE = Path(_folder.name)

#: More digits than Python turns into an integer.
LONG = "9" * 5000


class Target(NamedTuple):
    """A parser, and the first inputs of a search."""

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]


def written(name: str, data: bytes) -> Path:
    """Write the input to a file."""
    path = HERE / name
    path.write_bytes(data)
    return path


# -- s_region ---------------------------------------------------------------------


def regions(data: bytes) -> None:
    """Read footprints, and match a position with them."""
    texts: list[str | None] = [*data.decode("utf-8", "replace").split("\0")]
    index = FootprintIndex(texts)
    places = np.array([10.5, 0.0, 359.9])
    target, region, _ = index.match(places, np.array([0.5, 90.0, -89.9]), 10.0)
    assert len(target) == len(region)


def region_seeds() -> Iterable[bytes]:
    """Give footprints of both kinds."""
    yield b"POLYGON ICRS 10 0 11 0 11 1 10 1"
    yield b"CIRCLE ICRS -10 5 0.5\0POLYGON 359.9 -89 0.1 -89 0 -88.5\0null"
    yield b"Polygon GSC1 (1e1, 0 +11, 0. 11,.1) CIRCLE 1e999 5 1"


# -- frames -----------------------------------------------------------------------


def frames(data: bytes) -> None:
    """Verify a frame and cut stamps from it, for each archive, plain and compressed."""
    for name, content in (("f.fits", data), ("f.fits.bz2", bz2.compress(data, 1))):
        path = written(name, content)
        with suppress(HarvesterError):
            verify_frame(path)
        for archive in ("sdss", "hst", "jwst"):
            product = Product(archive, name, "r", f"https://a/{name}")
            wanted = tuple(
                Wanted(n, "g", 150 + n / 1e4, 2.0, f"s{n}.fits") for n in (0, 30)
            )
            spec = CutoutSpec(StampSize(20, "px"), planes=tuple(Plane))
            with suppress(HarvesterError):
                cut = cut_frame(FrameJob(product, str(path), str(HERE), wanted, spec))
                assert len(cut.receipts) == len(wanted)


def frame_seeds() -> Iterable[bytes]:
    """Give small frames of both archives, and wrong headers."""
    header = fits.Header()
    header.update(
        {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CUNIT1": "deg", "CUNIT2": "deg"}
    )
    header.update({"CRPIX1": 5.0, "CRPIX2": 5.0, "CRVAL1": 150.0, "CRVAL2": 2.0})
    header.update({"CD1_1": -1e-4, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 1e-4})
    pixels = np.arange(100, dtype=np.float32).reshape(10, 10)
    camera = header.copy()
    camera.update({"FILTER": "r", "CAMCOL": 2, "RUN": 94, "NMGY": 0.005, "TAI": 4.5e9})
    night = [
        fits.Column("ALLSKY", "12E", dim="(4,3)", array=pixels.ravel()[None, :12]),
        fits.Column("XINTERP", "10E", array=pixels[:1] / 3),
        fits.Column("YINTERP", "10E", array=pixels[:1] / 2),
    ]
    sdss = _fits(
        fits.PrimaryHDU(pixels, camera),
        fits.ImageHDU(pixels[0] + 1),
        fits.BinTableHDU.from_columns(night),
    )
    hst = _drizzled(header)
    yield from (sdss, hst, gzip.compress(sdss), bz2.compress(hst))
    for key, lie in (("NAXIS2", 10**12), ("NAXIS1", 10**19), ("BITPIX", -640)):
        yield sdss.replace(_card(key, sdss), f"{key:8}= {lie:>20}".encode(), 1)
    # No groups: no size, whatever the axes are.
    empty = sdss.replace(_card("CD1_2", sdss), f"GCOUNT  = {0:>20}".encode())
    yield empty.replace(_card("NAXIS1", sdss), f"NAXIS1  = {10**19:>20}".encode(), 1)


def _drizzled(header: fits.Header) -> bytes:
    """Give an image with the cards and planes that HST and JWST have for its noise."""
    told = {"INSTRUME": "WFC3", "DETECTOR": "IR", "EXPSTART": 55516.5}
    told |= {"DATE-OBS": "2010-11-16", "TIME-OBS": "12:09:57", "EXPTIME": 1000.0}
    told |= {"D001WTSC": 1.0, "D001DEXP": 500.0, "D001KERN": "square"}
    told |= {"D001PIXF": 1.0, "D001SCAL": 0.13, "D001ISCL": 0.128}
    told |= {"KERNEL": "square", "PIXFRAC": 1.0, "PXSCLRT": 1.0, "PHOTPLAM": 15369.0}
    pixels = np.random.default_rng(1).normal(size=(24, 24)).astype(np.float32)
    science = fits.ImageHDU(pixels, header, name="SCI")
    science.header["BUNIT"] = "ELECTRONS/S"
    beside = (
        fits.ImageHDU(1000 * np.abs(pixels), name=name) for name in ("ERR", "WHT")
    )
    return _fits(fits.PrimaryHDU(header=fits.Header(told)), science, *beside)


def _card(key: str, content: bytes) -> bytes:
    """Give a card up to the end of its number."""
    at = content.index(f"{key:8}=".encode())
    return content[at : at + 30]


def _fits(*hdus: object) -> bytes:
    file = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(file)
    return file.getvalue()


# -- catalogues -------------------------------------------------------------------


def tables(data: bytes) -> None:
    """Read a catalogue to its end."""
    with (
        suppress(HarvesterError),
        open_catalogue(
            written("catalogue", data), schemes=identifiers(), scratch=HERE
        ) as catalogue,
    ):
        targets = list(catalogue.targets())
        assert catalogue.labels().read_all().num_rows == len(targets)
        for target in targets:
            decode(target.id)
            assert 0 <= target.ra < 360
            assert "/" not in target.stem


def table_seeds() -> Iterable[bytes]:
    """Give a catalogue in every format but Parquet, which only Arrow reads."""
    ids, ra, dec = (
        [587722952231026744 + n for n in range(3)],
        [1.0, 2.0, 3.0],
        [0.5] * 3,
    )
    table = Table({"objid": ids, "ra": ra, "dec": dec, "note": ["a", 'b "c"', ""]})
    for kind in ("fits", "votable", "ascii.ecsv", "ascii.csv", "ascii.tab"):
        file = io.StringIO() if kind.startswith("ascii") else io.BytesIO()
        table.write(file, format=kind)
        content = file.getvalue()
        yield content if isinstance(content, bytes) else content.encode()
    table.write(HERE / "binary", format="votable", tabledata_format="binary")
    yield (HERE / "binary").read_bytes()
    yield gzip.compress(b"name;RA;DE\n\xb5;12:34:56,7;-1 2 3\n")
    yield "id\tra\tdec\nx\t12h3m4s\t-1d2m3s\n".encode("utf-16")


# -- forms of tables --------------------------------------------------------------


def forms(data: bytes) -> None:
    """Read every table of a file to its end, also with the user's own separators."""
    path = written("table", data)
    for delimiter in ("", "blank", ","):
        options = ReadOptions(delimiter=delimiter)
        with (
            suppress(HarvesterError),
            path.open("rb") as file,
            open_tables(path, file, options, scratch=HERE) as sheets,
        ):
            for sheet in sheets:
                names = list(sheet.table.column_names)
                assert len(set(names)) == len(names)
                assert {*sheet.units, *sheet.frames} <= {*names}
                rows = sum(part.num_rows for part in sheet.table.to_batches(2))
                assert rows == sheet.table.num_rows == len(sheet.lines)


def form_seeds() -> Iterable[bytes]:
    """Give a text in each form that is recognised by its marks."""
    rows = "1 18.2 150.1 +2.25\n2 19.5 150.2 -2.5\n"
    bars = "".join(f"| {' | '.join(line.split())} |\n" for line in rows.splitlines())
    tabs = rows.replace(" ", "\t")
    numbered = "# 1 n  Number  [count]\n# 2 mag\n# 3 ra  RA  [deg]\n# 4 dec\n"
    yield f"{numbered}{rows}".encode()
    yield (
        b"\\EQUINOX = 1950.0\n|n  |mag |ra   |dec  |\n|int|real|double|double|\n"
        b"|   |mag |deg  |deg  |\n 1   18.2 150.1 +2.25\n"
    )
    yield b"|n |ra   |\n|i |d    |\n  1 150.1\n"
    line = "-" * 40
    yield (
        f"Title: t\nByte-by-byte Description of file: t.dat\n{line}\n"
        f" Bytes Format Units Label Explanations\n{line}\n"
        f" 1- 2 I2 h RAh Hour of right ascension (B1950)\n"
        f" 4- 6 A3 --- N ?=abc Name\n{line}\n01 abc\n02 xyz\n"
    ).encode()
    yield f"n\tmag\tra\tdec\n5N\t5N\t5N\t5S\n{tabs}".encode()
    described = "#Column\tra\t(F5.1)\tRight ascension (FK4, Equinox=B1950.0)\n"
    header = "n\tmag\tra\tdec\n\tmag\tdeg\tdeg\n-\t-\t-\t-\n"
    table = f"#Table\tt:\n#Name: t\n{described}{header}"
    yield f"{table}{tabs}\n{table}{tabs}#INFO\tQUERY_STATUS=OVERFLOW\n".encode()
    ruler = "+---+---+---+---+\n"
    yield f"{ruler}| n | mag | ra | dec |\n{ruler}{bars}".encode()
    yield f"| n | m | ra | dec |\n|---|:-:|---|---|\n{bars}".encode()
    yield b" n | ra\n---+----\n   | 1.5\n 2 |    \n(2 rows)\n"
    yield f"= ==== ===== =====\nn mag  ra    dec\n= ==== ===== =====\n{rows}".encode()
    yield f"n mag ra dec\n  mag deg deg\n- ---- ----- -----\n{rows}".encode()
    yield f"% (1) n\n% (2) mag\n% (3) ra\n% (4) dec\n{rows}".encode()
    yield f"# n mag ra dec\n# - mag deg deg\n{rows}".encode()
    yield b"n;RA (h);DE [rad]\n;h;rad\n007;1,5;2,5\n"
    yield b"fk5\ncircle(1,2,3)\n"
    columns = [fits.Column("a", "3A", dim="(1)", array=["abc"]), fits.Column("b", "D")]
    tables = [fits.BinTableHDU.from_columns(columns, name=name) for name in "xy"]
    yield _fits(fits.PrimaryHDU(), *tables)
    yield (
        b"<?xml version='1.0'?><VOTABLE version='1.3'><RESOURCE><COOSYS ID='c' "
        b"system='eq_FK4' equinox='B1950'/><TABLE name='t'><FIELD name='ra' ref='c' "
        b"datatype='double' unit='HOURANGLE'/><DATA><TABLEDATA><TR><TD>1.5</TD></TR>"
        b"</TABLEDATA></DATA></TABLE><INFO name='QUERY_STATUS' value='OVERFLOW'/>"
        b"</RESOURCE></VOTABLE>"
    )
    yield (
        b"# %ECSV 1.0\n# ---\n# datatype:\n# - {name: ra, unit: h, datatype: float64}\n"
        b"# meta: {EQUINOX: 1950}\nra\nnull\n1.5\n"
    )


# -- heads of replies -------------------------------------------------------------


def heads(data: bytes) -> None:
    """Read the headers of a reply: Retry-After, ranges, redirects."""
    fields = data.decode("utf-8", "surrogateescape").split("\n")
    names = ("Retry-After", "Date", "Content-Range", "ETag", "Location")
    headers = CIMultiDict(zip(names, fields, strict=False))
    wait_s = retry_after(headers.get("Retry-After"), date=headers.get("Date"), now=1e9)
    assert wait_s is None or 0 < wait_s <= LONGEST_S
    response = SimpleNamespace(
        status=206, headers=headers, content_length=None, url=URL("https://a.example/f")
    )
    with suppress(HarvesterError):
        assert RangeIntake(100, 200, "")._check(response) > 0
    file = PartialFile(HERE / "file", 1000, 3, None)
    file._size = 100
    file._fits(response)
    guard = Guard([URL(base) for base in SERVICES.values()])
    with suppress(HarvesterError):
        url = guard.follow(URL("https://mast.stsci.edu/x"), headers.get("Location", ""))
        assert url.scheme == "https"
        assert url.user is None


def head_seeds() -> Iterable[bytes]:
    """Give valid headers, and numbers that are too large."""
    date = "Mon, 23 Nov 2026 12:00:00 GMT"
    yield f'4\n{date}\nbytes 100-199/1000\n"v1"\nhttps://mast.stsci.edu/y'.encode()
    yield f'{date}\n{date}\nbytes 100-199/*\nW/"v1"\n../z?uri=a#b'.encode()
    yield f"{LONG}\n{date}\nbytes 100-{LONG}/{LONG}\nv\n//s3.amazonaws.com".encode()


# -- answers to queries -----------------------------------------------------------


def replies(data: bytes) -> None:
    """Check a reply as before astroquery reads it."""
    reply = Reply(200, {}, data, "https://mast.stsci.edu/x")
    is_html(data)
    queries = (b"colConfigId=Mast.Caom.Cone", b'request={"page": 1, "pagesize": 9}')
    for look in (check_mast, check_skyserver):
        with suppress(HarvesterError):
            look(reply)
    for query in queries:
        with suppress(HarvesterError):
            check_mast(reply, query)
    bucket = "https://s3.amazonaws.com/stpubdata"
    with suppress(HarvesterError):
        for answer in json_of(reply).values():
            for mirror in CopySampling("/hst/public").copies(answer, bucket) or ():
                assert mirror.startswith(f"{bucket}/hst/")
                assert ".." not in mirror


def reply_seeds() -> Iterable[bytes]:
    """Give replies of MAST and SkyServer, also errors."""
    yield json.dumps({"status": "COMPLETE", "data": [{"obsid": 1}]}).encode()
    yield json.dumps({"status": "ERROR", "msg": "no"}).encode()
    yield b'{"status": "EXECUTING"}'
    yield b'["ERROR", "EXECUTING"]'
    key = {"status_code": 200, "path": "/hst/public/ib6d/ib6d01/x_drz.fits"}
    yield json.dumps({"mast:HST/x": key, "y": {"status_code": 404}}).encode()
    yield b'{"ERROR":"EXECUTING","a":' + b"[" * 3000
    yield b'{"ERROR":"EXECUTING","a":' + LONG.encode()
    yield b"#Table1\nname,run,rerun,camcol,field\nt0,1739,301,3,315\n"
    yield b"#Table1\nerror_message\nMaximum 60 queries allowed per minute"
    yield b"<!DOCTYPE html><html>"


# -- settings ---------------------------------------------------------------------


def settings(data: bytes) -> None:
    """Read a settings file, write the result, and read it again."""
    with suppress(HarvesterError):
        read = load_settings(written("settings.toml", data))
        read.identity_hash()
        for archive in ("sdss", "hst"):
            read.spec(archive)
        again = load_settings(written("again.toml", read.to_toml().encode()))
        assert again == read


def setting_seeds() -> Iterable[bytes]:
    """Give all settings, and files that are hard to read."""
    yield load_settings().to_toml().encode()
    yield b'surveys = ["sdss:u,g", "hst:WFC3/IR:F160W"]\ncutout.sizes.hst = "124px"\n'
    yield b"services.mast.rate = inf\nservices.s3 = 5\n"
    yield b"a = " + b"[" * 3000
    yield b"a = " + LONG.encode()
    yield f'cutout.size = "{LONG}arcsec"'.encode()


TARGETS = {
    "regions": Target(regions, region_seeds),
    "frames": Target(frames, frame_seeds),
    "blocks": Target(blocks, block_seeds),
    "tables": Target(tables, table_seeds),
    "forms": Target(forms, form_seeds),
    "heads": Target(heads, head_seeds),
    "parts": Target(parts, part_seeds),
    "replies": Target(replies, reply_seeds),
    "settings": Target(settings, setting_seeds),
}
