"""A small mall that has a CRM."""

from contracts.site import Site
from tests.gateway.small_mall import small_mall


def crm_site() -> Site:
    """Return the small mall with a section `crm`."""
    return small_mall(crm={})
