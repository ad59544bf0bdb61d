"""Serving HTTP until told to stop, and then hanging up."""

import asyncio
import socket

import uvicorn


def serve(server: uvicorn.Server, listener: socket.socket | None = None) -> None:
    """Serve in this thread, on `listener` or where the server's configuration says, until it should exit.

    Whoever has not hung up by then is hung up on, which uvicorn leaves out: a browser that keeps a WebSocket
    open would leave a socket behind.
    """
    asyncio.run(_serve(server, listener))


async def _serve(server: uvicorn.Server, listener: socket.socket | None) -> None:
    await server.serve(None if listener is None else [listener])
    for connection in list(server.server_state.connections):
        connection.transport.abort()
    await asyncio.sleep(0)  # that is when they are
