"""Dashboards for the Grafana that operators already have: built in code, written as files or pushed."""
