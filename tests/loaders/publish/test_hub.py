"""A data set goes to a hub whole and once, and is read back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from small_data_set import contents_of, make_data_set
from stand_in_hub import TOKEN, Fault

from harvester.dataset.export.checksums import write_checksums

_TO = "hf://astro/galaxies"
_REPO = "astro/galaxies"


def _on(hub, branch="main"):
    files = hub.files(_REPO, branch)
    files.pop(".gitattributes")
    return files


def test_whole(hub, to_hub, data_set):
    """Every file is on the hub with its bytes, and the reload says so."""
    code, output, errors = to_hub(data_set, "--to", _TO)
    assert (code, errors) == (0, "")
    assert _on(hub) == contents_of(data_set)
    commit = hub.repos[_REPO]["main"][-1]["oid"]
    assert f"revision {commit}" in output
    assert "7 files sent" in output
    assert "labels and pixels of 120 rows are the same" in output


def test_card_comes_last(hub, to_hub, data_set):
    """No commit has a card without all the data."""
    to_hub(data_set, "--to", _TO)
    _, first, last = hub.repos[_REPO]["main"]
    assert {"README.md", "SHA256SUMS"} & set(first["files"]) == set()
    assert {"README.md", "SHA256SUMS", "CITATION.bib"} < set(last["files"])


def test_clients_own_download(to_hub, data_set, tmp_path):
    """The hub's own client downloads the pinned revision with the same bytes."""
    _, output, _ = to_hub(data_set, "--to", _TO, "--json")
    revision = json.loads(output)["revision"]
    code = (
        "import huggingface_hub as h, sys; h.snapshot_download(sys.argv[1], "
        "repo_type='dataset', revision=sys.argv[2], local_dir=sys.argv[3])"
    )
    command = [sys.executable, "-c", code, _REPO, revision, str(tmp_path / "copy")]
    subprocess.run(command, env=to_hub.environment, check=True, capture_output=True)
    shutil.rmtree(tmp_path / "copy" / ".cache")
    (tmp_path / "copy" / ".gitattributes").unlink()
    assert contents_of(tmp_path / "copy") == contents_of(data_set)


def test_again(hub, to_hub, data_set):
    """The same command again sends nothing and makes no commit."""
    to_hub(data_set, "--to", _TO)
    commits, received = len(hub.repos[_REPO]["main"]), dict(hub.received)
    code, output, _ = to_hub(data_set, "--to", _TO)
    assert code == 0
    assert "0 files sent" in output
    assert (len(hub.repos[_REPO]["main"]), dict(hub.received)) == (commits, received)


def test_branch_and_privacy(hub, to_hub, data_set):
    """A branch is made, and a new data set is private if that was asked for."""
    code, _, _ = to_hub(data_set, "--to", f"{_TO}@v1.0", "--private")
    assert code == 0
    assert _on(hub, "v1.0") == contents_of(data_set)
    assert set(_on(hub)) == set()
    assert hub.repos[_REPO]["asked"]["visibility"] == "private"


def test_dry_run(hub, to_hub, data_set):
    """A dry run lists what would be sent, and sends no request at all."""
    code, output, errors = to_hub(data_set, "--to", _TO, "--dry-run", "--json")
    assert (code, errors, hub.requests) == (0, "", [])
    plan = json.loads(output)
    sizes = {one["name"]: one["bytes"] for one in plan["files"]}
    assert sizes == {name: len(data) for name, data in contents_of(data_set).items()}
    assert plan["bytes"] == sum(sizes.values())


def test_large_file_in_parts(hub, to_hub, tmp_path):
    """A file that is sent in parts arrives whole."""
    data_set = make_data_set(tmp_path / "large", galaxies=100)
    code, output, errors = to_hub(data_set, "--to", _TO)
    assert (code, errors) == (0, ""), output
    assert len(hub.parts) > 3
    assert _on(hub) == contents_of(data_set)


def test_rate_limit(hub, to_hub, data_set):
    """A limited client waits as long as RateLimit says, then continues."""
    hub.faults += [
        Fault("POST", "/preupload/", "limit", seconds=2),
        Fault("POST", "/commit/", "limit", seconds=2),
        Fault("POST", "/api/repos/create", "later", seconds=2),
        Fault("GET", "/tree/", "last", seconds=2),
    ]
    code, output, _ = to_hub(data_set, "--to", _TO)
    assert (code, hub.too_early) == (0, [])
    assert all(fault.times == 0 for fault in hub.faults)
    assert "limits requests" in output
    assert _on(hub) == contents_of(data_set)


