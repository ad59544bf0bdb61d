"""How accurate positions are: recorded walks played, scored, and shown as tables and pictures."""
