"""What the API says of alerts."""

from typing import Literal

from pydantic import BaseModel

from contracts.crm import Kpi


class Sentence(BaseModel):
    """What there is to say, for people."""

    en: str
    zh: str


class Alert(BaseModel):
    """A figure that is, or was, far from usual; `value` null = about fewer than k people."""

    alert: str
    zone: str
    zones: list[str]
    kpi: Kpi
    side: Literal["low", "high"]
    t_ms: int
    """Start of the hour it began with."""
    ended_ms: int | None
    value: float | None
    usual: float
    low: float
    high: float
    sentence: Sentence


class AlertsAnswer(BaseModel):
    """Alerts of a period, newest first."""

    alerts: list[Alert]
