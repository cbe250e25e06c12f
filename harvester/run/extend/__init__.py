"""``harvester extend``: galaxies, surveys or bands are added to a run that exists.

It compares the catalogue with the ledger, says what it understood, and changes the
ledger in one transaction. It asks no archive for images.
"""
