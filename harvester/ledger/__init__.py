"""The ledger: what has been done for which galaxy, in SQLite."""
