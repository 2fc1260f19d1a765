"""What a catalogue file says of Internet access: policies with their levels, phases and attributes, and address pools."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address
from typing import Final

from portaswitch.config.catalogue_kinds import Section, Thing, Things
from portaswitch.config.grammar import OrNone, Refused, ScalarKind
from portaswitch.config.kinds import ListOf
from portaswitch.config.node import Node
from portaswitch.config.values import Choice, Integer, Text
from portaswitch.model.access_policy import LevelName
from portaswitch.model.period import PeriodError, parse

NAME: Final = Text("a name of printable characters", r"[^\x00-\x1f\x7f]+", longest=128)
WORDS: Final = Text("text", r"[^\x00-\x1f\x7f]*", longest=1024)
LEVEL: Final = Choice(*(level.value for level in LevelName))
RATE: Final = OrNone(Integer(1, 10**12, "bit/s"))


class PeriodText(ScalarKind[str]):
    """A period in the language of Time::Period (`portaswitch.model.period`)."""

    def convert(self, node: Node) -> str:
        try:
            parse(node.text)
        except PeriodError as error:
            raise Refused(f"is not a period: {error}") from None
        return node.text

    def describe(self) -> str:
        return "period, such as wd{mon-fri} hr{9am-4pm}"


class StaticAddress(ScalarKind[str]):
    """An IPv4 address."""

    def convert(self, node: Node) -> str:
        try:
            return str(IPv4Address(node.text))
        except ValueError:
            raise Refused("is not an IPv4 address, such as 192.0.2.17") from None

    def describe(self) -> str:
        return "IPv4 address"


class AddressRange(ScalarKind[str]):
    """
    IPv4 addresses, `FIRST-LAST` afterwards. A network stands for the hosts of it, without its own and its broadcast address;
    a range for all that it names.
    """

    def convert(self, node: Node) -> str:
        first, dash, last = (part.strip() for part in node.text.partition("-"))
        try:
            if dash:
                low, high = IPv4Address(first), IPv4Address(last)
            else:
                hosts = ipaddress.IPv4Network(first)
                edge = 1 if hosts.prefixlen < 31 else 0
                low, high = hosts[edge], hosts[-1 - edge]
        except ValueError:
            raise Refused("is neither a network (10.20.0.0/16, host bits zero) nor a range (10.20.0.10-10.20.0.99)") from None
        if low > high:
            raise Refused("is a range whose end lies before its beginning")
        return f"{low}-{high}"

    def describe(self) -> str:
        return "IPv4 network (10.20.0.0/16) or range (10.20.0.10-10.20.0.99)"


ACCESS_POLICY: Final = Thing(
    {
        "default_level": LEVEL,
        "exceeded_level": LEVEL,
        "captive_portal": OrNone(Text("a URL", r"https?://[^\s\x00-\x1f\x7f]+", longest=1024)),
        "interim_interval": Integer(60, 86400, "seconds"),
        "idle_timeout": OrNone(Integer(1, 30 * 86400, "seconds")),
        "pdn_context_id": OrNone(Integer(0, 2**31 - 1, "(of the mobile core)")),
        "description": WORDS,
        "levels": Section(LEVEL, Thing({"upload_rate": RATE, "download_rate": RATE})),
        "phases": Section(
            NAME,
            Thing({"period": PeriodText(), "level": LEVEL, "sort_order": Integer(0, 32767, "(the lowest one holds where phases overlap)")}),
        ),
        "attributes": Things(
            Thing({"group": NAME, "name": NAME, "operator": Choice("=", "+=", ":="), "value": WORDS, "level": OrNone(LEVEL)})
        ),
    }
)  # fmt: skip
IP_POOL: Final = Thing({"ranges": ListOf(AddressRange(), least=1), "lease_time": Integer(60, 30 * 86400, "seconds")})
