"""A mall that does not exist, with its truth; recorded radio, played again."""
