"""Commands to a harvest at work: what they are, where they are sent, and by whom.

The other end, which does what they say, is in ``run/control``. May import the ledger.
"""
