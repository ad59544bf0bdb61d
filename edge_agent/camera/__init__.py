"""Cameras as a source: passages of cars, read from pictures that are never kept.

Needs the extra `camera` (OpenCV, numpy): nothing outside this package and `edge_agent.plates` imports
those, so that a node without cameras does not need them.
"""
