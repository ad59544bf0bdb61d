"""The HTTP interface of the CRM, under /api/v1/crm; one router a module."""

from fastapi import APIRouter

from gateway.api.crm import alerts, consent, feed, figures, identity, members, present, webhooks

routers: tuple[APIRouter, ...] = (
    alerts.router,
    consent.router,
    feed.router,
    figures.router,
    identity.router,
    members.router,
    present.router,
    webhooks.router,
)
"""All of them; paths in them begin after `/api/v1/crm`."""