def test_long_limit(hub, to_hub, data_set):
    """A wait of an hour is not taken: the command ends and says when to return."""
    hub.faults.append(Fault("POST", "/preupload/", "limit", times=9, seconds=3600))
    code, _, errors = to_hub(data_set, "--to", _TO)
    assert code == 5
    assert "asks to wait 60 minutes" in errors
    assert hub.too_early == []


@pytest.mark.parametrize("path", ["/lfs/", "/commit/", "/tree/", "/api/repos/create"])
def test_dropped_connection(hub, to_hub, data_set, path):
    """A connection that drops is opened again, and everything arrives."""
    method = {"/lfs/": "PUT", "/tree/": "GET"}.get(path, "POST")
    hub.faults.append(Fault(method, path, "drop"))
    code, output, _ = to_hub(data_set, "--to", _TO)
    assert code == 0, output
    assert hub.faults[0].times == 0
    assert _on(hub) == contents_of(data_set)


def test_corrupted_upload(hub, to_hub, data_set):
    """A bit that flips on the way is found by the reload, with exit code 3."""
    hub.faults.append(Fault("PUT", "/lfs/", "corrupt"))
    code, output, _ = to_hub(data_set, "--to", _TO)
    assert code == 3
    (said,) = [line for line in output.splitlines() if line.startswith("DIFFERS")]
    assert "images/part-0.parquet differs: the pixels of flux sum to" in said


def test_kill(hub, to_hub, data_set):
    """After kill -9 during the third file, the same command sends only that one."""
    hold = Fault("PUT", "/lfs/", "hold", after=2)
    hub.faults.append(hold)
    process = to_hub.start(data_set, "--to", _TO)
    assert hold.arrived.wait(60)
    process.kill()
    process.communicate()
    hold.release.set()
    before = dict(hub.received)
    assert len(before) == 2
    code, _, errors = to_hub(data_set, "--to", _TO)
    assert (code, errors) == (0, "")
    assert set(hub.received.values()) == {1}
    assert _on(hub) == contents_of(data_set)


def test_new_edition(hub, to_hub, data_set):
    """Files of the earlier edition go, files of other people stay and are named."""
    to_hub(data_set, "--to", _TO)
    commits = hub.repos[_REPO]["main"]
    commits[-1]["files"]["notes.txt"] = commits[0]["files"][".gitattributes"]
    (data_set / "images" / "part-2.parquet").unlink()
    write_checksums(data_set)
    code, output, _ = to_hub(data_set, "--to", _TO)
    assert code == 0
    assert set(_on(hub)) == {*contents_of(data_set), "notes.txt"}
    assert "1 files of an earlier edition removed" in output
    assert "left alone: notes.txt" in output


@pytest.mark.parametrize("token", ["", "hf_" + "wrong" * 8])
def test_no_access(hub, to_hub, data_set, token):
    """Without a token that may write, the message says how to log in."""
    to_hub.environment["HF_TOKEN"] = token
    code, output, errors = to_hub(data_set, "--to", _TO)
    assert code == 2
    assert "hf auth login" in errors
    assert "Traceback" not in errors
    assert not token or token not in output + errors
    assert hub.repos == {}


def test_unreachable(to_hub, data_set):
    """A hub that is down ends the command with exit code 5."""
    to_hub.environment["HF_ENDPOINT"] = "http://127.0.0.1:9"
    code, _, errors = to_hub(data_set, "--to", _TO)
    assert code == 5
    assert "cannot be reached" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HF_ENDPOINT", "http://hub.example.org", "must use https"),
        ("HF_HUB_OFFLINE", "1", "HF_HUB_OFFLINE is set"),
    ],
)
def test_environment_forbids(to_hub, data_set, name, value, said):
    """A hub without TLS, or offline mode, ends the command with the reason."""
    to_hub.environment[name] = value
    code, _, errors = to_hub(data_set, "--to", _TO)
    assert code == 2
    assert said in errors
    assert "Traceback" not in errors


def test_token_is_never_printed(hub, to_hub, data_set):
    """Neither success nor failure prints the token."""
    hub.faults.append(Fault("POST", "/commit/", "400"))
    code, output, errors = to_hub(data_set, "--to", _TO)
    assert code == 1
    assert "HTTP 400" in errors
    assert TOKEN not in output + errors
