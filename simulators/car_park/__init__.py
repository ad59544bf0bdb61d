"""A car park that does not exist: cars with drawn plates before cameras, or reads of them, and the truth."""
