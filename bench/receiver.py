"""
A receiver of webhooks, a process of its own that answers at once and writes down what came: a line an event with the time of its first octet, i_event and
account.

    python -m bench.receiver FILE     prints its port; lines are in FILE within half a second
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import IO

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Receiver(asyncio.Protocol):
    """One connection; the next request comes when the one before is answered."""

    def __init__(self, lines: IO[str]) -> None:
        self._lines, self._kept, self._came = lines, b"", 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        if not self._kept:
            self._came = time.time()
        self._kept += data
        head, blank, rest = self._kept.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"), 0)
        if not blank or len(rest) < length:
            return
        self._kept = rest[length:]
        told = json.loads(rest[:length])["variables"]
        self._lines.write(f"{self._came:.6f} {told['i_event']} {told.get('i_account', 0)}\n")
        if self._transport is not None:
            self._transport.write(ANSWER)


async def main(path: str) -> None:
    """Until it is ended."""
    with open(path, "a") as lines:
        server = await asyncio.get_running_loop().create_server(lambda: Receiver(lines), "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        while True:
            await asyncio.sleep(0.25)
            lines.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
