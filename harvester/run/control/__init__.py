"""What a harvest at work does when a user commands it, on its own Unix socket.

The commands and the end that sends them are in ``status/control``. May import the
orchestrator, the ledger and the transport.
"""
