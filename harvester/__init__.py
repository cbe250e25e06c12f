"""Harvest galaxy stamps from HST (MAST) and SDSS for a whole catalogue."""

__version__ = "0.1.0"
