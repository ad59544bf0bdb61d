"""What of a car park's description the state of a running one depends on."""

from contracts.site import Site


def shape(site: Site) -> str:
    """Return it as text: areas and gates, not names, capacities or vouchers. Empty where there is none."""
    if site.car_park is None:
        return ""
    return site.car_park.model_dump_json(include={"areas": {"__all__": {"id"}}, "gates": True})
