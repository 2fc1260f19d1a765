"""A node to which anything happens in any order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.diameter.codec import decode
from portaswitch.wire.diameter.identifiers import Identifiers
from portaswitch.wire.diameter.message import Message
from portaswitch.wire.diameter.node import Node
from portaswitch.wire.diameter.outputs import Close, Connection, Deliver, Down, Output, Send, Up
from tests.unit.wire.diameter.exchange import DICTIONARY, KNOWN, LOCAL, admit, ccr, cer, origin, reply, request


class RandomWalkTests(SynchronousTestCase):
    """Anything in any order."""

    @settings(max_examples=150, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 14), st.integers(0, 3), st.floats(0, 40)), max_size=60))
    def test_laws(self, steps: list[tuple[int, int, float]]) -> None:
        """
        Nothing is raised; nothing is sent to a connection that isn't there or was closed; Up and Down of a peer
        alternate; a request has at most one answer.
        """
        walk = Walk(self)
        for what, which, wait in steps:
            walk.now += wait
            walk.step(what, which)


class Walk:
    """A node, and what must hold of its outputs."""

    def __init__(self, case: SynchronousTestCase) -> None:
        self.case = case
        self.node = Node(LOCAL, admit, Identifiers(1, 2), lambda: 0)
        self.now = 0.0
        self.alive: set[Connection] = set()
        self.up: set[str] = set()
        self.delivered: list[Deliver] = []
        self.answered: set[int] = set()
        self.dwr: dict[Connection, Message] = {}
        self.hop = 100

    def step(self, what: int, which: int) -> None:
        """One thing happens."""
        node, now, host = self.node, self.now, sorted(KNOWN)[which % 3]
        self.hop += 1
        if what == 0:
            self.alive.add(which)
            if which not in self.lanes:
                self.check(node.connected(which, now))
        elif what == 1:
            self.check(node.start(host, now))
        elif what == 2:
            self.alive.add(which + 10)
            self.check(node.connected(which + 10, now, host))
        elif what == 3:
            self.check(node.failed(host, now))
        elif what == 4:
            self.alive.discard(which)
            self.check(node.lost(which, now))
        elif what == 5:
            self.check(node.tick(now))
        elif what == 6:
            self.check(node.stop(now, which, host))
        elif what == 7 and self.delivered:
            self.answer(self.delivered[-1 - which % len(self.delivered)])
        else:
            self.receive(what, which, host)

    @property
    def lanes(self) -> set[Connection]:
        """Connections that came in and are there."""
        return {connection for connection in self.alive if isinstance(connection, int) and connection < 10}

    def receive(self, what: int, which: int, host: str) -> None:
        """Octets come."""
        connection = which if what % 2 else which + 10
        octets = {
            8: cer(host),
            9: cer(host),
            10: ccr(self.hop),
            11: ccr(self.hop) + request(280, origin(host), hop=self.hop),
            12: request(282, [*origin(host), ("Disconnect-Cause", 0)]),
            13: b"\1\0\0",
        }.get(what, b"")
        if connection in self.dwr and what == 14:
            octets = reply(self.dwr.pop(connection), host, more=[("Auth-Application-Id", 4)])
        if connection in self.alive:
            self.check(self.node.received(connection, octets, self.now))

    def answer(self, delivered: Deliver) -> None:
        """The application answers, perhaps again."""
        outputs = self.node.answer(delivered, b"x" * 20)
        self.case.assertFalse(outputs and delivered.message.hop_by_hop in self.answered)
        if outputs:
            self.answered.add(delivered.message.hop_by_hop)
            self.case.assertIn(delivered.connection, self.alive)

    def check(self, outputs: list[Output]) -> None:
        """The laws."""
        for output in outputs:
            if isinstance(output, Send):
                self.case.assertIn(output.connection, self.alive)
                message = decode(output.octets, DICTIONARY)
                if message.is_request:
                    self.dwr[output.connection] = message
            elif isinstance(output, Close):
                self.case.assertIn(output.connection, self.alive)
                self.alive.remove(output.connection)
            elif isinstance(output, Up):
                self.case.assertNotIn(output.peer, self.up)
                self.up.add(output.peer)
            elif isinstance(output, Down):
                self.up.remove(output.peer)
            elif isinstance(output, Deliver):
                self.delivered.append(output)
