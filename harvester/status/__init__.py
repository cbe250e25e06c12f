"""Output about a run for the user: report, progress, the state of the hosts.

May import the ledger, the states of the transport, and the records at the top.
"""
