"""The catalogue: reads any table of galaxies into targets, labels and rejects.

Modules here may import `errors`, `models`, `importing` and the geometry of the sky;
they never reach the network, the ledger or the settings.
"""
