"""``harvester split``: a run in parts, for job arrays on machines without a scheduler.

Each part is the folder of a run of its own, which ``harvester resume`` harvests.
``run/merge`` makes one run of them again.
"""
