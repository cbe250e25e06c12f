"""Only a complete, unchanged, documented data set without private words is sent."""

from __future__ import annotations

import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from harvester.cli import main
from harvester.dataset.export.checksums import CHECKSUMS, write_checksums
from harvester.dataset.publish.audit import audit
from harvester.errors import InputError


def _refused(folder):
    with pytest.raises(InputError) as caught:
        audit(folder)
    assert "nothing was sent" in str(caught.value)
    return str(caught.value)


def test_sound(data_set):
    """A sound data set gives all its files, the card and the list last."""
    names = [file.name for file in audit(data_set)]
    assert names[:2] == ["flux.npy", "table.parquet"]
    assert names[2:] == ["CITATION.bib", "README.md", CHECKSUMS]


def test_missing(data_set):
    """A file of the list that is not there is named."""
    (data_set / "flux.npy").unlink()
    assert "flux.npy is missing" in _refused(data_set)


def test_changed(data_set):
    """One flipped bit is found."""
    content = bytearray((data_set / "flux.npy").read_bytes())
    content[-1] ^= 1
    (data_set / "flux.npy").write_bytes(content)
    assert "flux.npy is not what the export wrote" in _refused(data_set)


def test_link(data_set, tmp_path):
    """A link does not count as a file: its target may be anything."""
    (data_set / "flux.npy").rename(tmp_path / "flux.npy")
    (data_set / "flux.npy").symlink_to(tmp_path / "flux.npy")
    assert "flux.npy is missing" in _refused(data_set)


@pytest.mark.parametrize("name", ["ledger.sqlite", "harvest.toml", "sub/rejects.jsonl"])
def test_file_of_a_run(data_set, name):
    """The ledger and the settings are never sent, also if the list has them."""
    (data_set / name).parent.mkdir(exist_ok=True)
    (data_set / name).write_text("x")
    write_checksums(data_set)
    assert f"{name} is a file of a run" in _refused(data_set)


def test_stranger(data_set):
    """A file that the export did not write is named."""
    (data_set / "notes.txt").write_text("x")
    assert "notes.txt is not of the export" in _refused(data_set)


def test_card(data_set):
    """A card with an empty section, or without citations, is not complete."""
    readme = data_set / "README.md"
    text = readme.read_text()
    head, _, rest = text.partition("## Caveats\n")
    readme.write_text(f"{head}## Caveats\n\n## False{rest.partition('## False')[2]}")
    (data_set / "CITATION.bib").write_text("\n")
    write_checksums(data_set)
    said = _refused(data_set)
    assert "README.md has no section 'Caveats', or it is empty" in said
    assert "'False matches'" not in said
    assert "CITATION.bib has no entry" in said


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("hf_" + "a" * 34, "a token of a hub"),
        ("AKIA" + "A" * 16, "an access key"),
        ("somebody@example.org", "an e-mail address"),
        ("/home/astronomer/galaxies.fits", "a path of a home folder"),
        ("topsecretvalue", "the value of MAST_API_TOKEN"),
        (f"{pathlib.Path.cwd()}/x", "a path of this machine"),
    ],
)
@pytest.mark.parametrize("where", ["text", "column", "metadata"])
def test_private(data_set, monkeypatch, word, what, where):
    """Private words are found in texts and tables, and never repeated."""
    monkeypatch.setenv("MAST_API_TOKEN", "topsecretvalue")
    table = pa.table({"note": ["fine", f"see {word}"]})
    if where == "text":
        (data_set / "more.json").write_text(f'{{"note": "{word}"}}')
    elif where == "column":
        pq.write_table(table, data_set / "more.parquet")
    else:
        meta = {b"harvester": f'{{"catalogue": "{word}"}}'.encode()}
        table = pa.table({"n": [1]}).replace_schema_metadata(meta)
        pq.write_table(table, data_set / "more.parquet")
    write_checksums(data_set)
    said = _refused(data_set)
    assert f"has {what}" in said
    assert word not in said


def test_addresses_are_not_private(data_set):
    """Addresses of archives and names of files are no paths of this machine."""
    text = "https://archive.example.org/tmp/home/x.fits, ../home, a@1.fits, 3 @ 4"
    (data_set / "more.txt").write_text(text)
    write_checksums(data_set)
    assert "more.txt" in {file.name for file in audit(data_set)}


@pytest.mark.parametrize("content", [None, "nonsense\n", "12  flux.npy\n"])
def test_no_list(data_set, content):
    """Without a sound list of files there is nothing to publish."""
    (data_set / CHECKSUMS).unlink()
    if content:
        (data_set / CHECKSUMS).write_text(content)
    with pytest.raises(InputError, match=r"not an exported data set|is damaged"):
        audit(data_set)


def test_dry_run(data_set):
    """A dry run prints files, bytes and destination."""
    to = ["--to", "hf://astro/galaxies", "--dry-run"]
    done = CliRunner().invoke(main, ["publish", str(data_set), *to])
    assert done.exit_code == 0
    assert "Would send 5 files" in done.output
    assert "hf://astro/galaxies@main" in done.output
    assert "flux.npy" in done.output


def test_refusal_ends_with_2(data_set):
    """The command prints what the audit found, and ends with exit code 2."""
    (data_set / "notes.txt").write_text("x")
    to = ["--to", "hf://astro/galaxies", "--dry-run"]
    done = CliRunner().invoke(main, ["publish", str(data_set), *to])
    assert done.exit_code == 2
    assert "notes.txt is not of the export" in done.output
