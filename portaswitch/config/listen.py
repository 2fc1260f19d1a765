"""
Where a server listens, in a grammar of our own that covers UDP too, which Twisted's endpoint strings do not.

    udp:5060:interface=127.0.0.1
    tcp:8080:interface=[::1]
    tls:5061:interface=0.0.0.0:certificate=/etc/portaswitch/sip.pem:key=/etc/portaswitch/sip.key

Without `interface` it is loopback, so that nothing is open by omission. An IPv6 address stands in brackets; a
colon inside a path is written `\\:`.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from portaswitch.config.grammar import Mark, Node, Refused, ScalarKind
from portaswitch.config.node import one_line
from portaswitch.config.values import Address, FilePath, Port

T = TypeVar("T")

LOOPBACK: Final = "127.0.0.1"

_PIECE: Final = r"(?:[^:\\\[\]]|\\.|\[[^\]]*\])*"
_PARTS: Final = re.compile(rf"{_PIECE}(?::{_PIECE})*", re.DOTALL)
_PART: Final = re.compile(rf"(?:^|:)({_PIECE})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """
    One place to listen at.

    `transport` is "udp", "tcp" or "tls"; `port` 0 means any free one; `interface` is an IPv4 or IPv6 address;
    a tls one has the absolute paths of a PEM certificate chain and its private key.
    """

    transport: str
    port: int
    interface: str = LOOPBACK
    certificate: Path | None = None
    key: Path | None = None

    def __str__(self) -> str:
        host = f"[{self.interface}]" if ":" in self.interface else self.interface
        files = "".join(
            f":{name}={str(path).replace(':', chr(92) + ':')}"
            for name, path in (("certificate", self.certificate), ("key", self.key))
            if path is not None
        )
        return f"{self.transport}:{self.port}:interface={host}{files}"

    def clashes(self, other: ListenAddress) -> bool:
        """
        True when the two can't both be bound: same protocol and port (other than 0), and the same or a
        wildcard address.
        """
        if (
            (self.transport == "udp") is not (other.transport == "udp")
            or self.port != other.port
            or self.port == 0
        ):
            return False
        mine, others = ipaddress.ip_address(self.interface), ipaddress.ip_address(other.interface)
        return mine == others or (
            mine.version == others.version and (mine.is_unspecified or others.is_unspecified)
        )


class Listen(ScalarKind[ListenAddress]):
    """
    A listen string for one of some transports; the files of a tls one must be there, and its key not readable
    by everyone.
    """

    def __init__(self, *transports: str) -> None:
        self.transports = transports

    def convert(self, node: Node) -> ListenAddress:
        transport, port, options = self._parts(node.text)
        allowed = ("interface", "certificate", "key") if transport == "tls" else ("interface",)
        for name in options:
            if name not in allowed:
                raise Refused(
                    f"has the unknown option {one_line(name)}: {transport} takes {', '.join(allowed)}"
                )
        interface = _converted(Address(), options.get("interface", LOOPBACK).strip("[]"))
        if transport != "tls":
            return ListenAddress(transport, port, interface)
        for name in ("certificate", "key"):
            if not options.get(name):
                raise Refused(f"lacks {name}=PATH, which tls needs")
        return ListenAddress(
            transport, port, interface, _present(options["certificate"]), _private(options["key"])
        )

    def describe(self) -> str:
        return f"listen string, {self._forms()}"

    def _forms(self) -> str:
        return " or ".join(f"{transport}:PORT:interface=ADDRESS" for transport in self.transports)

    def _parts(self, text: str) -> tuple[str, int, dict[str, str]]:
        parts = split(text)
        if len(parts) < 2 or parts[0] not in self.transports:
            raise Refused(f"is not a listen string: write {self._forms()}")
        options: dict[str, str] = {}
        for part in parts[2:]:
            name, equals, value = part.partition("=")
            if not equals or name in options:
                raise Refused("has an option that is not NAME=VALUE, or is there twice")
            options[name] = value
        return parts[0], _converted(Port(), parts[1]), options


def split(text: str) -> list[str]:
    """
    The parts between colons, where `\\:` is a colon and colons in brackets don't count; empty when the
    brackets don't match.
    """
    if not _PARTS.fullmatch(text):
        return []
    return [re.sub(r"\\(.)", r"\1", part[1]) for part in _PART.finditer(text)]


def _converted(kind: ScalarKind[T], text: str) -> T:
    """One part by the rules of another kind."""
    try:
        return kind.convert(Node(text, Mark(""), text=text))
    except Refused as refused:
        raise Refused(f"is wrong: '{one_line(text)}' {refused}") from None


def _present(text: str) -> Path:
    """The absolute path of a file that is there."""
    path = _converted(FilePath(), text)
    if not path.is_file():
        raise Refused(f"names {one_line(text)}, which is no file: put it there or correct the path")
    return path


def _private(text: str) -> Path:
    """The absolute path of a file that is there and that not every user can read."""
    path = _present(text)
    if path.stat().st_mode & 0o004:
        raise Refused(f"names the key {one_line(text)}, which every user can read: chmod o-r it")
    return path
