"""Frames are cut by the workers of a Dask cluster; needs the extra ``dask``.

`executor` sends frame jobs and commits the stamps that come back, `cluster` keeps the
connection, `workers` knows which workers may be used, and `worker` is what runs there.
A worker writes nothing into the output folder.
"""
