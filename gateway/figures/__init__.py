"""Figures about the past, from the store; and the intervals and suppression that hold for all figures."""
