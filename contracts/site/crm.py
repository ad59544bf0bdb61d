"""What the CRM is told in a site file: that there is one, and how long what is known of members is kept."""

from typing import Annotated

from pydantic import Field

from contracts.site.parts import Part


class Crm(Part):
    """The CRM of a mall. Where a site file has this section, members are matched and events fed."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="Three letters, as in ISO 4217")] = (
        "CNY"
    )
    """Of all amounts, which are whole numbers of its smallest unit."""
    feed_d: Annotated[int, Field(ge=4, le=90)] = 7
    """How long events of the feed are kept for those who ask again; longer than deliveries are retried."""
    history_d: Annotated[int, Field(ge=1, le=3650)] = 400
    """How long visits, stays and purchases of consenting members are kept for segments."""
    bounce_min: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Who leaves within this many minutes and saw at most one zone has bounced."""
