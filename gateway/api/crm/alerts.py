"""What is, and was, far from usual."""

from fastapi import APIRouter

from contracts.crm import KpiAlert
from gateway.api.context import Asked
from gateway.api.crm import schemas_alerts as own
from gateway.api.crm.having import With

router = APIRouter(tags=["crm: alerts"])


@router.get("/alerts")
def alerts(crm: With, period: Asked) -> own.AlertsAnswer:
    """Give the alerts that went on at some time in a period, newest first."""
    return own.AlertsAnswer(alerts=[_alert(one) for one in crm.alerts.between(period.from_ms, period.to_ms)])


def _alert(one: KpiAlert) -> own.Alert:
    return own.Alert(
        alert=one.alert,
        zone=one.zone,
        zones=one.zones,
        kpi=one.kpi,
        side=one.side,
        t_ms=one.hour_ms,
        ended_ms=one.ended_ms,
        value=one.value,
        usual=one.usual,
        low=one.low,
        high=one.high,
        sentence=own.Sentence(en=one.sentence.en, zh=one.sentence.zh),
    )
