"""Opening ports: one clear line where a port can't be had, big receive buffers, and SO_REUSEPORT where several processes share a port."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any, Protocol

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLContextFactory
from twisted.internet.protocol import DatagramProtocol, Factory
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from portaswitch.errors import StartError

#: Receive buffer of a UDP socket in octets: what arrives during a long reactor turn must wait somewhere (the kernel caps it at net.core.rmem_max).
RECEIVE_BUFFER = 4 * 1024 * 1024
#: Connections that may wait to be accepted.
BACKLOG = 128


class StreamAddress(Protocol):
    """A place to listen at, as `config.listen.ListenAddress` has it; the files are those of TLS."""

    @property
    def port(self) -> int:
        """The TCP port, 0 for any."""

    @property
    def interface(self) -> str:
        """The address."""

    @property
    def certificate(self) -> Path | None:
        """The PEM chain."""

    @property
    def key(self) -> Path | None:
        """Its PEM key."""
#: Octets of the largest datagram that is read whole; RADIUS packets have 4,096 at most.
LARGEST = 8192


class ListeningPort(Protocol):
    """The part of Twisted's IListeningPort that we use."""

    def getHost(self) -> Any:
        """The address in use."""

    def stopListening(self) -> Any:
        """Close it; may give a Deferred."""


async def closed(ports: list[ListeningPort]) -> None:
    """Close these ports, and forget them."""
    while ports:
        closing = ports.pop().stopListening()
        if closing is not None:
            await closing


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


def listen_stream(reactor: Any, address: StreamAddress, factory: Factory[Any], reuse_port: bool, what: str) -> ListeningPort:
    """Listen on a TCP port, with TLS where the address has a certificate; port 0 takes a free one. Errors: StartError with what to do."""
    made: Any = factory
    if address.certificate is not None and address.key is not None:
        made = TLSMemoryBIOFactory(_tls(address.certificate, address.key), False, factory)
    family = socket.AF_INET6 if ":" in address.interface else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        opened.bind((address.interface, address.port))
        opened.listen(BACKLOG)
        adopted: ListeningPort = reactor.adoptStreamPort(opened.fileno(), family, made)
        return adopted
    except OSError as error:
        raise StartError(taken(what, "tcp", address.interface, address.port, error)) from error
    finally:
        opened.close()


def _tls(certificate: Path, key: Path) -> Any:
    """The server's side of TLS 1.2 and newer with this chain and key. Errors: StartError."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    try:
        context.use_certificate_chain_file(str(certificate))
        context.use_privatekey_file(str(key))
        context.check_privatekey()
    except SSL.Error as error:
        raise StartError(f"{certificate} and {key} are no certificate and its key: write PEM files that belong together") from error
    return _Context(context)


@implementer(IOpenSSLContextFactory)
class _Context:
    """What Twisted asks for a context."""

    def __init__(self, context: SSL.Context) -> None:
        self._context = context

    def getContext(self) -> SSL.Context:
        """The one context of all connections."""
        return self._context
