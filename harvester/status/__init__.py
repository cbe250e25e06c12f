"""What a user sees of a run: report, progress, the state of the hosts.

May import the ledger, the transport's states and plain facts.
"""
