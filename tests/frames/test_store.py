"""Frames on disk, fetched by the real transport from a loopback server."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from astropy.io import fits

from harvester.cutouts.frame_file import CorruptFrameError
from harvester.errors import LocalError, NotFoundError, PermanentError
from harvester.frames.store import FrameStore
from harvester.models import Product
from harvester.settings.settings import SERVICES
from harvester.transport.throttle import Manners
from harvester.transport.transport import Limits, Service, Transport


def fits_bytes(size=8):
    """Give a small FITS file."""
    header = fits.PrimaryHDU().header
    header["BITPIX"], header["NAXIS"], header["NAXIS1"] = 8, 1, 2880 * size
    return header.tostring().encode() + b"\0" * 2880 * size


def product(name="frame.fits", *, mirrors=()):
    """Give a product at the archive and its mirrors."""
    base = SERVICES["sdss-sas"]
    return Product(
        "sdss", name, "r", f"{base}/{name}", tuple(f"{base}/{m}" for m in mirrors)
    )


class Archive:
    """Serves files by name, and counts the requests."""

    def __init__(self, **files):
        self.files = files
        self.asked = []

    async def answer(self, request):
        """Give a file, or 404."""
        name = request.path.rsplit("/", 1)[-1]
        self.asked.append(name)
        if name not in self.files:
            raise web.HTTPNotFound
        return web.Response(body=self.files[name])


@asynccontextmanager
async def store(folder, archive, budget=10**9, **more):
    """Give a frame store with the archive."""
    app = web.Application()
    app.router.add_get("/{path:.*}", archive.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        base = SERVICES["sdss-sas"]
        url = str(server.make_url("/")).rstrip("/")
        service = Service("sdss-sas", base, url, Manners(1000, {"file": 4}))
        limits = Limits(tries=1, patience_s=1)
        async with Transport([service], version="test", limits=limits) as transport:
            yield await FrameStore.open(folder, transport, budget=budget, **more)


async def test_shared(tmp_path):
    """Several uses of a frame at the same time share one fetch."""
    archive = Archive(**{"frame.fits": fits_bytes()})

    async def use():
        async with frames.frame(product()) as frame:
            return frame.path.read_bytes()

    async with store(tmp_path / "frames", archive) as frames:
        contents = await asyncio.gather(*(use() for _ in range(5)))
    assert set(contents) == {fits_bytes()}
    assert archive.asked == ["frame.fits"]


async def test_put_aside(tmp_path, monkeypatch):
    """Frames that kill the worker are kept in quarantine, up to a number."""
    monkeypatch.setattr("harvester.frames.store._MOST_ASIDE", 2)
    names = [f"{n}.fits" for n in range(3)]
    archive = Archive(**dict.fromkeys(names, fits_bytes()))
    kept = []
    async with store(tmp_path / "frames", archive) as frames:
        for name in [*names, names[0]]:
            async with frames.frame(product(name)) as frame:
                kept.append(frames.put_aside(frame))
        await frames.clear()
    first, second, third, again = kept
    assert third is None
    assert again == first
    assert sorted((tmp_path / "quarantine").iterdir()) == sorted([first, second])
    assert first.read_bytes() == second.read_bytes() == fits_bytes()


async def test_nowhere_to_put_aside(tmp_path, caplog):
    """If a frame cannot be put into quarantine, a message says so; the run goes on."""
    archive = Archive(**{"frame.fits": fits_bytes()})
    (tmp_path / "quarantine").write_text("in the way")
    async with (
        store(tmp_path / "frames", archive) as frames,
        frames.frame(product()) as frame,
    ):
        assert frames.put_aside(frame) is None
    assert "the frame that ended a worker cannot be kept" in caplog.text


async def test_kept_over_a_restart(tmp_path):
    """A complete frame is used by the next process; a partial one is removed."""
    archive = Archive(**{"frame.fits": fits_bytes()})
    for _ in range(2):
        async with store(tmp_path / "frames", archive) as frames:
            async with frames.frame(product()):
                pass
            (tmp_path / "frames" / "other.fits.part").write_bytes(b"half")
    assert archive.asked == ["frame.fits"]
    async with store(tmp_path / "frames", archive):
        assert [p.suffix for p in (tmp_path / "frames").iterdir()] == [".fits"]


async def test_not_kept_over_a_reboot(tmp_path):
    """After a reboot frames are fetched again, because they may be torn."""
    archive = Archive(**{"frame.fits": fits_bytes()})
    for _ in range(2):
        async with (
            store(tmp_path / "frames", archive) as frames,
            frames.frame(product()) as frame,
        ):
            assert frame.path.read_bytes() == fits_bytes()
        frame.path.write_bytes(bytes(len(fits_bytes())))
        os.utime(frame.path, (0, 0))
    assert archive.asked == ["frame.fits"] * 2


async def test_budget(tmp_path):
    """Over the budget the oldest frames are removed, but none in use."""
    archive = Archive(**{f"{n}.fits": fits_bytes() for n in "abc"})
    size = len(fits_bytes())
    async with store(tmp_path / "frames", archive, budget=size) as frames:
        async with frames.frame(product("a.fits")) as first:
            for name in "bc":
                async with frames.frame(product(f"{name}.fits")):
                    pass
            assert first.path.exists()
        assert sum(p.stat().st_size for p in (tmp_path / "frames").iterdir()) <= size


async def use(frames, *names):
    """Use frames one after another."""
    for name in names:
        async with frames.frame(product(name)):
            pass


async def test_wanted_frames_stay(tmp_path):
    """Frames that a job needs are removed after all others, however old."""
    archive = Archive(**{f"{n}.fits": fits_bytes() for n in "abcd"})
    wanted = {("sdss", "a.fits"), ("sdss", "c.fits")}
    asked = []

    async def still_wanted(products):
        asked.append([product.name for product in products])
        return wanted

    options = {"budget": 2 * len(fits_bytes()), "still_wanted": still_wanted}
    async with store(tmp_path / "frames", archive, **options) as frames:
        await use(frames, "a.fits", "b.fits", "c.fits")
        await use(frames, "a.fits", "c.fits")
        assert archive.asked == ["a.fits", "b.fits", "c.fits"]
        wanted.add(("sdss", "d.fits"))
        await use(frames, "d.fits")
        # All are needed now, so the oldest one is removed.
        await use(frames, "c.fits", "d.fits")
        assert archive.asked == ["a.fits", "b.fits", "c.fits", "d.fits"]
        left = sorted(path.name for path in frames._folder.iterdir())
        assert sorted(frames._came) == left
    all_wanted = ["a.fits", "c.fits", "d.fits"]
    assert asked == [["a.fits", "b.fits", "c.fits"], all_wanted, all_wanted]


async def test_frames_of_an_earlier_process(tmp_path):
    """Frames of an earlier process go after finished ones, before needed ones."""
    archive = Archive(**{f"{n}.fits": fits_bytes() for n in "abcd"})

    async def still_wanted(_products):
        return {("sdss", "b.fits"), ("sdss", "d.fits")}

    async with store(tmp_path / "frames", archive) as frames:
        await use(frames, "a.fits")
    options = {"budget": 2 * len(fits_bytes()), "still_wanted": still_wanted}
    async with store(tmp_path / "frames", archive, **options) as frames:
        left = frames._path(product("a.fits"))
        await use(frames, "b.fits", "c.fits")
        assert left.exists()
        assert not frames._path(product("c.fits")).exists()
        await use(frames, "d.fits")
        assert not left.exists()


async def test_mirror_first(tmp_path):
    """The mirror is tried first, then the archive."""
    archive = Archive(**{"m.fits": fits_bytes(), "b.fits": fits_bytes(2)})
    async with store(tmp_path / "frames", archive) as frames:
        async with frames.frame(product("a.fits", mirrors=("m.fits",))) as frame:
            assert frame.path.read_bytes() == fits_bytes()
        async with frames.frame(product("b.fits", mirrors=("lacking.fits",))) as frame:
            assert frame.path.read_bytes() == fits_bytes(2)
    assert archive.asked == ["m.fits", "lacking.fits", "b.fits"]


async def test_not_there(tmp_path):
    """A frame that no host has is not found, and leaves no file."""
    async with store(tmp_path / "frames", Archive()) as frames:
        with pytest.raises(NotFoundError):
            async with frames.frame(product()):
                pass
    assert list((tmp_path / "frames").iterdir()) == []


async def test_discard(tmp_path):
    """A frame that turned out bad is fetched again."""
    archive = Archive(**{"frame.fits": fits_bytes()})
    async with store(tmp_path / "frames", archive) as frames:
        for _ in range(2):
            async with frames.frame(product()) as frame:
                frames.discard(product(), frame, PermanentError("bad_wcs", "no CRVAL"))
    assert archive.asked == ["frame.fits"] * 2


CORRUPT = CorruptFrameError("its bz2 data are damaged")


async def test_corrupt_at_source(tmp_path):
    """A frame with the same damage twice is given up, and not requested again."""
    archive = Archive(**{"frame.fits": fits_bytes()})
    async with store(tmp_path / "frames", archive) as frames:
        async with frames.frame(product()) as frame:
            frames.discard(product(), frame, CORRUPT)
        async with frames.frame(product()) as frame:
            with pytest.raises(
                PermanentError, match="2 downloads had the same damage"
            ) as caught:
                frames.discard(product(), frame, CORRUPT)
        assert caught.value.reason == "corrupt_at_source"
        with pytest.raises(
            PermanentError, match="2 downloads had the same damage: its bz2"
        ):
            async with frames.frame(product()):
                pass
    assert archive.asked == ["frame.fits"] * 2


async def test_corrupt_in_another_way(tmp_path):
    """Damage that differs between downloads is not the archive's."""
    archive = Archive()
    async with store(tmp_path / "frames", archive) as frames:
        for size in range(1, 6):
            archive.files["frame.fits"] = fits_bytes(size)
            async with frames.frame(product()) as frame:
                frames.discard(product(), frame, CORRUPT)
    assert archive.asked == ["frame.fits"] * 5


