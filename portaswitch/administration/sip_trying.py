"""Trying SIP out: a phone of our own against a running server."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.error import DNSLookupError

from portaswitch.endpoints.sip_client import Account, Step, UserAgent
from portaswitch.errors import StartError

__all__ = ["Account", "Step", "UserAgent", "phone"]


@asynccontextmanager
async def phone(
    reactor: Any, account: Account, host: str, number: int, told: Callable[[Step], None], arrived: Callable[[str, str], None]
) -> AsyncIterator[UserAgent]:
    """
    A phone on a UDP port of its own. Errors: StartError when the name `host` means no address. That nobody answers is None of its methods, not an error.
    """
    try:
        address = host if ":" in host else await reactor.resolve(host)
    except (DNSLookupError, OSError) as error:
        raise StartError(f"--host {host}: no such host ({error}); give a name or address that this machine can reach") from error
    agent = UserAgent(reactor, account, address, number, told, arrived)
    opened = reactor.listenUDP(0, agent.port, interface=_own(address), maxPacketSize=65536)
    agent.port.sent_by = (_own(address) or "0.0.0.0", opened.getHost().port)
    agent.server.ours.add(agent.port.sent_by)
    try:
        yield agent
    except ValueError as error:
        raise StartError(f"the request can't be made: {error}") from error
    finally:
        agent.server.stop()
        await maybeDeferred(opened.stopListening)


def _own(address: str) -> str:
    """The address of ours that a server at `address` sees: as this machine's routes have it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))
        except OSError:
            return "::" if ":" in address else ""
        return str(probe.getsockname()[0])
