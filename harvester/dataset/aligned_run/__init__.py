"""``harvester align``: a copy of a run in which all stamps of a galaxy share a grid.

These modules may import the other parts of the data set, and how stamps are written.
"""
