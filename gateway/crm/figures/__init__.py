"""Figures of a web shop: what each means, its interval, and when it is not shown."""
