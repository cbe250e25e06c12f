"""MAST: incomplete answers are requested again in other parts, and never used."""

from __future__ import annotations

import copy
import itertools

import pytest
from astroquery.mast import discovery_portal
from proxy import F160W, archive, chosen, is_list, kind, located, proxied

from harvester.errors import InputError, OutageError, TransientError
from harvester.models import Ask, Survey, Target


async def reference(tmp_path):
    """Give the result without any edits."""
    async with (
        proxied() as (sandbox, proxy),
        archive(sandbox, proxy, tmp_path) as mast,
    ):
        return chosen(await located(mast, sandbox))


@pytest.fixture
async def truth(tmp_path_factory):
    """Give the result without any edits."""
    return await reference(tmp_path_factory.mktemp("truth"))


async def found_with(edit, tmp_path):
    """Locate through a proxy with this edit; give the result and the proxy."""
    async with proxied() as (sandbox, proxy):
        proxy.edit = edit
        async with archive(sandbox, proxy, tmp_path) as mast:
            return chosen(await located(mast, sandbox)), proxy


def emptied(answer):
    """Remove all rows, and adapt the paging."""
    paging = answer["paging"] | {"rows": 0, "rowsFiltered": 0, "rowsTotal": 0}
    return answer | {"data": [], "paging": paging}


def nameless(answer):
    """Remove the names of files."""
    for row in answer["data"]:
        row["dataURL"] = None
    return answer


# -- lists ------------------------------------------------------------------------


async def test_short_list(tmp_path, truth):
    """A list shorter than the count is requested again in parts."""

    def edit(asked, answer):
        return emptied(answer) if asked and kind(asked) == "list" else answer

    found, proxy = await found_with(edit, tmp_path)
    assert found == truth
    assert any(found.values())
    assert proxy.kinds == ["count", "list", "part", "part"]


async def test_list_that_lacks_rows(tmp_path, truth):
    """Overlapping parts complete a list, each image once."""
    lacking = itertools.count()

    def edit(asked, answer):
        if is_list(asked) and answer["data"]:
            answer["data"].pop(next(lacking) % len(answer["data"]))
            rows = len(answer["data"])
            answer["paging"] |= dict.fromkeys(
                ("rows", "rowsFiltered", "rowsTotal"), rows
            )
        return answer

    found, _ = await found_with(edit, tmp_path)
    assert found == truth


async def test_list_stays_short(tmp_path):
    """A list that stays short is an error, after a handful of requests."""

    def edit(asked, answer):
        return emptied(answer) if is_list(asked) else answer

    async with proxied() as (sandbox, proxy):
        proxy.edit = edit
        async with archive(sandbox, proxy, tmp_path) as mast:
            with pytest.raises(OutageError, match=r"counts \d+ images .* lists 0"):
                await located(mast, sandbox)
    assert len(proxy.kinds) == 5


async def test_count_of_nothing(tmp_path, truth):
    """If the count is 0 but the list has images, the list is used."""

    def edit(asked, answer):
        if asked and kind(asked) == "count":
            answer["data"] = [{"Column1": 0}]
        return answer

    found, proxy = await found_with(edit, tmp_path)
    assert found == truth
    assert proxy.kinds == ["count", "list"]


def _nothing(asked, answer):
    """Remove all images of the survey from count and list."""
    if asked and kind(asked) == "count":
        answer["data"] = [{"Column1": 0}]
    return emptied(answer) if is_list(asked) else answer


@pytest.mark.parametrize("is_official", [True, False])
async def test_nothing_where_much_must_be(tmp_path, is_official):
    """An empty list is an error for a filter that has images."""
    async with proxied() as (sandbox, proxy):
        proxy.edit = _nothing
        async with archive(sandbox, proxy, tmp_path) as mast:
            assert not mast._queries.is_official
            mast._queries.is_official = is_official
            with pytest.raises(OutageError, match="lists no image of"):
                await located(mast, sandbox)
    assert proxy.kinds == ["count", "list"] + ["sample"] * (not is_official)


