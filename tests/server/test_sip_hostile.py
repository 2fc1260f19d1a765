"""
Hostile SIP against the whole server: each kind is answered or dropped as docs/sip-hostile.rst says, nothing fails, nothing is paid, and the next good request
is served. After a change that is meant, write the table anew and read the difference:

    PORTASWITCH_HOSTILE=write .venv/bin/python -m twisted.trial tests.server.test_sip_hostile
"""

from __future__ import annotations

import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import TimeoutError
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.task import deferLater

from portaswitch.metrics import render
from tests.server.phones import BOB, DOMAIN, MONEY, PASSWORD, Phone, SipCase, challenges, digest, status
from tests.server.sip_hostile import KINDS, Kind
from tests.server.test_sip_registrar import Line

PAGE = Path(__file__).parents[2] / "docs" / "sip-hostile.rst"
HEAD = """SIP that means harm
===================

.. Made by ``PORTASWITCH_HOSTILE=write python -m twisted.trial tests.server.test_sip_hostile``; do not edit.

What each kind of hostile request hears over UDP; each was a paid MESSAGE with a right log-in before something of it was changed. None of them is paid or kept,
fails anything, or keeps the next request from being served. Beside it: the torture test of RFC 4475 (``sip-torture.rst``).

"""
_reactor: Any = reactor


class HostileTests(SipCase):
    """One attacker, who has an account."""

    timeout = 240

    async def test_kinds(self) -> None:
        """At least 100 kinds, against the table; money and messages are as before."""
        self.assertGreaterEqual(len(KINDS), 100)
        phone, told, page = self.world.phone(), [], PAGE.read_text("utf-8")
        for place, kind in enumerate(KINDS):
            silent = re.search(rf"(?m)^{re.escape(kind.group)} +{re.escape(kind.name)} +nothing$", page)
            told.append((kind, await self.outcome(phone, kind, place, 0.1 if silent else 10)))
        self.assertEqual(status(await phone.ask(phone.request("OPTIONS", f"sip:{DOMAIN}"))), 200)
        await deferLater(_reactor, 0.5)
        self.assertEqual([kind.name for kind, outcome in told if "202" in outcome], [])
        self.assertEqual(await self.world.one(MONEY), (Decimal(10), Decimal(0)))
        self.assertEqual(await self.world.one("select (select count(*) from messages) + (select count(*) from sessions)"), 0)
        self.assertNotIn('reason="defect"', re.sub(r"(?m)^(?!portaswitch_sip).*$", "", render()))
        text = HEAD + table(told)
        if os.environ.get("PORTASWITCH_HOSTILE") == "write":
            PAGE.write_text(text, "utf-8")
        self.assertEqual(PAGE.read_text("utf-8"), text)

    async def outcome(self, phone: Phone, kind: Kind, place: int, patience: float) -> str:
        """What a kind hears: the statuses that came before the answer to a good request behind it, or so many seconds after it."""
        target = f"sip:{BOB}@{DOMAIN}"
        if place % 40 == 0:
            self.challenge = challenges(await phone.ask(phone.request("MESSAGE", target, "Content-Type: text/plain", body=b"?")))[0]
        proof = digest(self.challenge, phone.user, PASSWORD, "MESSAGE", target, nc=place + 1)
        phone.call = f"hostile{place}"
        good = phone.request("MESSAGE", target, "Content-Type: text/plain", f"Authorization: {proof}", body=b"hello")
        phone.got.clear()
        phone.send(kind.change(good))
        for _ in range(2):  # what is answered late is answered before the second probe is sent
            await phone.ask(phone.request("OPTIONS", f"sip:{DOMAIN}"))
            end = _reactor.seconds() + patience
            while not (answers := [octets for octets in phone.got if b"OPTIONS" not in octets]) and _reactor.seconds() < end:
                await deferLater(_reactor, 0.005)
        return " ".join(sorted({octets.partition(b"\r\n")[0].decode("ascii", "replace")[8:] for octets in answers})) or "nothing"

    async def test_connections(self) -> None:
        """Half a message that never ends is closed after 10 s; hundreds of connections of one address are too many; others are served meanwhile."""
        phone, lines = self.world.phone(), []
        for _ in range(205):
            line = await connectProtocol(TCP4ClientEndpoint(_reactor, "127.0.0.1", self.world.tcp), Line())
            line.send(b"MESSAGE sip:a@b SIP/2.0\r\nVia: ")
            lines.append(line)
        for _ in range(5):
            await first(lines)
        self.assertEqual(status(await phone.ask(phone.request("OPTIONS", f"sip:{DOMAIN}"))), 200)
        for line in lines:
            await line.closed

    async def test_many_branches(self) -> None:
        """A flood of requests without log-in costs no account, and the server goes on."""
        phone = self.world.phone()
        for _ in range(2000):
            phone.send(phone.request("MESSAGE", f"sip:{BOB}@{DOMAIN}", "Content-Type: text/plain", body=b"x"))
        while True:
            try:
                self.assertEqual(status(await phone.ask(phone.request("OPTIONS", f"sip:{DOMAIN}"), 2)), 200)
                break
            except TimeoutError:
                continue
        self.assertEqual(await self.world.one(MONEY), (Decimal(10), Decimal(0)))


class SlowedTests(SipCase):
    """sip.source_rate: 20."""

    settings = {"source_rate": "20"}

    async def test_slowed(self) -> None:
        """Guessing passwords empties the bucket of the guesser's address; another address is served all the while."""
        guesser, alice = self.world.phone(BOB, "wrong", interface="127.0.0.6"), self.world.phone()
        tries = 0
        try:
            for _ in range(40):
                self.assertEqual(status(await guesser.ask(guesser.request("MESSAGE", f"sip:{BOB}@{DOMAIN}", "Content-Type: text/plain", body=b"x"), 0.5)), 401)
                await guesser.with_digest("REGISTER", f"sip:{DOMAIN}", to=f"sip:{BOB}@{DOMAIN}")
                tries += 1
        except TimeoutError:
            pass
        self.assertLess(tries, 5)
        self.assertEqual(status(await alice.message(BOB)), 202)


async def first(lines: list[Line]) -> None:
    """Wait until one more of the connections is closed, and take it out."""
    while not any(line.closed.called for line in lines):
        await deferLater(_reactor, 0.05)
    lines.remove(next(line for line in lines if line.closed.called))


def table(told: list[tuple[Kind, str]]) -> str:
    """The outcomes as a table."""
    rows = [("group", "kind", "answer"), *((kind.group, kind.name, outcome) for kind, outcome in told)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    rule = "  ".join("=" * width for width in widths)
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join((rule, lines[0], rule, *lines[1:], rule)) + "\n"
