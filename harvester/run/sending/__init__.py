"""A run whose stamps also go to an object store: sending, fetching back, comparing.

The folder of the run stays whole on local disk. What is in here may import everything
of the run's parts but its lanes.
"""