async def test_nothing_anywhere(tmp_path):
    """A sandbox without images of HST gives no coverage, not an error."""
    async with (
        proxied(hst_images=False) as (sandbox, proxy),
        archive(sandbox, proxy, tmp_path) as mast,
    ):
        findings = await located(mast, sandbox)
    assert not any(finding.choices for finding in findings.values())
    assert proxy.kinds == ["count", "list", "sample"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"page": 2},
        {"page": "1"},
        {"page": None},
        {"pagesFiltered": None},
        {"rows": 1},
        {"rowsFiltered": 10**6},
        {"rowsFiltered": 0},
        {"pageSize": 1},
    ],
)
async def test_another_page(tmp_path, wrong):
    """Another page than requested, or a part of one, is refused."""

    def edit(asked, answer):
        if is_list(asked):
            answer["paging"] |= wrong
        return answer

    async with proxied() as (sandbox, proxy):
        proxy.edit = edit
        async with archive(sandbox, proxy, tmp_path) as mast:
            with pytest.raises(TransientError):
                await located(mast, sandbox)
    assert len(proxy.kinds) < 12


@pytest.mark.parametrize(
    "answer",
    [
        {"data": None},
        {"data": [1]},
        {"fields": [1]},
        {"fields": [{"name": "obsid"}]},
        {"fields": [{"name": "obsid", "type": "string"}]},
        {"fields": []},
        {"paging": None},
        {"status": "COMPLETED"},
        {"status": None},
    ],
)
async def test_another_shape(tmp_path, answer):
    """JSON that is not the requested table is a transient error."""

    def edit(asked, whole):
        return whole | answer if is_list(asked) else whole

    async with proxied() as (sandbox, proxy):
        proxy.edit = edit
        async with archive(sandbox, proxy, tmp_path) as mast:
            with pytest.raises(TransientError, match="the reply from"):
                await located(mast, sandbox)


async def test_page_one_for_ever(tmp_path, monkeypatch):
    """If every page claims to be page 1, few requests are sent."""
    monkeypatch.setattr("harvester.archives.mast.listing._PAGE", 5)

    def edit(asked, answer):
        if is_list(asked):
            answer["paging"]["page"] = 1
        return answer

    async with proxied(per_image=2) as (sandbox, proxy):
        proxy.edit = edit
        async with archive(sandbox, proxy, tmp_path) as mast:
            with pytest.raises(OutageError, match="instead of page 2"):
                await located(mast, sandbox)
    assert len(proxy.kinds) < 30


async def test_too_much_at_once(tmp_path, truth):
    """A list with a gateway timeout is requested in halves, without waiting."""

    def edit(asked, answer):
        return 504 if asked and kind(asked) == "list" else answer

    found, proxy = await found_with(edit, tmp_path)
    assert found == truth
    assert proxy.kinds == ["count", "list", "part", "part"]


# -- products ---------------------------------------------------------------------


def _other_parent(rows, parent):
    for row in rows:
        row["parent_obsid"] = parent
    return rows


def _rotated(rows):
    parents = sorted({row["parent_obsid"] for row in rows})
    following = dict(zip(parents, parents[1:] + parents[:1], strict=True))
    for row in rows:
        row["parent_obsid"] = following[row["parent_obsid"]]
    return rows


def _only_names(rows):
    for row in rows:
        row["parent_obsid"] = row["obsID"] = "0"
    return rows


@pytest.mark.parametrize(
    "lose",
    [
        lambda rows: _other_parent(rows, "0"),
        lambda rows: _other_parent(rows, None),
        lambda rows: _other_parent(rows, "99"),
        _rotated,
        _only_names,
    ],
    ids=["0", "none", "other", "each other's", "names"],
)
async def test_lost_parents(tmp_path, truth, lose):
    """Products without their observation are matched by their own number."""

    def edit(asked, answer):
        if is_list(asked):
            return nameless(answer)
        if asked and kind(asked) == "products":
            lose(answer["data"])
        return answer

    found, _ = await found_with(edit, tmp_path)
    assert found == truth


def _of(asked):
    return asked["params"]["obsid"].split(",")


