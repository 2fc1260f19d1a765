"""Who this node is, and whether it can talk to a peer (RFC 6733 5.3)."""

from __future__ import annotations

from dataclasses import dataclass, field

from portaswitch.wire.diameter.definitions import REQUEST
from portaswitch.wire.diameter.dictionary import Dictionary
from portaswitch.wire.diameter.faults import Fault, Result
from portaswitch.wire.diameter.message import Group, Message, Pair

#: Numbers of the commands that keep connections (RFC 6733 5.3 to 5.5).
CAPABILITIES = 257
WATCHDOG = 280
DISCONNECT = 282
#: An agent that relays every application (RFC 6733 2.4).
RELAY = 0xFFFFFFFF
#: No security inside Diameter (RFC 6733 6.10): TLS, if any, is on before the CER.
NO_INBAND_SECURITY = 0


@dataclass(frozen=True)
class Local:
    """
    This node.

    :ivar addresses: what Host-IP-Address says.
    :ivar vendor: our enterprise number, 0 for none.
    :ivar applications: numbers of the applications that it serves.
    :ivar vendors: enterprise numbers whose AVPs it knows.
    :ivar state: Origin-State-Id, which rises with every restart that forgets sessions (RFC 6733 8.16).
    """

    host: str
    realm: str
    addresses: tuple[str, ...]
    state: int
    applications: frozenset[int] = frozenset({4})
    vendors: tuple[int, ...] = (10415,)
    vendor: int = 0
    product: str = "portaswitch"
    dictionary: Dictionary = field(default_factory=Dictionary.standard)

    @property
    def origin(self) -> list[Pair]:
        """Who sends."""
        return [("Origin-Host", self.host), ("Origin-Realm", self.realm)]

    @property
    def stateful_origin(self) -> list[Pair]:
        """Who sends, and since which restart."""
        return [*self.origin, ("Origin-State-Id", self.state)]

    def capabilities(self, cer: Message | None = None) -> list[Pair]:
        """
        The AVPs that CER and CEA have alike (RFC 6733 5.3.1). An application that the CER to be answered names within a vendor's is named so as well:
        Kamailio's cdp sends no request to a peer that has it only by itself.
        """
        pairs: list[Pair] = [*self.origin]
        pairs += [("Host-IP-Address", address) for address in self.addresses]
        pairs += [("Vendor-Id", self.vendor), ("Product-Name", self.product), ("Origin-State-Id", self.state)]
        pairs += [("Supported-Vendor-Id", vendor) for vendor in self.vendors]
        pairs += [("Auth-Application-Id", number) for number in sorted(self.applications)]
        for group in cer.groups("Vendor-Specific-Application-Id") if cer is not None else ():
            vendor, number = group.integer("Vendor-Id"), group.integer("Auth-Application-Id")
            if vendor in self.vendors and number in self.applications:
                pairs.append(("Vendor-Specific-Application-Id", Group([("Vendor-Id", vendor), ("Auth-Application-Id", number)])))
        return pairs


def applications(message: Message) -> frozenset[int]:
    """What a CER or CEA says that its sender serves, vendor-specific or not."""
    found: set[int] = set()
    groups: list[Message | Group] = [message, *message.groups("Vendor-Specific-Application-Id")]
    for group in groups:
        for name in ("Auth-Application-Id", "Acct-Application-Id"):
            found.update(value for value in group.all(name) if isinstance(value, int))
    return frozenset(found)


def common(message: Message, local: Local) -> frozenset[int]:
    """The applications of both; a relay has all."""
    theirs = applications(message)
    return local.applications if RELAY in theirs else theirs & local.applications


def objection(message: Message, local: Local) -> Fault | None:
    """Why a sound CER, or a CEA of success, can't be taken (RFC 6733 5.3); None when it can."""
    if not common(message, local):
        return Fault(Result.NO_COMMON_APPLICATION, "no common application")
    security = message.all("Inband-Security-Id")
    if security and NO_INBAND_SECURITY not in security:
        return Fault(Result.NO_COMMON_SECURITY, "no common security")
    host = message.text("Origin-Host")
    if host is not None and host.lower() == local.host.lower():
        return Fault(Result.UNKNOWN_PEER, "the peer calls itself by our name")
    return None


def is_request(message: Message, code: int) -> bool:
    """It is the request of this command."""
    return message.code == code and message.flags & REQUEST > 0
