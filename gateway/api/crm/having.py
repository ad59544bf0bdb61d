"""What every route of the CRM needs: the CRM itself, where the mall has one."""

from typing import Annotated

from fastapi import Depends, HTTPException

from gateway.api.context import Here
from gateway.crm.crm import Crm


def crm_of(here: Here) -> Crm:
    """Return the mall's CRM. Raises 404 where it has none."""
    if here.crm is None:
        raise HTTPException(404, "this mall has no CRM: its site file has no section `crm:`")
    return here.crm


With = Annotated[Crm, Depends(crm_of)]
