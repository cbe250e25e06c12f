"""Executors that cut frames: each module or package is one way to run the cutting.

All fulfil the protocol `executor.Executor`; `chosen` makes the one that the settings
name. May import `harvester.cutouts`, the words of the settings, and the records and
errors at the top.
"""