async def test_one_download_counts_once(tmp_path):
    """If two uses report the same damaged download, it counts once."""
    archive = Archive(**{"frame.fits": fits_bytes()})
    async with store(tmp_path / "frames", archive) as frames:
        async with frames.frame(product()) as one, frames.frame(product()) as other:
            frames.discard(product(), one, CORRUPT)
            frames.discard(product(), other, CORRUPT)
        async with frames.frame(product()) as frame:
            assert frame.path.exists()


async def test_frame_that_somebody_removed(tmp_path):
    """A frame that was removed from the disk is not damage at the archive."""
    archive = Archive(**{"frame.fits": fits_bytes()})
    async with store(tmp_path / "frames", archive) as frames:
        for _ in range(3):
            async with frames.frame(product()) as frame:
                frame.path.unlink()
                frames.discard(product(), frame, CORRUPT)
    assert archive.asked == ["frame.fits"] * 3


async def test_corrupt_at_the_mirror(tmp_path):
    """After a damaged frame from a mirror the archive is used."""
    archive = Archive(**{"m.fits": fits_bytes(), "frame.fits": fits_bytes(2)})
    asked = product(mirrors=("m.fits",))
    async with store(tmp_path / "frames", archive) as frames:
        async with frames.frame(asked) as frame:
            frames.discard(asked, frame, CORRUPT)
        async with frames.frame(asked) as frame:
            assert frame.path.read_bytes() == fits_bytes(2)
    assert archive.asked == ["m.fits", "frame.fits"]


@pytest.mark.parametrize("name", ["../../x.fits", "/etc/x.fits", "a\0.fits", "x" * 300])
async def test_names_never_become_paths(tmp_path, name):
    """Any product name gives a file in the store's folder."""
    archive = Archive()
    async with store(tmp_path / "frames", archive) as frames:
        path = frames._path(product(name))
    assert path.parent == tmp_path / "frames"
    assert path.name.removesuffix(".fits").isalnum()


async def test_clear(tmp_path):
    """When no frame is needed any more, the folder is removed."""
    archive = Archive(**{"frame.fits": fits_bytes()})
    async with store(tmp_path / "frames", archive) as frames:
        async with frames.frame(product()):
            pass
        await frames.clear()
    assert not (tmp_path / "frames").exists()


async def test_folder_that_cannot_be(tmp_path):
    """A folder that cannot be made raises a local error."""
    (tmp_path / "frames").write_text("")
    with pytest.raises(LocalError, match="frames cannot be kept"):
        async with store(tmp_path / "frames", Archive()):
            pass
