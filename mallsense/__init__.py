"""The `mallsense` command: it puts the parts of the house together and holds none of their work."""

__version__ = "0.1.0"
