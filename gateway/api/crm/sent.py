"""Files that are sent as the body of a request."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request

LARGEST_BYTES = 32 * 2**20

TABLE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
    }
}
"""For OpenAPI: a route that takes CSV with a header, or a JSON object a line."""


def up_to(largest_bytes: int) -> Callable[[Request], Awaitable[bytes]]:
    """Return what gives the body of a request of at most so many bytes, for `Depends`."""

    async def sent(request: Request) -> bytes:
        """Return what was sent. Raises 413 where it is too much, 422 where it is nothing."""
        data = bytearray()
        async for part in request.stream():
            data += part
            if len(data) > largest_bytes:
                raise HTTPException(413, f"send at most {largest_bytes // 2**20} MB at a time")
        if not data.strip():
            raise HTTPException(422, "nothing was sent: expected CSV with a header, or a JSON object a line")
        return bytes(data)

    return sent


Sent = Annotated[bytes, Depends(up_to(LARGEST_BYTES))]
