"""Where the bz2 blocks of an SDSS frame lie, proved by its calibration and its sky.

Pure functions of bytes, which run in worker processes; nothing here fetches or writes.
"""
