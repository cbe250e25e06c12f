"""The bill: what the rest of a run will cost. Nothing here sends a request.

May import the ledger, the archives, the frames' cost model, the sky and plain facts.
"""
