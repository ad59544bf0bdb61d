"""The HTTP API under /api/v1, for the console and for other programs."""
