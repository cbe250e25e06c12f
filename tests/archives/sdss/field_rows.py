"""Made-up fields with a geometry, for tests."""

from __future__ import annotations

import numpy as np

from harvester.archives.sdss.fields import FIELD

#: Degrees a pixel, of all fields.
PIXEL = 0.00011


def scan(*, node=95.0, incl=10.0, mu=180.0, nu=0.0, fields=1):
    """Give neighbouring fields of one camera column."""
    rows = np.zeros(fields, FIELD)
    rows["run"], rows["camcol"], rows["field"] = 94, 1, 11 + np.arange(fields)
    rows["node"], rows["incl"] = node, incl
    rows["a"], rows["d"] = mu + 1361 * PIXEL * np.arange(fields), nu
    rows["b"], rows["c"], rows["e"], rows["f"] = PIXEL, 2e-8, -4e-9, PIXEL
    return rows


def sky(field, row, col):
    """Give the sky position of a pixel of a field, by rotation matrices."""
    mu = np.radians(field["a"] + field["b"] * row + field["c"] * col - field["node"])
    nu = np.radians(field["d"] + field["e"] * row + field["f"] * col)
    vector = [np.cos(mu) * np.cos(nu), np.sin(mu) * np.cos(nu), np.sin(nu)]
    i, n = np.radians(field["incl"]), np.radians(field["node"])
    tilt = [[1, 0, 0], [0, np.cos(i), -np.sin(i)], [0, np.sin(i), np.cos(i)]]
    turn = [[np.cos(n), -np.sin(n), 0], [np.sin(n), np.cos(n), 0], [0, 0, 1]]
    x, y, z = np.array(turn) @ np.array(tilt) @ vector
    return np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arctan2(z, np.hypot(x, y)))
