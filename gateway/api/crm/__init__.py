"""The HTTP interface of the CRM, under /api/v1/crm; one router a module."""
