"""Opening ports: one clear line where a port can't be had, big receive buffers, and SO_REUSEPORT where several processes share a port."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any, Protocol

from twisted.internet.protocol import DatagramProtocol

from portaswitch.errors import StartError

#: Receive buffer of a UDP socket in octets: what arrives during a long reactor turn must wait somewhere (the kernel caps it at net.core.rmem_max).
RECEIVE_BUFFER = 4 * 1024 * 1024
#: Octets of the largest datagram that is read whole; RADIUS packets have 4,096 at most.
LARGEST = 8192


class ListeningPort(Protocol):
    """The part of Twisted's IListeningPort that we use."""

    def getHost(self) -> Any:
        """The address in use."""

    def stopListening(self) -> Any:
        """Close it; may give a Deferred."""


def listen_udp(
    reactor: Any, interface: str, port: int, protocol: DatagramProtocol, reuse_port: bool, what: str, largest: int = LARGEST
) -> ListeningPort:
    """Listen on a UDP port; port 0 takes a free one. `largest`: octets of a datagram, what is beyond is cut. Errors: StartError with what to do."""
    family = socket.AF_INET6 if ":" in interface else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        if reuse_port:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        opened.bind((interface, port))
        adopted: ListeningPort = reactor.adoptDatagramPort(opened.fileno(), family, protocol, largest)
        return adopted
    except OSError as error:
        raise StartError(taken(what, "udp", interface, port, error)) from error
    finally:
        opened.close()


def taken(what: str, transport: str, interface: str, port: int, error: OSError) -> str:
    """Why a port can't be had, and what to do."""
    place = f"{transport} port {port} on {interface}"
    if error.errno == errno.EADDRINUSE:
        return f"{what}: {place} is taken by another process: stop it (see `ss -lnp`), or give this server another port in its configuration"
    if error.errno == errno.EACCES:
        return f"{what}: {place} needs rights that this user has not: take a port above 1023, or start as root"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{what}: {interface} is no address of this machine: change it in the configuration"
    return f"{what}: {place}: {os.strerror(error.errno) if error.errno else error}"
