"""Which frames stay on disk, with real files."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from harvester.errors import LocalError
from harvester.frames.cache import FrameCache, read_folder
from harvester.models import Product

#: Bytes of each frame.
SIZE = 10


def product(name):
    """Give the product of a file."""
    return Product("sdss", name, "r", "")


def use(cache, folder, *names):
    """Fetch frames unless they are on disk, and release them."""
    for name in names:
        cache.take(name)
        (folder / name).write_bytes(bytes(SIZE))
        cache.give_back(name, product(name))


def here(folder):
    """Name the frames on disk."""
    return sorted(path.name for path in folder.iterdir())


class Ledger:
    """Tells which frames are needed, and counts the frames in its queries."""

    def __init__(self, *wanted):
        self.wanted = set(wanted)
        self.asked = []

    async def still_wanted(self, products):
        """Give those of the products that are needed."""
        self.asked.append(len(products))
        return {("sdss", p.name) for p in products if p.name in self.wanted}


async def test_oldest_use_goes_first(tmp_path):
    """Of frames that no job needs the one used longest ago is removed."""
    cache = FrameCache(tmp_path, {}, budget=2 * SIZE)
    use(cache, tmp_path, "a", "b", "a", "c")
    await cache.make_room()
    assert here(tmp_path) == ["a", "c"]


async def test_room_is_enough(tmp_path):
    """While the frames fit, none is removed, and the ledger is not queried."""
    ledger = Ledger()
    cache = FrameCache(tmp_path, {}, budget=2 * SIZE, still_wanted=ledger.still_wanted)
    use(cache, tmp_path, "a", "b")
    await cache.make_room()
    assert here(tmp_path) == ["a", "b"]
    assert ledger.asked == []


async def test_what_an_earlier_process_left(tmp_path):
    """Files of an earlier process go after unneeded frames, before needed ones."""
    (tmp_path / "old").write_bytes(bytes(SIZE))
    ledger = Ledger("a")
    cache = FrameCache(
        tmp_path, read_folder(tmp_path), budget=2 * SIZE,
        still_wanted=ledger.still_wanted,
    )  # fmt: skip
    use(cache, tmp_path, "a", "b")
    await cache.make_room()
    assert here(tmp_path) == ["a", "old"]
    use(cache, tmp_path, "b")
    ledger.wanted.add("b")
    await cache.make_room()
    assert here(tmp_path) == ["a", "b"]


async def test_wanted_no_more(tmp_path):
    """A frame whose jobs have failed goes before an older one that is needed."""
    ledger = Ledger("a", "b", "c")
    cache = FrameCache(tmp_path, {}, budget=2 * SIZE, still_wanted=ledger.still_wanted)
    use(cache, tmp_path, "z", "a", "b")
    await cache.make_room()
    ledger.wanted.discard("b")
    use(cache, tmp_path, "c")
    await cache.make_room()
    assert here(tmp_path) == ["a", "c"]


async def test_used_while_the_ledger_is_asked(tmp_path):
    """A frame that comes into use during the query is not removed."""
    cache = None

    async def still_wanted(_products):
        cache.take("a")
        return set()

    cache = FrameCache(tmp_path, {}, budget=SIZE, still_wanted=still_wanted)
    use(cache, tmp_path, "a", "b")
    await cache.make_room()
    assert here(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("wanted", [False, True])
async def test_release_costs_the_same(tmp_path, monkeypatch, wanted):
    """With a full cache few frames are queried, and no other file is read."""
    names = [f"{n:04d}" for n in range(500)]
    ledger = Ledger(*names if wanted else ())
    cache = FrameCache(
        tmp_path, {}, budget=400 * SIZE, still_wanted=ledger.still_wanted
    )
    use(cache, tmp_path, *names[:400])
    monkeypatch.setattr(Path, "iterdir", None)
    for name in names[400:]:
        use(cache, tmp_path, name)
        await cache.make_room()
    monkeypatch.undo()
    assert here(tmp_path) == names[100:]
    # The first release may query all of them once, a constant cost for each frame.
    assert sum(ledger.asked) <= 400 + 100 * 2 * 21


async def test_file_that_is_gone(tmp_path):
    """A frame that another program removed is not counted."""
    cache = FrameCache(tmp_path, {}, budget=SIZE)
    use(cache, tmp_path, "a")
    (tmp_path / "a").unlink()
    await cache.make_room()
    use(cache, tmp_path, "b")
    cache.give_back("never-came", product("never-came"))
    cache.take("a")
    await cache.make_room()
    assert here(tmp_path) == ["b"]


def test_folder_is_read(tmp_path):
    """Complete frames stay, oldest first; partial and removed ones are deleted."""
    for at, name in enumerate(("b.fits", "a.fits", "c.part", "d.pixels", "e.gone")):
        (tmp_path / name).write_bytes(bytes(at))
        os.utime(tmp_path / name, (time.time(), time.time() + at))
    sizes = {name: kept.size for name, kept in read_folder(tmp_path).items()}
    assert list(sizes.items()) == [("b.fits", 0), ("a.fits", 1)]
    assert here(tmp_path) == ["a.fits", "b.fits"]


def test_no_folder(tmp_path):
    """A folder that cannot be made raises a local error."""
    (tmp_path / "frames").write_text("")
    with pytest.raises(LocalError, match="frames cannot be kept"):
        read_folder(tmp_path / "frames")
