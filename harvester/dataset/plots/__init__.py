"""Pictures of a whole run: ``harvester plot``. They need the extra ``plot``.

These modules may import the other parts of the data set, matplotlib inside functions.
"""