def _left_out(answer, obsid):
    """Remove the products of an observation."""
    rows = [row for row in answer["data"] if row["parent_obsid"] != obsid]
    answer["data"] = rows
    counts = dict.fromkeys(("rows", "rowsFiltered", "rowsTotal"), len(rows))
    answer["paging"] |= counts
    return answer


async def test_products_left_out(tmp_path, truth):
    """Observations without products are requested again, fewer at a time."""
    batches = []

    def edit(asked, answer):
        if is_list(asked):
            return nameless(answer)
        if asked and kind(asked) == "products":
            batches.append(_of(asked))
            if len(batches[-1]) > 1:
                return _left_out(answer, batches[0][0])
        return answer

    found, _ = await found_with(edit, tmp_path)
    assert found == truth
    # Only the observations that were left out are requested singly.
    assert batches[1:] == [[batches[0][0]]]


async def test_products_never_told(tmp_path, truth):
    """Galaxies in an image without a known file wait; others are located."""
    lost = []

    def edit(asked, answer):
        if is_list(asked):
            return nameless(answer)
        if asked and kind(asked) == "products":
            lost[:] = lost or _of(asked)[:1]
            return _left_out(answer, lost[0])
        return answer

    findings = {}
    async with proxied() as (sandbox, proxy):
        proxy.edit = edit
        async with archive(sandbox, proxy, tmp_path) as mast:
            with pytest.raises(OutageError, match="does not tell which files"):
                await _collect(mast, sandbox, findings)
            some = chosen(findings)
        waiting = truth.keys() - some.keys()
        assert waiting
        assert all(names == truth[number] for number, names in some.items())
        proxy.edit = lambda _asked, answer: answer
        async with archive(sandbox, proxy, tmp_path) as mast:
            assert chosen(await located(mast, sandbox)) == truth


async def _collect(mast, sandbox, findings):
    asks = [
        Ask(Target(n, f"g{n}", one.ra, one.dec, f"g{n}"))
        for n, one in enumerate(sandbox.sky.galaxies)
    ]
    async for batch in mast.locate(F160W, asks):
        findings.update({finding.target.number: finding for finding in batch})


@pytest.mark.parametrize(
    "refusal",
    [504, {"status": "ERROR", "msg": "Timeout expired.", "data": [], "fields": []}],
    ids=["504", "ERROR"],
)
async def test_products_are_halved(tmp_path, truth, refusal):
    """Failed queries are halved; answered observations are not asked again."""
    answered = []

    def edit(asked, answer):
        if is_list(asked):
            return nameless(answer)
        if asked and kind(asked) == "products":
            if len(_of(asked)) > 1:
                return copy.deepcopy(refusal)
            answered.extend(_of(asked))
        return answer

    found, _ = await found_with(edit, tmp_path)
    assert found == truth
    assert len(answered) == len(set(answered)) > 2


# -- rows -------------------------------------------------------------------------


@pytest.mark.parametrize("flag", [True, "true", "True", 1])
async def test_moving_targets(tmp_path, flag):
    """An image of a planet or comet is not cut, and is given as the reason."""

    def edit(asked, answer):
        if is_list(asked):
            for row in answer["data"]:
                row["mtFlag"] = flag
                row["dataRights"] = "PUBLIC"
        return answer

    async with proxied() as (sandbox, proxy):
        proxy.edit = edit
        async with archive(sandbox, proxy, tmp_path) as mast:
            findings = await located(mast, sandbox)
    assert not any(one.choices for one in findings.values())
    assert {one.reason for one in findings.values()} == {"", "moving_target"}


