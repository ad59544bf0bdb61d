"""Who agreed to what: the ledger, its withdrawals, what is held about a person, and its erasure."""
