"""Bringing the feed to subscribers: webhooks and MQTT, retries, dead letters."""
