"""
Hostile Diameter against the whole server: each kind is answered or ends its connection as docs/diameter-hostile.rst says, nothing is logged as a failure, and
another peer is served all the time.

The table is what was measured. After a change that is meant, write it anew and read the difference:

    PORTASWITCH_HOSTILE=write .venv/bin/python -m twisted.trial tests.server.test_hostile_diameter
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import deferLater

from portaswitch.store.audit import audit
from tests.server import hostile_diameter_kinds
from tests.server.diameter_client import Client, DiameterCase, initial
from tests.server.diameter_octets import DWR, cer, message, origin
from tests.server.hostile_diameter_kinds import GROUPS, HOP, Kind, kinds
from tests.server.hostile_table import HostilePage

WRITE = os.environ.get("PORTASWITCH_HOSTILE") == "write"
HEAD = """\
Hostile Diameter messages
=========================

What becomes of messages that are malformed, forged or sent to do harm: measured by ``tests/server/test_hostile_diameter.py`` on the whole server, which fails
when this page differs. A number is the Result-Code of the answer; "closed" says that the connection ended, since it can't be known where the next message
begins, or since nothing but a CER may come first. After each of them another peer was served, no failure was logged, and the laws of ``portaswitch verify``
held. The page is written by ``PORTASWITCH_HOSTILE=write .venv/bin/python -m twisted.trial tests.server.test_hostile_diameter``.
"""
ABOUT = {
    "Before the CER": "Connections that have not said who they are (RFC 6733 5.6.1).",
    "Framing": "Version and length (RFC 6733 3); of a peer that is connected, as all that follow.",
    "Headers": "Flags, commands and applications (RFC 6733 3 and 7.1.3).",
    "Lengths": "Headers of AVPs (RFC 6733 4.1, 7.1.5).",
    "Structure": "Nesting, numbers of AVPs and sizes.",
    "Arity": "What a CCR has to have, and may have once (RFC 8506 3.1).",
    "Values": "Values that their type has not, and values of which nobody has thought.",
}
PAGE = HostilePage(Path(__file__).parents[2] / "docs" / "diameter-hostile.rst", ABOUT, HEAD, "Message")
AFTER = HOP + 1
UNANSWERED = frozenset(("CCA for nothing", "DWA for nothing", "DPA for nothing"))
_reactor: Any = reactor


class HostileTests(DiameterCase):
    """One server a group; a good peer asks between all kinds."""

    timeout = 240

    async def _begin(self) -> None:
        await super()._begin()
        self.good = await self.peer("other.example.com")
        self.told: dict[str, str] = {}
        self._asked = 0

    async def probe(self) -> None:
        """The good peer is served: the core says that there is no such subscriber."""
        self._asked += 1
        answer = await self.good.ask(initial(self._asked, f"other.example.com;{self._asked}", account="nobody", host="other.example.com"))
        self.assertEqual(answer.result, 5030)

    async def measured(self, kind: Kind) -> str:
        """Send a kind, then a DWR; what came until its answer, or the end of the connection."""
        client = await self.connect()
        if not kind.early:
            await client.ask(cer())
        client.say(kind.octets)
        if not kind.early:
            client.say(message(DWR, origin(), hop=AFTER, end=AFTER))
        waits: list[Deferred[Any]] = [client.closed, client.expect(AFTER)]
        over = DeferredList(waits, fireOnOneCallback=True, fireOnOneErrback=True, consumeErrors=True)
        try:
            await over
        except Exception as error:
            self.fail(f"{kind.name}: neither an answer nor an end: {error}")
        found = self.answers(client)
        for _ in range(0 if kind.name in UNANSWERED else 250):
            if found or client.closed.called:
                break
            await deferLater(_reactor, 0.02)  # what asks the core is answered after the DWR
            found = self.answers(client)
        if client.closed.called:
            found.append("closed")
        else:
            await client.end()
        return ", ".join(found) or "ignored"

    @staticmethod
    def answers(client: Client) -> list[str]:
        """The Result-Codes of what was answered beside the DWA; our own requests are none. Many equal ones are one."""
        results = [str(one.result) for one in client.strays if not one.flags & 0x80]
        return list(dict.fromkeys(results))

    async def sent(self, group: str) -> None:
        """All kinds of a group; compared with the table."""
        for kind in kinds(group):
            self.assertNotIn(kind.name, self.told)
            self.told[kind.name] = await self.measured(kind)
            await self.probe()
            self.assertEqual(self.failures, [], kind.name)
        found = await audit(self.world.pool)
        self.assertEqual([finding for finding in found.findings if finding.differ], [])
        if WRITE:
            PAGE.write(group, self.told)
        self.assertEqual(PAGE.read().get(group), self.told, "the table differs: see the head of this file")

    async def test_before(self) -> None:
        """Before the CER."""
        await self.sent("Before the CER")

    async def test_framing(self) -> None:
        """Headers that lie."""
        await self.sent("Framing")

    async def test_headers(self) -> None:
        """Flags, commands, applications."""
        await self.sent("Headers")

    async def test_lengths(self) -> None:
        """AVP headers that lie."""
        await self.sent("Lengths")

    async def test_structure(self) -> None:
        """Nesting, numbers, sizes."""
        await self.sent("Structure")

    async def test_arity(self) -> None:
        """What must be there once."""
        await self.sent("Arity")

    async def test_values(self) -> None:
        """Values."""
        await self.sent("Values")

    def test_how_many(self) -> None:
        """At least a hundred kinds."""
        self.assertGreaterEqual(sum(len(kinds(group)) for group in GROUPS), 100)

    async def test_floods(self) -> None:
        """Connections without a CER, CERs of nobody, half messages: the good peer is served, and a new one gets in."""
        flood = [await self.connect("127.0.0.2") for _ in range(40)]
        for client in flood[:20]:
            if not client.closed.called:
                client.say(cer("nobody.example.org", "example.org"))
        half = await self.peer("h.visited.example.net", "visited.example.net")
        half.say(hostile_diameter_kinds.asked()[:30])
        await self.probe()
        for client in flood:
            if not client.closed.called:
                await client.end()
        await self.peer("g.visited.example.net", "visited.example.net")


