"""The WAL files that SQLite keeps beside a ledger while it is open."""

from __future__ import annotations

from harvester.ledger.file import create_ledger, remove_log
from harvester.ledger.view import LedgerView
from harvester.models import Survey


def make_ledger(folder):
    """Make a ledger."""
    path = folder / "ledger.sqlite"
    survey = Survey.parse("sdss:r")
    create_ledger(path, targets=[], rejects=[], surveys=[survey], facts={"a": "b"})
    return path


def names(folder):
    """List the names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_nothing_is_left(tmp_path):
    """A reader makes the WAL files, and removes them when no process needs them."""
    path = make_ledger(tmp_path)
    with LedgerView.open(path) as view:
        assert view.facts() == {"a": "b"}
        assert len(names(tmp_path)) == 3
    assert names(tmp_path) == ["ledger.sqlite"]


def test_while_it_is_read(tmp_path):
    """The WAL files stay while another reader has the ledger open."""
    path = make_ledger(tmp_path)
    with LedgerView.open(path) as view:
        assert view.facts() == {"a": "b"}
        with LedgerView.open(path) as other:
            assert other.facts() == {"a": "b"}
        assert len(names(tmp_path)) == 3
        assert view.facts() == {"a": "b"}
    assert names(tmp_path) == ["ledger.sqlite"]


def test_ledger_that_cannot_be_read(tmp_path):
    """A file that is not a ledger is left as it is."""
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"no ledger" * 1000)
    remove_log(path)
    assert names(tmp_path) == ["ledger.sqlite"]
