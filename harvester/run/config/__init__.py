"""``harvester config``: which settings a run would have, and where each comes from.

May import what the run may.
"""
