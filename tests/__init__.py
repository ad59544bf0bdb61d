"""Tests: one folder a package; `support` holds what they share, `conftest` the fixtures."""
