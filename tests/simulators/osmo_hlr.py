"""
An osmo-hlr by its CTRL interface; the answers are those observed at osmo-hlr 1.5.0 (Debian 12). Words for broken frames are libosmocore's, not observed.

    -> SET 1 subscriber.create 001010000000001                     <- SET_REPLY 1 subscriber.create 1
    -> SET 2 subscriber.by-imsi-001010000000001.msisdn 447700      <- SET_REPLY 2 subscriber.by-imsi-001010000000001.msisdn OK

A frame is the length (2 octets, big endian) of what follows the stream octet, that octet (0xEE: control), an extension octet (0x00), text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IProtocolFactory, IReactorTime
from twisted.internet.protocol import Factory, Protocol

from tests.simulators.core import Fault, Refused, Simulator
from tests.simulators.run import run

CONTROL, CCM = 0xEE, 0xFE
PING, PONG = b"\x00", b"\x01"
_SELECTOR = re.compile(r"subscriber\.by-(imsi|msisdn|id)-(\d{1,18})\.([a-z0-9-]+)")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
#: Algorithms by generation, and the octets of their keys.
ALGORITHMS_2G = ("comp128v1", "comp128v2", "comp128v3", "xor")
KEY = re.compile(r"[0-9A-Fa-f]{32}")
#: Octets that a client may have sent without an end of frame: no command is longer.
LONGEST = 4096


@dataclass
class Subscriber:
    """A row: `aud2g` and `aud3g` are the words of the keys' command, () for none."""

    number: int
    imsi: str
    msisdn: str = ""
    cs: bool = True
    ps: bool = True
    aud2g: tuple[str, ...] = ()
    aud3g: tuple[str, ...] = ()


class OsmoHlr(Simulator):
    """`subscribers` by IMSI, in the order of their creation."""

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__(clock)
        self.subscribers: dict[str, Subscriber] = {}
        self._last = 0

    def factory(self) -> IProtocolFactory:
        """See `Simulator.factory`."""
        return Factory.forProtocol(lambda: Ctrl(self))

    def command(self, text: str) -> str:
        """The answer to one command, or Refused."""
        words = text.split(" ", 3)
        number = words[1] if len(words) > 1 and words[1].isdigit() else "err"
        try:
            return self._command(words)
        except Refused as error:
            return f"ERROR {error.code or number} {error.text}"

    def _command(self, words: list[str]) -> str:
        verb = words[0]
        if verb not in ("GET", "SET"):
            raise Refused("err", "Request type unknown")
        if len(words) < 2:
            raise Refused("err", "Missing ID")
        if not re.fullmatch("[0-9]+", words[1]):
            raise Refused("err", "Invalid message ID number")
        if len(words) != (4 if verb == "SET" else 3) or not words[-1]:
            raise Refused("", f"{verb} incomplete" if len(words) < 4 else f"{verb} with trailing characters")
        name = words[2]
        if not _NAME.fullmatch(name):
            raise Refused("", f"{verb} variable contains invalid characters")
        self.note(f"{verb} {name}", {"aud" if ".aud" in name else "value": words[3]} if verb == "SET" else {})
        if self.faults.strikes(Fault.BUSY):
            raise Refused("", "Internal HLR error")
        told = self._set(name, words[3]) if verb == "SET" else self._get(name)
        return f"{verb}_REPLY {words[1]} {name} {told}"

    def _set(self, name: str, value: str) -> str:
        if name == "subscriber.create":
            return self._create(value)
        if name == "subscriber.delete":
            return self._delete(value)
        subscriber, field = self._select(name)
        setters = {
            "msisdn": self._set_msisdn, "aud2g": self._set_aud2g, "aud3g": self._set_aud3g, "cs-enabled": self._set_cs, "ps-enabled": self._set_ps
        }  # fmt: skip
        if field in ("info", "info-aud", "info-all"):
            raise Refused("", "SET not implemented")
        if field not in setters:
            raise Refused("", "Command not found")
        setters[field](subscriber, value)
        return "OK"

    def _create(self, imsi: str) -> str:
        _check_imsi(imsi)
        if imsi in self.subscribers:
            raise Refused("", "Subscriber already exists.")
        self._last += 1
        self.subscribers[imsi] = Subscriber(self._last, imsi)
        return str(self._last)

    def _delete(self, imsi: str) -> str:
        _check_imsi(imsi)
        if imsi not in self.subscribers:
            raise Refused("", "Subscriber doesn't exist.")
        return str(self.subscribers.pop(imsi).number)

    def _select(self, name: str) -> tuple[Subscriber, str]:
        found = _SELECTOR.fullmatch(name)
        if found is None:
            raise Refused("", "Command not found")
        by, value, field = found.groups()
        if by == "imsi":
            _check_imsi(value)
        for one in self.subscribers.values():
            if value == {"imsi": one.imsi, "msisdn": one.msisdn, "id": str(one.number)}[by]:
                return one, field
        raise Refused("", "No such subscriber.")

    def _set_msisdn(self, subscriber: Subscriber, value: str) -> None:
        if value != "none" and not re.fullmatch(r"\d{1,15}", value):
            raise Refused("", "Invalid MSISDN value.")
        if any(one.msisdn == value and one is not subscriber for one in self.subscribers.values()):
            raise Refused("", "Update MSISDN failed.")  # the column is unique
        subscriber.msisdn = "" if value == "none" else value

    def _set_cs(self, subscriber: Subscriber, value: str) -> None:
        subscriber.cs = _switch(value)

    def _set_ps(self, subscriber: Subscriber, value: str) -> None:
        subscriber.ps = _switch(value)

    def _set_aud2g(self, subscriber: Subscriber, value: str) -> None:
        words = tuple(value.split(","))
        if value != "none":
            if words[0].lower() not in ALGORITHMS_2G:
                raise Refused("", "Unknown auth algorithm.")
            if len(words) != 2 or not KEY.fullmatch(words[1]):
                raise Refused("", "Invalid KI.")
        subscriber.aud2g = () if value == "none" else words

    def _set_aud3g(self, subscriber: Subscriber, value: str) -> None:
        words = tuple(value.split(","))
        if value != "none":
            if words[0].lower() != "milenage":
                raise Refused("", "Unknown auth algorithm.")
            if len(words) < 2 or not KEY.fullmatch(words[1]):
                raise Refused("", "Invalid KI.")
            right = len(words) in (4, 5) and words[2].upper() in ("OP", "OPC") and KEY.fullmatch(words[3])
            if not right or (len(words) == 5 and not re.fullmatch("[0-9]{1,2}", words[4])):
                raise Refused("", "Invalid OP/OPC.")
        subscriber.aud3g = () if value == "none" else words

    def _get(self, name: str) -> str:
        if name in ("subscriber.create", "subscriber.delete"):
            raise Refused("", "GET not implemented")
        subscriber, field = self._select(name)
        if field not in ("info", "info-aud", "info-all"):
            shown = {"msisdn": subscriber.msisdn or "none", "cs-enabled": str(int(subscriber.cs)), "ps-enabled": str(int(subscriber.ps))}
            if field not in shown:
                raise Refused("", "GET not implemented" if field in ("aud2g", "aud3g") else "Command not found")
            return shown[field]
        lines = [] if field == "info-aud" else list(_info(subscriber))
        lines += [] if field == "info" else list(_keys(subscriber))
        return "\n".join(f"{key}\t{value}" for key, value in lines)


