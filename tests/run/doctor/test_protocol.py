"""The doctor asks archives for known products: what differs is said, with a remedy."""

from __future__ import annotations

import json

import pytest

from harvester.archives.registry import kind_of
from harvester.sandbox.server import SandboxOptions, run_in_thread

#: Seconds that a request may take if a fault keeps it waiting.
_SHORT_S = 3


def _surveys(service):
    """Give the option that makes the doctor ask a service, and few others."""
    is_sdss = service.startswith("sdss")
    return ("--survey=sdss:r",) if is_sdss else ("--survey=hst:WFC3/IR:F160W",)


def test_all_is_well(examined):
    """Nothing is wrong with archives that answer as the notes say."""
    surveys = ("sdss:r", "hst:WFC3/IR:F160W", "jwst:NIRCAM/IMAGE:F200W")
    report = examined(words=[f"--survey={one}" for one in surveys])
    assert (report.code, report.troubles()) == (0, [])
    well = {one["about"] for one in report.findings if one["level"] == "ok"}
    assert {"machine", "mast", "s3", "sdss-sas", "sdss-sky"} <= well


def test_archive_without_a_probe(examined, monkeypatch):
    """An archive of an earlier package is asked whether its services are reached."""
    monkeypatch.delattr(type(kind_of("sdss")), "probe")
    report = examined(words=["--survey=sdss:r"])
    assert (report.code, report.troubles()) == (0, [])
    notes = [one for one in report.findings if one["level"] == "note"]
    assert {"sdss-sas", "sdss-sky"} <= {one["about"] for one in notes}
    assert any("no product that could be asked for" in one["words"] for one in notes)


#: Fault, exit code, service that is named, and words of the finding.
_FAULTS = [
    ("status=503@mast", 5, "mast", "503"),
    ("status=500@sdss-sky", 5, "sdss-sky", "500"),
    ("status=403@sdss-sas", 5, "sdss-sas", "403"),
    ("status=429@s3:retry_after=60", 5, "s3", "429"),
    ("notfound@mast", 5, "mast", "404"),
    ("notfound@sdss-sas", 3, "sdss-sas", "404"),
    ("notfound@s3", 3, "s3", "404"),
    ("html@mast", 5, "mast", "page"),
    ("html@sdss-sas", 5, "sdss-sas", "page"),
    ("words@sdss-sky", 5, "sdss-sky", "per minute"),
    ("words@s3", 3, "s3", "byte ranges"),
    ("redirect=https://example.org/login@sdss-sas", 5, "sdss-sas", "example.org"),
    ("down@s3", 5, "s3", "closed the connection"),
    ("endless@s3", 3, "s3", "byte ranges"),
    ("endless@sdss-sas", 3, "sdss-sas", "first bytes"),
    ("reset@sdss-sas", 5, "sdss-sas", "connection broke"),
    ("truncate@mast", 5, "mast", "connection broke"),
    ("unterminated@s3", 5, "s3", "connection broke"),
    ("short@sdss-sas", 3, "sdss-sas", "a range of"),
    ("short@mast", 5, "mast", "damaged JSON"),
    ("long@sdss-sas", 3, "sdss-sas", "a range of"),
    ("bitflip@sdss-sas", 3, "sdss-sas", "bzip2"),
    ("bitflip@mast", 5, "mast", "damaged JSON"),
    ("bitflip@s3", 3, "mast", "copy in the bucket"),
    ("card=NAXIS=3@s3", 3, "mast", "copy in the bucket"),
    ("new-etag@s3", 3, "s3", "If-Range"),
    ("bad-range@s3", 3, "s3", "the bytes that were asked for"),
    ("bad-range@sdss-sas", 3, "sdss-sas", "the bytes that were asked for"),
    ("ignore-range@s3", 3, "s3", "byte ranges"),
    ("remade@s3:after_each=1", 3, "s3", "If-Range"),
    ("cut-off=0.01@sdss-sas", 3, "sdss-sas", "size"),
]


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "code", "service", "words"), _FAULTS, ids=[one[0] for one in _FAULTS]
)
def test_fault(examined, fault, code, service, words):
    """A fault of an archive is found, said with its service, and has a remedy."""
    report = examined(fault, words=_surveys(service))
    assert report.code == code, report.troubles()
    about = [text for name, text in report.troubles() if name == service]
    assert any(words in text for text in about), report.troubles()
    for one in report.findings:
        assert one["advice"] or one["level"] != "trouble"


