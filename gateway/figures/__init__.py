"""Figures about the past, computed from the store; and the intervals and suppression that apply to all figures."""