@pytest.mark.parametrize("exposure", [None, 0.0, 0.5, 2e5, -1.0, "NaN"])
async def test_exposure_that_says_nothing(tmp_path, exposure):
    """An image with an unknown exposure is used, after others with a whole stamp."""

    def edit(asked, answer):
        if is_list(asked):
            (whole, *_), rest = answer["data"][:1], answer["data"][1:]
            ra, dec = whole["s_ra"], whole["s_dec"]
            whole |= {"t_exptime": exposure, "s_region": f"CIRCLE {ra} {dec} 0.03"}
            for row in rest:
                row["s_region"] = f"CIRCLE {ra} {dec} 0.0005"
            whole |= {"dataRights": "PUBLIC"}
            places.append((ra, dec, whole["dataURL"].rpartition("/")[2]))
        return answer

    places = []
    async with proxied(per_image=4) as (sandbox, proxy):
        proxy.edit = edit
        async with archive(sandbox, proxy, tmp_path) as mast:
            await located(mast, sandbox)
            ra, dec, name = places[0]
            ask = Ask(Target(0, "g", ra, dec, "g"))
            ((finding,),) = [batch async for batch in mast.locate(F160W, [ask])]
    assert len(finding.choices["F160W"]) > 1
    assert finding.choices["F160W"][0].name == name


async def test_columns_described_badly_once(tmp_path, truth):
    """A wrong description of columns is requested again, and not kept."""
    described = itertools.count()

    def edit(asked, answer):
        is_first = asked is None and not next(described)
        return {"Message": {"text": "There was an error."}} if is_first else answer

    kept = dict(discovery_portal.PortalAPI._column_configs)
    async with proxied() as (sandbox, proxy):
        proxy.edit = edit
        async with archive(sandbox, proxy, tmp_path) as mast:
            with pytest.raises(TransientError, match="describe"):
                await located(mast, sandbox)
            assert chosen(await located(mast, sandbox)) == truth
    assert kept == discovery_portal.PortalAPI._column_configs


@pytest.mark.parametrize("missing", ["filters", "intentType"])
async def test_column_missing_once(tmp_path, truth, missing):
    """A description that lacks a column is removed from astroquery's cache."""
    described = itertools.count()

    def edit(asked, answer):
        if asked is None and not next(described):
            del answer[missing]
        return answer

    async with proxied() as (sandbox, proxy):
        proxy.edit = edit
        async with archive(sandbox, proxy, tmp_path) as mast:
            with pytest.raises(TransientError, match=missing):
                await located(mast, sandbox)
            assert chosen(await located(mast, sandbox)) == truth


async def test_still_working_at_the_end(tmp_path, truth, monkeypatch):
    """EXECUTING is recognised anywhere in the JSON, and polled with pauses."""
    monkeypatch.setattr("harvester.archives.bridge._LONGEST_POLL_S", 0.01)
    busy = iter(range(3))

    def edit(asked, answer):
        if is_list(asked) and next(busy, None) is not None:
            part = {"msg": "", "data": answer["data"][:2], "fields": answer["fields"]}
            return part | {"paging": None, "status": "EXECUTING"}
        return answer

    found, proxy = await found_with(edit, tmp_path)
    assert found == truth
    assert proxy.kinds == ["count", *["list"] * 4]


# -- names ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("survey", "words"),
    [
        ("hst:WFC3/IR:F16OW", "F160W"),
        ("hst:WFC3/IR:F999X", "F098M"),
        ("hst:WFC3/IR:F160W,F999X", "F098M"),
        ("hst:WFC3/IRR:F160W", "WFC3/IR"),
        ("hst:ACS/WFX:F814W", "ACS/WFC"),
    ],
)
async def test_unknown_names(tmp_path, survey, words):
    """An unknown instrument or filter is refused, with similar names."""
    survey = Survey.parse(survey)
    async with (
        proxied() as (sandbox, proxy),
        archive(sandbox, proxy, tmp_path, survey) as mast,
    ):
        with pytest.raises(InputError, match=f"Did you mean .*{words}"):
            await located(mast, sandbox, survey)
    assert len(proxy.kinds) <= 6


async def test_known_filter_without_images(tmp_path):
    """A rare filter without images is an answer, not an error."""
    survey = Survey.parse("hst:WFC3/IR:F164N")
    async with (
        proxied() as (sandbox, proxy),
        archive(sandbox, proxy, tmp_path, survey) as mast,
    ):
        findings = await located(mast, sandbox, survey)
    assert not any(finding.choices for finding in findings.values())