def _check_imsi(imsi: str) -> None:
    if not re.fullmatch(r"\d{6,15}", imsi):
        raise Refused("", "Invalid IMSI value.")


def _switch(value: str) -> bool:
    if value not in ("0", "1"):
        raise Refused("", "Invalid value.")
    return value == "1"


def _info(one: Subscriber) -> Iterator[tuple[str, str]]:
    yield "id", str(one.number)
    yield "imsi", one.imsi
    if one.msisdn:
        yield "msisdn", one.msisdn
    yield "nam_cs", str(int(one.cs))
    yield "nam_ps", str(int(one.ps))


def _keys(one: Subscriber) -> Iterator[tuple[str, str]]:
    if one.aud2g:
        yield "aud2g.algo", one.aud2g[0].upper()
        yield "aud2g.ki", one.aud2g[1]
    if one.aud3g:
        yield "aud3g.algo", one.aud3g[0].upper()
        yield "aud3g.k", one.aud3g[1]
        yield f"aud3g.{one.aud3g[2].lower()}", one.aud3g[3]
        yield "aud3g.ind_bitlen", "5"


class Ctrl(Protocol):
    """One connection: frames in, frames out; a ping of the IPA link gets its pong."""

    def __init__(self, simulator: OsmoHlr) -> None:
        self._simulator = simulator
        self._waiting = b""

    def dataReceived(self, data: bytes) -> None:
        """Octets, wherever they were cut."""
        self._waiting += data
        while len(self._waiting) >= 3:
            size, stream = int.from_bytes(self._waiting[:2], "big"), self._waiting[2]
            if size > LONGEST:
                self._end()
                return
            if len(self._waiting) < 3 + size:
                return
            payload, self._waiting = self._waiting[3 : 3 + size], self._waiting[3 + size :]
            self._frame(stream, payload)

    def _frame(self, stream: int, payload: bytes) -> None:
        if stream == CCM and payload == PING:
            self._write(CCM, PONG)
        if stream != CONTROL or payload[:1] != b"\x00":
            return
        faults = self._simulator.faults
        if faults.strikes(Fault.SILENT):
            return
        if faults.strikes(Fault.SESSION_LOST):
            self._end()
            return
        half = faults.strikes(Fault.HALF)
        answer = self._simulator.command(payload[1:].decode("latin-1"))
        if half:
            self._write(CONTROL, b"\x00" + answer.encode("latin-1"), len(answer) // 2)
        if half or faults.loses():
            self._end()
        else:
            self._write(CONTROL, b"\x00" + answer.encode("latin-1"))

    def _write(self, stream: int, payload: bytes, most: int | None = None) -> None:
        """A frame, or what of its payload is sent."""
        transport: Any = self.transport
        transport.write(len(payload).to_bytes(2, "big") + bytes((stream,)) + payload[:most])

    def _end(self) -> None:
        transport: Any = self.transport
        self._waiting = b""
        transport.loseConnection()


if __name__ == "__main__":
    run(OsmoHlr, "An osmo-hlr's CTRL interface (its port is 4259).")
