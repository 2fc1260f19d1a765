"""
The kinds of scalar that a configuration is made of; each says in `describe` what an operator may write, with
its range and unit.
"""

from __future__ import annotations

import ipaddress
import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Final

from portaswitch.config.grammar import Refused, ScalarKind, Secret
from portaswitch.config.node import Node

_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
_MAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9.-]{1,253})")
_QUANTITY: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?) ?([A-Za-z]*)")
_AMOUNT: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,10})?")
_SECONDS: Final = {
    "": Decimal(1),
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
_OCTETS: Final = {"": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


class Text(ScalarKind[str]):
    """
    Text of a given form; a number without quotes is taken digit for digit, while true, false and null need
    quotes to be text.
    """

    def __init__(
        self, what: str = "text", pattern: str = r"[^\x00-\x1f\x7f]+", *, longest: int = 255
    ) -> None:
        self._what = what
        self._pattern = re.compile(pattern)
        self._longest = longest

    def convert(self, node: Node) -> str:
        if isinstance(node.value, bool):
            raise Refused("is a truth value: put it into quotes to make it text")
        if len(node.text) > self._longest:
            raise Refused(f"is longer than {self._longest} characters")
        if not self._pattern.fullmatch(node.text):
            raise Refused(f"is not {self._what}")
        return node.text

    def describe(self) -> str:
        return self._what


class SecretText(ScalarKind[Secret]):
    """Text that is never shown again; best written as `{file: PATH}` or `{env: NAME}`."""

    confidential = True

    def convert(self, node: Node) -> Secret:
        if isinstance(node.value, bool) or not node.text:
            raise Refused("is not text: put it into quotes")
        return Secret(node.text)

    def describe(self) -> str:
        return "secret text"


class Integer(ScalarKind[int]):
    """A whole number of units, within a range that includes both ends."""

    def __init__(self, low: int, high: int, unit: str) -> None:
        self.low = low
        self.high = high
        self.unit = unit

    def convert(self, node: Node) -> int:
        if not re.fullmatch(r"-?[0-9]{1,40}", node.text):
            raise Refused(f"is not a whole number ({self.low} to {self.high} {self.unit})")
        number = int(node.text)
        if not self.low <= number <= self.high:
            raise Refused(f"is out of range: write {self.low} to {self.high} {self.unit}")
        return number

    def describe(self) -> str:
        return f"integer, {self.low} to {self.high} {self.unit}"


class Port(ScalarKind[int]):
    """A UDP or TCP port number; 0 lets the system choose a free one, which is for tests."""

    def convert(self, node: Node) -> int:
        if not re.fullmatch(r"[0-9]{1,5}", node.text) or int(node.text) > 65535:
            raise Refused("is not a port (1 to 65535, or 0 for any free one)")
        return int(node.text)

    def describe(self) -> str:
        return "port, 1 to 65535, or 0 for any free one"


class Boolean(ScalarKind[bool]):
    """A truth value."""

    _words: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}

    def convert(self, node: Node) -> bool:
        found = self._words.get(node.text.lower())
        if found is None:
            raise Refused("is neither true nor false")
        return found

    def describe(self) -> str:
        return "true or false"


class Amount(ScalarKind[Decimal]):
    """An amount of money that is not negative; digits, never a float."""

    def convert(self, node: Node) -> Decimal:
        if not _AMOUNT.fullmatch(node.text):
            raise Refused("is not an amount of money, 0 or more: write digits with a point, such as 10.00")
        return Decimal(node.text)

    def describe(self) -> str:
        return "amount of money, 0 or more"


class Duration(ScalarKind[float]):
    """A length of time in seconds, within a range that includes both ends (given in seconds)."""

    def __init__(self, low: float, high: float) -> None:
        self.low = low
        self.high = high

    def convert(self, node: Node) -> float:
        found = _QUANTITY.fullmatch(node.text)
        factor = _SECONDS.get(found[2]) if found else None
        if found is None or factor is None:
            raise Refused("is not a duration: write 1500ms, 90s, 5m, 2h, 7d or a plain number of seconds")
        seconds = float(Decimal(found[1]) * factor)
        if not self.low <= seconds <= self.high:
            raise Refused(f"is out of range: write {duration(self.low)} to {duration(self.high)}")
        return seconds

    def describe(self) -> str:
        return f"duration, {duration(self.low)} to {duration(self.high)}"


class Size(ScalarKind[int]):
    """An amount of data in octets, within a range that includes both ends (given in octets)."""

    def __init__(self, low: int, high: int) -> None:
        self.low = low
        self.high = high

    def convert(self, node: Node) -> int:
        found = _QUANTITY.fullmatch(node.text)
        factor = _OCTETS.get(found[2]) if found else None
        if found is None or factor is None:
            raise Refused("is not a size: write 64KiB, 10MiB, 1GiB or a plain number of octets")
        octets = Decimal(found[1]) * factor
        if octets != int(octets) or not self.low <= octets <= self.high:
            raise Refused(f"is out of range: write {self.low} to {self.high} octets")
        return int(octets)

    def describe(self) -> str:
        return f"size, {self.low} to {self.high} octets"


class Choice(ScalarKind[str]):
    """One of some words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def convert(self, node: Node) -> str:
        if node.text not in self.words:
            raise Refused(f"is not one of {', '.join(self.words)}")
        return node.text

    def describe(self) -> str:
        return f"one of {', '.join(self.words)}"


class Address(ScalarKind[str]):
    """An IPv4 or IPv6 address, in its shortest form afterwards."""

    def convert(self, node: Node) -> str:
        try:
            return str(ipaddress.ip_address(node.text))
        except ValueError:
            raise Refused("is not an IPv4 or IPv6 address, such as 127.0.0.1 or ::1") from None

    def describe(self) -> str:
        return "IPv4 or IPv6 address"


class HostName(ScalarKind[str]):
    """
    A host or domain name (RFC 1123 2.1), in lower case afterwards; an IPv4 address looks the same and is
    taken.
    """

    def convert(self, node: Node) -> str:
        if isinstance(node.value, bool) or not _HOST.fullmatch(node.text):
            raise Refused("is not a host name, such as ocs.example.com")
        return node.text.lower()

    def describe(self) -> str:
        return "host name"


class MailAddress(ScalarKind[str]):
    """A mail address (the unquoted form of RFC 5321 4.1.2)."""

    def convert(self, node: Node) -> str:
        found = _MAIL.fullmatch(node.text)
        if found is None or not _HOST.fullmatch(found[1]):
            raise Refused("is not a mail address, such as ops@example.com")
        return node.text

    def describe(self) -> str:
        return "mail address"


class FilePath(ScalarKind[Path]):
    """
    A path, absolute afterwards; a relative one begins at the working directory of the start. Whether it
    exists is not asked.
    """

    def convert(self, node: Node) -> Path:
        if isinstance(node.value, bool) or not node.text or re.search(r"[\x00-\x1f]", node.text):
            raise Refused("is not a path")
        try:
            return Path(os.path.abspath(node.text))
        except OSError:
            raise Refused("is relative, and the working directory is gone: write an absolute path") from None

    def describe(self) -> str:
        return "path"


def duration(seconds: float) -> str:
    """A number of seconds as an operator would write it, in the largest unit that divides it."""
    milliseconds = round(seconds * 1000)
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"
