"""What tills write, read into rows: the columns of a sale."""

from collections.abc import Iterator

from gateway.crm import tables

NEEDED = ("sale", "t", "amount")
COLUMNS = (*NEEDED, "zone", "till", "discount", "items", "reference", "currency")


def read(data: bytes) -> Iterator[tables.Row | tables.Bad]:
    """Give the rows of a file (`gateway.crm.tables`). Raises `ConfigurationError` where it cannot be read."""
    return tables.read(data, COLUMNS, NEEDED)
