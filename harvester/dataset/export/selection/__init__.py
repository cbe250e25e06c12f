"""What is exported: which galaxies in which order and set, and their stamps.

``selection`` is the whole, which formats and the card get. The manifest is read once
(``snapshot``); after that nothing here depends on what the run does meanwhile. Nothing
in this folder may know a format.
"""
