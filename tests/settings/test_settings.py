"""Settings: which source overrides which, and which settings decide the data set."""

from __future__ import annotations

import pytest

from harvester.archives.registry import read_survey
from harvester.errors import InputError
from harvester.models import StampSize, Survey
from harvester.places import Places
from harvester.settings.settings import load_run_settings, load_settings


@pytest.fixture
def file(tmp_path):
    """Return a settings file."""
    path = tmp_path / "harvest.toml"
    path.write_text(
        'surveys = ["sdss:g,r"]\n'
        "[services.sdss_sas]\nrate = 3\nfiles = 2\n"
        '[cutout]\nsizes = {hst = "124px"}\n'
    )
    return path


def test_defaults():
    """By default HST and SDSS are harvested, with stamps of 15.84 arcsec."""
    settings = load_settings()
    assert [str(s) for s in settings.parsed_surveys()] == [
        "hst:WFC3/IR:F160W",
        "sdss:r",
    ]
    assert settings.spec("sdss").size == StampSize(15.84, "arcsec")
    assert settings.services.sdss_sky.rate == 1


def test_precedence(file, monkeypatch):
    """An option overrides the environment, and the environment overrides the file."""
    monkeypatch.setenv("HARVESTER__SERVICES__SDSS_SAS__RATE", "5")
    monkeypatch.setenv("HARVESTER__CUTOUT__MODE", "trim")
    settings = load_settings(file, cutout={"mode": "partial"})
    assert settings.services.sdss_sas.files == 2
    assert settings.services.sdss_sas.rate == 5
    assert settings.cutout.mode == "partial"
    assert settings.surveys == ["sdss:g,r"]


def test_round_trip(file, tmp_path):
    """The settings file beside a data set is read back as the same settings."""
    settings = load_settings(file, politeness={"contact": 'a "quoted" é'})
    again = tmp_path / "again.toml"
    again.write_text(settings.to_toml())
    assert load_settings(again) == settings


def test_identity():
    """Settings that change the data set change the identity; others do not."""
    plain = load_settings()
    assert (
        load_settings(work={"processes": 3}, politeness={"tries": 9}).identity_hash()
        == plain.identity_hash()
    )
    for change in (
        {"surveys": ["sdss:r"]},
        {"cutout": {"sizes": {"hst": "64px"}}},
        {"cutout": {"mode": "trim"}},
        {"sdss": {"release": 18}},
        {"hst": {"observations": "all"}},
        {"catalogue": {"ra": "RA2"}},
    ):
        assert load_settings(**change).identity_hash() != plain.identity_hash()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"surveys": ["galex:fuv"]}, "no archive 'galex'"),
        ({"surveys": ["sdss:q"]}, "SDSS has the bands"),
        ({"surveys": ["sdss:"]}, "no band"),
        ({"surveys": ["hst:F160W"]}, "need an instrument"),
        ({"surveys": ["hst:../x:F160W"]}, "is not the name of an instrument"),
        ({"surveys": ["hst:ACS/WFC:F606W", "hst:WFC3/UVIS:F606W"]}, "two runs"),
        ({"cutout": {"size": "40 parsec"}}, "124px"),
        ({"cutout": {"size": "0px"}}, "124px"),
        ({"cutout": {"size": "1.5px"}}, "whole"),
        ({"cutout": {"size": "181arcsec"}}, "--large"),
        ({"cutout": {"sizes": {"hst": "1025px"}}}, "hst have up to 1,025 x 1,025"),
        ({"catalogue": {"unit": "parsec"}}, "catalogue.unit"),
        ({"cutout": {"sizes": {"galex": "40px"}}}, "galex"),
        ({"work": {"processes": -1}}, "work.processes"),
        ({"wurk": {}}, "wurk"),
    ],
)
def test_bad_settings(settings, words):
    """An invalid setting is refused with a message that names it."""
    with pytest.raises(InputError, match=words):
        load_settings(**settings)


