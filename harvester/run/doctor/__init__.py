"""``harvester doctor``: whether a harvest can work here, and what to do if not.

It examines this machine, asks each service of the archives through the transport, and
writes what was seen to a file. May import what the run may.
"""
