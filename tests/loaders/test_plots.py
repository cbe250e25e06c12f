"""Pictures of a run: what they show, and that the same run gives the same bytes."""

from __future__ import annotations

import os

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from PIL import Image
from written_run import GREEN, INFRARED, RED, write_run

import harvester
from harvester.cli import main
from harvester.dataset.plots.coverage_plot import draw_coverage
from harvester.dataset.plots.figure_style import drawing
from harvester.dataset.plots.label_plot import draw_labels
from harvester.dataset.plots.pictures import PlotOptions, write_plots
from harvester.dataset.plots.pixel_plot import draw_pixels
from harvester.dataset.plots.sky_plot import draw_sky
from harvester.dataset.plots.stamp_photometry import measure
from harvester.dataset.plots.throughput_plot import draw_throughput
from harvester.errors import InputError

NAMES = ("sky", "coverage", "labels", "pixels", "throughput")
COUNT = 60
LABELS = {
    # Spirals are the even ones.
    "kind": [("spiral", "elliptical")[number % 2] for number in range(COUNT)],
    "code": [number % 2 for number in range(COUNT)],
    "z": [number / COUNT for number in range(COUNT)],
    "same": ["x"] * COUNT,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Give a run in which the infrared has spirals only, and not all of them."""
    out = tmp_path_factory.mktemp("run")
    missing = {(n, "F160W") for n in range(COUNT) if n % 2 or n >= 50}
    return write_run(out, LABELS, (GREEN, RED, INFRARED), missing=missing)


@pytest.fixture
def data(run):
    """Give the open run, while matplotlib has the settings of the pictures."""
    with drawing():
        yield harvester.open(run)


def legends(figure):
    """Give all entries of all legends."""
    found = [axes.get_legend() for axes in figure.axes]
    every = [*(one for one in found if one), *figure.legends]
    return [text.get_text() for legend in every for text in legend.get_texts()]


def test_command(run, tmp_path):
    """The command writes the pictures, as PNG or PDF, and prints their paths."""
    words = ["plot", str(run), "--out", str(tmp_path / "a"), "--limit", "3"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    paths = [tmp_path / "a" / f"{name}.png" for name in NAMES]
    assert done.output.split() == [str(path) for path in paths]
    for path in paths:
        with Image.open(path) as picture:
            assert min(picture.size) > 400
            assert len(np.unique(np.asarray(picture))) > 20
    done = CliRunner().invoke(main, [*words, "--format", "pdf", "--only", "sky"])
    assert (tmp_path / "a/sky.pdf").read_bytes().startswith(b"%PDF")
    assert [path.suffix for path in (tmp_path / "a").iterdir()].count(".pdf") == 1


@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_same_bytes(run, tmp_path, kind):
    """The same run gives the same bytes."""
    for folder in ("a", "b"):
        list(write_plots(run, tmp_path / folder, PlotOptions(NAMES, kind)))
    for name in NAMES:
        first, second = (tmp_path / folder / f"{name}.{kind}" for folder in "ab")
        assert first.read_bytes() == second.read_bytes()


def test_sky(data):
    """Each survey has a map that counts its galaxies by state, at their places."""
    figure = draw_sky(data)
    assert [axes.get_title() for axes in figure.axes] == [
        "sdss: 60 galaxies",
        "hst: 60 galaxies",
    ]
    assert legends(figure) == ["done: 60", "no coverage: 35", "done: 25"]
    points = figure.axes[0].collections[0].get_offsets()
    # Right ascension grows to the left, from 150 degrees on.
    assert np.allclose(np.degrees(points[0]), (30, 2))
    assert points[1, 0] < points[0, 0]


def test_coverage(data):
    """Each band has a bar that is divided by what came of its galaxies."""
    figure = draw_coverage(data)
    left, right = figure.axes
    assert [text.get_text() for text in left.get_yticklabels()] == [
        "sdss:g",
        "sdss:r",
        "hst:F160W",
    ]
    widths = [bar.get_width() for bar in left.patches]
    assert widths[10:] == pytest.approx([100 / 60, 2400 / 60, 3500 / 60, 0, 0])
    assert legends(figure)[:3] == ["sdss:g (60)", "sdss:r (60)", "hst:F160W (25)"]
    # The share of stamps falls from all of them to none.
    assert right.lines[2].get_ydata()[[0, -1]] == pytest.approx((100, 0))


def test_order_of_bands(tmp_path):
    """Bands of a survey are drawn by wavelength, in whatever order they were asked."""
    run = write_run(tmp_path, {"z": [0.1, 0.2]}, (RED, GREEN))
    with drawing():
        left, _ = draw_coverage(harvester.open(run)).axes
    names = [text.get_text() for text in left.get_yticklabels()]
    assert names == ["sdss:g", "sdss:r"]


def test_ends_of_each_band(data):
    """Of a band that differs from the others at most 2 % are in the last bins."""
    for axes in draw_pixels(data).axes:
        for line in axes.lines:
            shares = line.get_ydata()
            if len(shares) > 2:
                assert max(shares[0], shares[-1]) < 5


def test_labels_for_other_pictures(run, tmp_path):
    """Labels that are not drawn, or do not exist, are refused before drawing."""
    for labels, names, told in (
        (["kind"], ("sky",), "--only labels"),
        (["colour"], NAMES, "no label 'colour'"),
    ):
        with pytest.raises(InputError, match=told):
            list(write_plots(run, tmp_path / "a", PlotOptions(names, labels=labels)))
    assert not (tmp_path / "a").exists()


def test_labels(data):
    """Classes show which part has a stamp; the biased one is marked."""
    figure = draw_labels(data)
    kind, redshift, *_ = figure.axes
    # The code of a text is not shown, nor what all galaxies share.
    titles = [axes.get_title() for axes in figure.axes if axes.axison]
    assert titles == ["kind", "z: p = 0.09"]
    assert [text.get_text() for text in kind.get_xticklabels()] == [
        "elliptical\n30",
        "spiral\n30",
    ]
    marks = [line for line in kind.lines if line.get_marker() == "s"]
    assert [float(line.get_ydata()[0]) for line in marks] == pytest.approx([0, 25 / 30])
    assert "25 of 60" in figure.get_suptitle()
    assert legends(figure) == ["with a stamp (25)", "without (35)"]
    assert redshift.get_ylabel() == "part of the galaxies"


def test_chosen_labels(data):
    """Labels may be chosen; one that does not exist is an error."""
    figure = draw_labels(data, ["code"])
    assert [axes.get_title() for axes in figure.axes] == ["code"]
    with pytest.raises(InputError, match="no label 'colour'; there are kind, code"):
        draw_labels(data, ["colour"])


def test_missing_labels(tmp_path):
    """Galaxies without a label are a class of their own, or are left out of numbers."""
    labels = {"kind": ["a", None, "b", "b"], "z": [1.0, 2.0, None, float("nan")]}
    run = write_run(tmp_path, labels, (RED,), missing={(0, "r")})
    with drawing():
        figure = draw_labels(harvester.open(run))
    kind, redshift = figure.axes
    ticks = [text.get_text() for text in kind.get_xticklabels()]
    assert ticks == ["None\n1", "a\n1", "b\n2"]
    assert "(1)" in legends(figure)[0]
    assert redshift.get_title().startswith("z: p = ")


def test_photometry(data):
    """Magnitude, background and noise are those that the stamps were painted with."""
    found = measure(data[0]["sdss", "r"])
    # 50 exp(-(r/1.5")^2) per pixel, within a quarter of the side.
    radius = 6 * 0.396
    total = 50 * np.pi * 1.5**2 / 0.396**2 * (1 - np.exp(-((radius / 1.5) ** 2)))
    assert found.magnitude == pytest.approx(22.5 - 2.5 * np.log10(total), abs=0.05)
    per_unit = 10 ** (0.4 * (31.4 - 22.5)) / 0.396**2
    assert found.noise == pytest.approx(per_unit, rel=0.25)
    assert abs(found.background) < 0.5 * per_unit


def test_photometry_without_facts(data):
    """Without a zero point, or with NaN in the aperture, there is no magnitude."""
    stamp = data[0]["sdss", "r"]
    unknown = stamp.replaced(stamp.planes, stamp.record | {"zero_point": None})
    assert measure(unknown) is None
    stamp.flux[12, 12] = np.nan
    assert measure(stamp).magnitude is None
    assert measure(stamp).noise > 0


def test_pixels(data):
    """Each band has its histograms, of as many stamps as allowed."""
    figure = draw_pixels(data, limit=10)
    assert legends(figure) == ["sdss:g (10)", "sdss:r (10)", "hst:F160W (9)"]
    magnitudes = figure.axes[0].lines[0]
    assert magnitudes.get_ydata()[:-1].sum() == pytest.approx(100)


def test_throughput(data, run):
    """The times are those of the files."""
    for number, galaxy in enumerate(data):
        for stamp in galaxy.stamps:
            os.utime(stamp.path, (1_700_000_000 + 60 * number,) * 2)
    figure = draw_throughput(harvester.open(run))
    upper, lower = figure.axes
    assert lower.get_xlabel() == "minutes since 2023-11-14 22:13:20 UTC"
    assert upper.lines[0].get_xdata()[-1] == pytest.approx(59)
    assert upper.lines[0].get_ydata()[-1] == 120
    assert "modification times" in figure.get_supxlabel()


def test_nothing_to_draw(tmp_path):
    """A run without stamps has some pictures; the others are explained."""
    missing = {(0, "r"), (1, "r")}
    run = write_run(tmp_path, {"z": [1.0, 2.0]}, (RED,), missing=missing)
    lines = list(write_plots(run, tmp_path / "plots", PlotOptions(NAMES)))
    assert [line.split(":")[0] for line in lines[2:]] == [
        "no picture labels",
        "no picture pixels",
        "no picture throughput",
    ]
    empty = write_run(tmp_path, {"z": pa.array([], pa.float64())}, (RED,))
    lines = list(write_plots(empty, tmp_path / "plots", PlotOptions(NAMES)))
    assert all(line.startswith("no picture") for line in lines)