@pytest.mark.parametrize(
    "url",
    [
        "https://me:CANARY@h.org/x",
        "http://CANARY@h.org",
        "me:CANARY@h.org//x",
        "HTTPS://me:CANARY@h.org//x",
        "//:CANARY@h",
    ],
)
def test_password_in_an_address(tmp_path, url):
    """An address with a password is refused from any source, and never shown."""
    path = tmp_path / "harvest.toml"
    path.write_text(f'[services.s3]\nbase_url = "{url}"\n')
    given = {"services": {"s3": {"base_url": url}}}
    for file, flags in ((path, {}), (None, given)):
        with pytest.raises(InputError, match=r"s3\.base_url: .*no user name") as caught:
            load_settings(file, **flags)
        assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "http://[::1]:80/x@y", "https://h.org/a"])
def test_address(url):
    """Addresses without a password are accepted unchanged."""
    given = {"services": {"s3": {"base_url": url}}}
    assert load_settings(**given).services.s3.base_url == url


@pytest.mark.parametrize(
    "content",
    [
        *(b"surveys = ", b"\xff\xfe", None),
        *(b"a = " + b"[" * 3000, b"a = " + b"9" * 5000),  # limits of tomllib
    ],
)
def test_bad_file(tmp_path, content):
    """The error for an unreadable settings file names the file."""
    path = tmp_path / "harvest.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"harvest\.toml"):
        load_settings(path)


def test_surveys_of_one_instrument_merge():
    """Surveys of one instrument are merged into one with all bands."""
    settings = load_settings(surveys=["sdss:g", "sdss:r,g"])
    assert settings.parsed_surveys() == [Survey("sdss", "", ("g", "r"))]


@pytest.mark.parametrize(
    ("text", "scale", "pixels"),
    [
        ("15.84arcsec", 0.39595, 40),
        ("15.84arcsec", 0.1282, 124),
        ("15.84arcsec", 0.12842, 124),
        ("41", 0.396, 41),
        ("1arcsec", 1e-9, 1000),
    ],
)
def test_size_in_pixels(text, scale, pixels):
    """A size on the sky is rounded to whole pixels, equal for frames of one camera."""
    assert StampSize.parse(text).pixels(scale) == pixels


@pytest.mark.parametrize(
    "text", ["9" * 400 + "arcsec", "\u0664\u0660px", "0px", "-1px", "1.5px"]
)
def test_bad_sizes(text):
    """Sizes that are infinite, negative, zero or not a number are refused."""
    with pytest.raises(InputError, match="size"):
        StampSize.parse(text)
    with pytest.raises(InputError, match="size"):
        load_settings(cutout={"size": text})


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2arcmin", StampSize(120, "arcsec")),
        ("0.1 arcmin", StampSize(6, "arcsec")),
        ("2'", StampSize(120, "arcsec")),
        ('15.84"', StampSize(15.84, "arcsec")),
        ("0.05deg", StampSize(180, "arcsec")),
        ("64 pixels", StampSize(64, "px")),
    ],
)
def test_units_of_sizes(text, size):
    """A size on the sky may be given in any unit that people use for it."""
    assert StampSize.parse(text) == size
    assert StampSize.parse(str(size)) == size


@pytest.mark.parametrize("size", ["1025px", "20arcmin"])
def test_large_stamps_are_meant(size):
    """A size over the limit is taken where the user says that it is meant."""
    settings = load_settings(cutout={"size": size, "large": True})
    assert settings.spec("sdss").size == StampSize.parse(size)
    assert (
        settings.identity_hash()
        == load_settings(
            cutout={"size": size, "large": True, "mode": "partial"}
        ).identity_hash()
    )


def test_large_is_no_matter_of_archives_that_are_not_asked():
    """The limit for large stamps applies only to archives of the surveys."""
    settings = load_settings(surveys=["sdss:r"], cutout={"sizes": {"hst": "9000px"}})
    assert settings.spec("sdss").size == StampSize(15.84, "arcsec")


