"""People who come again, some of them members: who they are, what they agreed to, and the truth about it."""
