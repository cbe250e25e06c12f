"""The repository is consistent: versions, licence, maturity, links, paths, names."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder

import harvester

_ROOT = Path(__file__).resolve().parent.parent
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
_CITATION = yaml.safe_load((_ROOT / "CITATION.cff").read_text())

PAGES = sorted(
    path.relative_to(_ROOT).as_posix()
    for path in (*_ROOT.glob("*.md"), *_ROOT.glob("docs/**/*.md"))
)
DECISIONS = [
    page
    for page in PAGES
    if page.startswith("docs/decisions/") and not page.endswith("/README.md")
]

_HEADINGS = ["Question", "Decision", "Why", "Considered", "What would change it"]

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_TOP = "harvester|tests|docs|benchmarks|docker|requirements"
#: A path of the repository in prose: a file by its ending, or a folder in backticks.
_NAMED = re.compile(
    rf"(?<![\w/.~-])((?:{_TOP})/[\w./-]+\.(?:py|md|csv|sh|sql|txt|yaml|toml))\b"
    rf"|`((?:{_TOP})/(?:[\w.-]+/)*)`"
)


@cache
def _text(page):
    return (_ROOT / page).read_text(encoding="utf-8")


@cache
def _anchors(page):
    """Return the anchors of the headings of a page, as common renderers make them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", _text(page)), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}


def _broken(page, text):
    """Yield the links of a page to files or headings that do not exist."""
    for link in _LINK.findall(_FENCE.sub("", text)):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        path = (_ROOT / page).parent / target if target else _ROOT / page
        place = path.resolve().relative_to(_ROOT).as_posix()
        if not path.exists() or (anchor and anchor not in _anchors(place)):
            yield link


def test_version():
    """The citation and the changelog have the version of the package."""
    assert str(_CITATION["version"]) == harvester.__version__
    heading = rf"^## {re.escape(harvester.__version__)}\b"
    assert re.search(heading, _text("CHANGELOG.md"), re.MULTILINE)


def test_changelog_form():
    """The changelog starts with "Unreleased" and uses the usual kinds of changes."""
    headings = re.findall(r"^(##+) (.+)$", _text("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == ("##", "Unreleased")
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert {words for level, words in headings if level == "###"} <= kinds


def test_citation():
    """The citation file has all required fields and the licence of the project."""
    assert _CITATION["cff-version"] == "1.2.0"
    assert all(_CITATION[key] for key in ("message", "title", "authors"))
    assert _CITATION["license"] == _PROJECT["license"]
    names = [author["name"] for author in _CITATION["authors"]]
    assert names == [author["name"] for author in _PROJECT["authors"]]


def test_licence():
    """LICENSE has the licence and the authors of pyproject.toml."""
    text = _text("LICENSE")
    assert _PROJECT["license"] == "BSD-3-Clause"
    assert text.startswith("BSD 3-Clause License")
    assert all(author["name"] in text for author in _PROJECT["authors"])


def test_maturity():
    """The classifier, the README and all pages state the same maturity."""
    (status,) = [
        words.rpartition(" - ")[2]
        for words in _PROJECT["classifiers"]
        if words.startswith("Development Status")
    ]
    assert re.search(rf"\b{status} software\b", _text("README.md"))
    others = {"alpha", "beta", "production"} - {status.lower()}
    said = re.compile(
        rf"\b(?:{'|'.join(others)})\b(?= software| version)", re.IGNORECASE
    )
    assert [page for page in PAGES if said.search(_text(page))] == []


def test_types_are_shipped():
    """The wheel contains py.typed, so that type checkers use the annotations."""
    files = WheelBuilder(str(_ROOT)).recurse_included_files()
    assert "harvester/py.typed" in {file.distribution_path for file in files}


@pytest.mark.parametrize("page", PAGES)
def test_links(page):
    """Every link to a file or heading of the repository has a target."""
    assert list(_broken(page, _text(page))) == []


def test_broken_links_are_seen():
    """The check itself finds broken links and accepts others."""
    links = ["nowhere.md", "operations.md", "operations.md#politeness", "../README.md"]
    links += ["operations.md#nowhere", "#nowhere", "#stopping", "https://example.org"]
    text = " ".join(f"[a page]({link})" for link in links)
    broken = ["nowhere.md", "operations.md#nowhere", "#nowhere"]
    assert list(_broken("docs/operations.md", text)) == broken


@pytest.mark.parametrize("page", PAGES)
def test_named_paths(page):
    """Every path of the repository on a page exists."""
    named = {one or other for one, other in _NAMED.findall(_text(page))}
    lacking = {path for path in named if not (_ROOT / path).exists()}
    assert not lacking


@pytest.mark.parametrize("page", PAGES)
def test_make_targets(page):
    """Every `make` command on a page is a target of the Makefile."""
    named = re.findall(r"(?:`|^\s*)make ([a-z][a-z-]+)", _text(page), re.MULTILINE)
    targets = re.findall(r"^([a-z-]+):", _text("Makefile"), re.MULTILINE)
    assert set(named) <= set(targets)


@pytest.mark.parametrize("page", DECISIONS)
def test_decision(page):
    """A decision has the required headings, and the list of decisions links it."""
    headings = re.findall(r"^## (.+)$", _text(page), re.MULTILINE)
    assert headings == _HEADINGS
    assert f"({Path(page).name})" in _text("docs/decisions/README.md")


def test_hooks_are_the_projects_own():
    """The pre-commit hooks are local and run only tools that `make` runs."""
    hooks = yaml.safe_load(_text(".pre-commit-config.yaml"))
    assert {repo["repo"] for repo in hooks["repos"]} == {"local"}
    run = {
        hook["entry"].split()[0] for repo in hooks["repos"] for hook in repo["hooks"]
    }
    made = set(re.findall(r"\$\(BIN\)/([\w-]+)", _text("Makefile")))
    assert run
    assert run <= {f".venv/bin/{tool}" for tool in made}


def test_class_names():
    """No two classes of the package share a name, also not in different modules."""
    classes = Counter(
        node.name
        for path in (_ROOT / "harvester").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert len(classes) > 100
    assert [name for name, count in classes.items() if count > 1] == []


def test_suppressions_have_reasons():
    """Each suppression of a check has its reason on the same line."""
    marked = re.compile(r"# (?:noqa\b|type: ignore\b)")
    excused = re.compile(
        r"# (?:noqa: [A-Z]+\d+(?:, [A-Z]+\d+)*|type: ignore\[[\w,-]+\]) +[-#] \S"
    )
    lines = [
        line
        for folder in ("harvester", "tests", "benchmarks")
        for path in (_ROOT / folder).rglob("*.py")
        if path != Path(__file__)
        for line in path.read_text("utf-8").splitlines()
        if marked.search(line)
    ]
    assert lines
    assert [line for line in lines if not excused.search(line)] == []
