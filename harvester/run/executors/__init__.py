"""Executors that cut frames: each module is one way to run the cutting.

May import `harvester.cutouts` and the records and errors at the top.
"""
