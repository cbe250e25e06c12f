"""``--watch``: a run that stays after it is settled.

It waits for new rows of the catalogue, for files in a folder, and for the time to look
again at galaxies without an image. Between these it does nothing but look at the files.
"""
