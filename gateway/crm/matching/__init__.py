"""Whose an event is: from what nodes heard to members, and to the feed."""