@pytest.mark.long
@pytest.mark.parametrize("fault", ["hang", "slow=60", "stall", "trickle"])
@pytest.mark.parametrize("service", ["mast", "sdss-sas"])
def test_silence(examined, fault, service):
    """A service that does not answer in the time that one may take is named."""
    words = _surveys(service)
    examined(words=words)  # has the sandbox paint the frame
    report = examined(f"{fault}@{service}", words=words, wait_s=_SHORT_S)
    assert report.code == 5
    about = [text for name, text in report.troubles() if name == service]
    assert any(f"took longer than {_SHORT_S} s" in text for text in about), (
        report.troubles()
    )


def test_cool_down_is_kept(examined):
    """A service that asked to be left alone is not asked again before that time."""
    examined("status=429@s3:retry_after=60")
    report = examined()
    assert report.code == 5
    ((about, words),) = report.troubles()
    assert about == "s3"
    assert "cool-down" in words
    assert not next(one["requests"] for one in report.probes if one["service"] == "s3")


def test_what_only_is_told(examined):
    """What a harvest copes with is told, and is no trouble."""
    report = examined("no-length@s3")
    assert report.code == 0
    notes = [one["words"] for one in report.findings if one["level"] == "note"]
    assert any("no header content-length" in one for one in notes)


def test_one_sick_service(examined):
    """A service that is down keeps no other from being examined."""
    report = examined("down@sdss-sky")
    assert {about for about, _ in report.troubles()} == {"sdss-sky"}
    well = {one["about"] for one in report.findings if one["level"] == "ok"}
    assert {"mast", "s3", "sdss-sas"} <= well


def test_nothing_listens(examined):
    """An address at which nothing listens is said to refuse connections."""
    report = examined(urls={"s3": "http://127.0.0.1:9"})
    assert report.code == 5
    ((about, words),) = report.troubles()
    assert about == "s3"
    assert "cannot be reached" in words
    assert "firewall" in words


def test_mirrors(examined, archives, tmp_path):
    """Each address of a service is asked, and the one that fails is named."""
    dead = "http://127.0.0.1:9/mirror"
    report = examined(words=("--survey=sdss:r", f"--base-url=sdss-sas={dead}"))
    assert report.code == 5
    asked = {one["address"] for one in report.probes if one["service"] == "sdss-sas"}
    assert asked == {dead, archives.urls["sdss-sas"]}
    ((about, words),) = report.troubles()
    assert about == "sdss-sas"
    assert "127.0.0.1:9" in words


def test_real_frame(shared, tmp_path, examined):
    """The real frame is as the notes say, to its length."""
    options = SandboxOptions(frames=shared / "data/sdss")
    with run_in_thread(options) as real:
        urls = {name: real.urls[name] for name in ("sdss-sky", "sdss-sas")}
        report = examined(words=("--survey=sdss:r",), urls=urls)
    assert report.code == 0, report.troubles()
    words = " ".join(one["words"] for one in report.findings)
    assert "as our notes say" in words
    assert "another address" not in words
    assert "size" not in words


def test_evidence(examined, tmp_path, monkeypatch):
    """The evidence has what was asked and what came, and no secret."""
    monkeypatch.setenv("MAST_API_TOKEN", "CANARY")
    monkeypatch.setenv("HARVESTER__HST__TOKEN_ELSEWHERE", "true")
    report = examined("status=403@s3", "redirect=/a?token=CANARY2@sdss-sas")
    assert report.code == 5
    text = (tmp_path / "doctor-evidence.json").read_text("utf-8")
    assert "CANARY" not in text
    evidence = json.loads(text)
    requests = [one for probe in evidence["probes"] for one in probe["requests"]]
    statuses = {one["answer"]["status"] for one in requests}
    assert {200, 206, 302, 403} <= statuses
    files = [one for one in requests if one["answer"]["status"] == 206]
    assert all(len(one["answer"]["first_bytes_sha256"]) == 64 for one in files)
    assert all(dict(one["headers"])["Range"].startswith("bytes=0-") for one in files)
