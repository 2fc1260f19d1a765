"""The section `sip` of the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from portaswitch.config.grammar import Conflict, Group, ListOf, MappingOf, OrNone, Section, declare
from portaswitch.config.listen import Listen, ListenAddress
from portaswitch.config.values import Address, Amount, Choice, Duration, HostName, Integer, Port, Text

PREFIX = Text('the first digits of numbers, E.164 without +; "" for all numbers', r"[0-9]*", longest=15)
HOST_PORT = Text("ADDRESS:PORT, an IPv6 address in brackets", r"(?:\[[0-9A-Fa-f:.]+\]|[0-9.]+):[0-9]{1,5}", longest=64)



def notice(*names: str) -> Text:
    """A text for subscribers that may name these facts, in braces."""
    known = "|".join(names)
    return Text(f"a text, in which {', '.join('{' + name + '}' for name in names)} stand for what they say", rf"(?:[^{{}}\x00-\x1f\x7f]|\{{(?:{known})\}})+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SipPeerSettings(Group):
    """A SIP server outside that takes messages over UDP for recipients who are no accounts of ours."""

    address: str = declare(Address(), "Its address; as the remote_ip of a vendor's connection it has that vendor's tariff charged.")
    port: int = declare(Port(), "Its UDP port.", default=5060)
    domains: tuple[str, ...] = declare(ListOf(HostName()), "Domains that it takes messages for.", default=[])
    prefixes: tuple[str, ...] = declare(
        ListOf(PREFIX), "First digits of numbers in our own domains that it takes messages for; of several peers the longest prefix counts.", default=[]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SipSettings(Group):
    """SIP registrations and messages (RFC 3261, RFC 3428)."""

    listen: tuple[ListenAddress, ...] = declare(
        ListOf(Listen("udp", "tcp", "tls")),
        "Where user agents and proxies reach us.",
        default=["udp:5060:interface=127.0.0.1", "tcp:5060:interface=127.0.0.1"],
    )
    domains: tuple[str, ...] = declare(
        ListOf(HostName(), least=1),
        "Domains we answer for, as host names or IPv4 addresses. Each needs a node whose nas_identifier it is, which tells its environment.",
        default=["127.0.0.1"],
    )
    realm: str | None = declare(
        OrNone(Text("a text without quotes", r'[^"\\\r\n]+', longest=128)), "The realm of log-ins; null for the first domain.", default=None
    )
    public_host: str | None = declare(
        OrNone(HostName()), "What our Vias name; null for the address that we listen at, or the first domain where that is every address.", default=None
    )
    charge: str = declare(
        Choice("accepted", "delivered"), "When a message is charged: as it is accepted, or as it is delivered and never else.", default="accepted"
    )
    keep_for: float = declare(Duration(60, 30 * 86400), "Seconds that a message waits for its recipient at most.", default="7d")
    max_waiting: int = declare(Integer(1, 100_000, "messages"), "Messages that wait for one recipient.", default=100)
    usual_expires: float = declare(Duration(60, 86400), "Seconds of a registration that does not say.", default="1h")
    shortest_expires: float = declare(Duration(1, 86400), "Seconds that a registration lasts at least.", default="60s")
    longest_expires: float = declare(Duration(60, 7 * 86400), "Seconds that a registration lasts at most.", default="2h")
    max_contacts: int = declare(Integer(1, 100, "contacts"), "Contacts of one account.", default=10)
    algorithms: tuple[str, ...] = declare(
        ListOf(Choice("SHA-256", "MD5"), least=1),
        "What log-ins may be hashed with, the first one preferred; clients that know MD5 only and stumble over the other one want MD5 alone.",
        default=["SHA-256", "MD5"],
    )
    nonce_lifetime: float = declare(Duration(30, 86400), "Seconds in which a challenge must be answered.", default="5m")
    legacy_nonce_lifetime: float = declare(
        Duration(0, 600), "Seconds of that for clients that answer without qop, whose log-ins can be replayed from their address meanwhile; 0 refuses them.",
        default="60s",
    )  # fmt: skip
    source_rate: int = declare(
        Integer(0, 1_000_000, "requests"), "Requests a second of one address that are looked at; a wrong password counts as 50. 0: any number.", default=200
    )
    peers: Mapping[str, SipPeerSettings] = declare(
        MappingOf(Text("a name", r"[A-Za-z0-9][A-Za-z0-9 ._-]*", longest=64), Section(SipPeerSettings)), "Servers outside, by any name.", default={}
    )
    third_party_registrars: tuple[str, ...] = declare(
        ListOf(HOST_PORT), "Servers that hear of every registration, over UDP; whether they do is of no matter to it.", default=[]
    )
    gateway: str | None = declare(
        OrNone(HOST_PORT), "This process is an edge node: it registers, and hands messages over to the gateway at this UDP address.", default=None
    )
    edges: tuple[str, ...] = declare(ListOf(Address()), "Addresses of our edge nodes, whose word on the client is believed.", default=[])
    notify_sender: str = declare(
        Text("a user's name in a SIP URI", r"[A-Za-z0-9_.!~*'()+-]+", longest=64), "Who texts of the server's own come from, in the first domain.",
        default="service",
    )  # fmt: skip
    notice_quota: str | None = declare(
        OrNone(notice("percent", "plan")), "The text that a subscriber is sent when notify_percent of an item of its discount plan is used; null for none.",
        default=None,
    )  # fmt: skip
    notice_balance: str | None = declare(
        OrNone(notice("balance", "currency")), "The text that a debit account is sent when a charge has brought its balance below low_balance; null for none.",
        default=None,
    )  # fmt: skip
    low_balance: Decimal = declare(Amount(), "The balance below which notice_balance is sent, in the account's currency.", default="1.00")
    notice_topup: str | None = declare(
        OrNone(notice("amount", "balance", "currency")), "The text that an account is sent when it was paid for or a voucher was used; null for none.",
        default=None,
    )  # fmt: skip

    def conflicts(self) -> Iterator[Conflict]:
        if not self.shortest_expires <= self.usual_expires <= self.longest_expires:
            yield Conflict(
                ("usual_expires", "shortest_expires", "longest_expires"),
                "not between shortest_expires and longest_expires: move one of the three",
            )

    def listeners(self) -> dict[str, tuple[ListenAddress, ...]]:
        """What is bound, by key."""
        return {"listen": self.listen}


def host_port(text: str) -> tuple[str, int]:
    """The address and port of an ADDRESS:PORT."""
    host, _, port = text.rpartition(":")
    return re.sub(r"[\[\]]", "", host), int(port)
