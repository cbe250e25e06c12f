"""The bill: what the rest of a run will cost. Nothing here sends a request.

These modules may import the ledger, the archives, the cost model of frames, the sky and
plain facts.
"""
