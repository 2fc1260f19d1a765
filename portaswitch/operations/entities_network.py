"""What asks and who carries, as operators see it (PORTABILLING.md a.12)."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import Final

from portaswitch.model.actor import Privilege
from portaswitch.model.operation import Entity, Field, Mark
from portaswitch.model.text_values import AMOUNT, CURRENCY, FLAG, NAME, POSITIVE, ZONE, TextKind, choice, line, mapped
from portaswitch.operations.catalogue_rules import SHORTEST_SECRET

PLACED: Final = frozenset({Mark.PLACE, Mark.REQUIRED})
OWN: Final = PLACED | {Mark.FIXED}
_HOST: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*", re.ASCII)
FIXED: Final = frozenset({Mark.FIXED})
DETAIL: Final = frozenset({Mark.DETAIL})


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError("is not an address, such as 192.0.2.1") from None


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError("is not an address or network, such as 127.0.0.1 or 192.0.2.0/24 (host bits zero)") from None


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError("is not a host or domain name, such as pgw.example.com")
    return text.lower()


def _shared_secret(text: str) -> str:
    """RFC 2865 section 3 asks for 16 octets; shorter ones than 12 are guessed off-line from one recorded packet."""
    if len(text.encode()) < SHORTEST_SECRET:
        raise ValueError(f"is shorter than {SHORTEST_SECRET} octets: write 16 random ones")
    return line(text)


ADDRESS: Final = TextKind("address", _address)
NETWORK: Final = TextKind("address or network", _network)
SECRET: Final = TextKind("16 random octets", _shared_secret)
HOST: Final = TextKind("host name", _host)
LIMITED: Final = choice("yes", "no", "auto")

NODE: Final = Entity(
    "node",
    "nodes: what asks over RADIUS, Diameter and SIP (dial rules and templates by `portaswitch load`)",
    "nodes",
    "i_node",
    "name",
    Privilege.CATALOGUE,
    (
        Field("name", "name, unique in the environment", NAME, PLACED),
        Field("nas_ip", "NAS-IP-Address in its packets", ADDRESS),
        Field("nas_identifier", "NAS-Identifier", NAME),
        Field("origin_host", "Origin-Host of a Diameter peer", HOST),
        Field("origin_realm", "its Origin-Realm; alone: every host of the realm", HOST, DETAIL),
        Field("require_tls", "whether it has to come over TLS", FLAG, DETAIL),
        Field("max_connections", "hosts of its realm connected at once", POSITIVE, DETAIL),
        Field("protocol", "what it speaks", choice("radius", "diameter", "sip"), FIXED),
        Field("profile", "its quirks, as data", NAME),
        Field("service", "what a request that names none asks for", NAME, DETAIL, "i_service", "service"),
        Field("ip_pool", "where its Internet sessions get addresses", NAME, DETAIL, "i_ip_pool", "ip-pool"),
        Field("coa_address", "where it takes CoA, Disconnect and copies of accounting", ADDRESS, DETAIL),
        Field("coa_port", "and at which port", POSITIVE, DETAIL),
        Field("accounting_copy", "the node that is told of its sessions' addresses", NAME, DETAIL, "i_accounting_copy", "node"),
    ),
)

CLIENT: Final = Entity(
    "client",
    "RADIUS clients: who may send packets",
    "radius_clients",
    "i_client",
    "address",
    Privilege.CATALOGUE,
    (
        Field("address", "address or network that packets come from", NETWORK, PLACED),
        Field("secret", "shared secret", SECRET, frozenset({Mark.SECRET, Mark.DETAIL, Mark.REQUIRED})),
        Field("node", "whose its packets are when they name no node that is known", NAME, frozenset(), "i_node", "node"),
        Field("require_message_authenticator", "no Access-Request without one (CVE-2024-3596)", LIMITED),
        Field("limit_proxy_state", "no Proxy-State without Message-Authenticator", LIMITED),
        Field("ignore_password", "may ask for log-ins without a password", FLAG),
    ),
)

VENDOR: Final = Entity(
    "vendor",
    "vendors: who carries calls",
    "vendors",
    "i_vendor",
    "name",
    Privilege.CATALOGUE,
    (
        Field("name", "name, unique in the environment", NAME, PLACED),
        Field("currency", "currency of its prices", CURRENCY, FIXED | {Mark.REQUIRED}),
        Field("balance", "what it is owed", AMOUNT, frozenset({Mark.READ_ONLY})),
        Field("internal", "stands for on-net traffic", FLAG, FIXED | DETAIL),
        Field("timezone", "its time zone", ZONE, DETAIL),
    ),
)

CONNECTION: Final = Entity(
    "connection",
    "connections to and from vendors",
    "connections",
    "i_connection",
    "name",
    Privilege.CATALOGUE,
    (
        Field("vendor", "whose it is", NAME, OWN, "i_vendor", "vendor"),
        Field("name", "name, unique with its vendor", NAME, PLACED),
        Field("type", "SIP, PSTN, H323 or SMPP", mapped({"SIP": 1, "PSTN": 2, "H323": 3, "SMPP": 4}), FIXED, "i_connection_type"),
        Field("direction", "calls to the vendor, or from it", choice("to", "from"), FIXED),
        Field("remote_ip", "its h323-remote-address", ADDRESS),
        Field("node", "at this node only", NAME, DETAIL, "i_node", "node"),
        Field("tariff", "what the vendor charges by", NAME, frozenset(), "i_tariff", "tariff"),
        Field("capacity", "calls at once", POSITIVE),
        Field("active", "in use", FLAG),
    ),
    parent="vendor",
    environment="",
)

IP_POOL: Final = Entity(
    "ip-pool",
    "address pools of Internet access (ranges by `portaswitch load`)",
    "ip_pools",
    "i_ip_pool",
    "name",
    Privilege.CATALOGUE,
    (
        Field("name", "name, unique in the environment", NAME, PLACED),
        Field("lease_time", "seconds without a message after which an address is free", POSITIVE),
    ),
)

ENTITIES: Final = (NODE, CLIENT, VENDOR, CONNECTION, IP_POOL)

