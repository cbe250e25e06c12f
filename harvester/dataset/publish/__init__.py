"""Publishing: an exported data set is audited, sent to a hub or bucket, and reloaded.

``publish`` is the order of events, ``remote`` the seam of destinations; ``hub`` and
``bucket`` are the two that there are, and only they may import the libraries that reach
the network. These modules may import the export and plain facts, never a run.
"""