@pytest.mark.parametrize(
    ("text", "survey"),
    [
        ("wfc3/ir:f160w", None),
        ("hst:wfc3/ir:f160w,F140w", Survey("hst", "WFC3/IR", ("F160W", "F140W"))),
        (" HST : Acs/Wfc : f814w ", Survey("hst", "ACS/WFC", ("F814W",))),
        ("SDSS:R,g", Survey("sdss", "", ("r", "g"))),
    ],
)
def test_spelling_of_surveys(text, survey):
    """Names are converted to the spelling of the archive."""
    if survey is None:
        with pytest.raises(InputError, match="no archive"):
            read_survey(text)
        return
    assert read_survey(text) == survey
    assert load_settings(surveys=[text]).identity()["surveys"] == str(survey)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("HARVESTER__SDS__RELEASE", "12", "Did you mean HARVESTER__SDSS?"),
        ("HARVESTER_SDSS__RELEASE", "12", "Did you mean HARVESTER__SDSS?"),
        ("HARVESTER__SDSS_RELEASE", "12", "names no setting"),
        ("HARVESTER__SDSS__RELEASES", "12", "sdss.releases"),
        ("HARVESTER__SDSS", "12", "sdss"),
        ("HARVESTER__CUTOUT__SIZES", "{hst", "cutout"),
        ("HARVESTER__SURVEYS", '["sdss:r"', "surveys"),
        ("HARVESTER__SURVEYS", "sdss:q", "SDSS has the bands"),
    ],
)
def test_slips_in_the_environment(monkeypatch, name, value, words):
    """A wrong variable or value in the environment is refused; the error names it."""
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError) as caught:
        load_settings()
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "value", ["sdss:g hst:ACS/WFC:F814W", '["sdss:g","hst:ACS/WFC:F814W"]']
)
def test_surveys_of_the_environment(monkeypatch, value):
    """In the environment surveys are separated by blanks, or a JSON list."""
    monkeypatch.setenv("HARVESTER__SURVEYS", value)
    assert load_settings().surveys == ["sdss:g", "hst:ACS/WFC:F814W"]


def test_one_address_for_two_services():
    """Two services with the same address are refused as a typing error."""
    one = {"base_url": "http://127.0.0.1:8001"}
    with pytest.raises(InputError, match="mast and s3 were both given"):
        load_settings(
            services={"mast": one, "s3": {"base_url": "http://127.0.0.1:8001/"}}
        )


@pytest.mark.parametrize(
    ("surveys", "cutout", "told"),
    [
        (["sdss:r", "hst:WFC3/IR:F160W"], {}, "sdss"),
        (["sdss:r"], {"complete": False}, None),
        (["sdss:r"], {"mode": "trim"}, None),
        (["hst:WFC3/IR:F160W"], {}, None),
    ],
)
def test_completed_stamps(surveys, cutout, told):
    """That stamps are completed identifies a run only where it may change them."""
    settings = load_settings(surveys=surveys, cutout=cutout)
    assert settings.identity().get("complete") == told
    assert settings.spec(surveys[0].partition(":")[0]).complete == (told is not None)
    assert not settings.spec("hst").complete


def test_run_from_before(tmp_path):
    """A run of a version without completed stamps goes on without them."""
    places = Places(tmp_path)
    places.settings.write_text('surveys = ["sdss:r"]\n[cutout]\nmode = "partial"\n')
    assert "complete" not in load_run_settings(places).identity()
    asked = load_run_settings(places, cutout={"complete": True})
    assert asked.identity()["complete"] == "sdss"
    places.settings.write_text('surveys = ["sdss:r"]\n[cutout]\ncomplete = true\n')
    assert load_run_settings(places).identity()["complete"] == "sdss"
