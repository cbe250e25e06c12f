"""Dask workers that share no disk with the harvest fetch the frames themselves.

`worker_cuts` is the orchestrator's side: it sends a product with its galaxies, writes
the stamps that come back, and counts what was fetched. `fetcher` is the worker's side:
the same transport, frame store and cutting as in a harvest of one machine. All of them
ask a broker before each request, so that they keep the limits together.
"""
