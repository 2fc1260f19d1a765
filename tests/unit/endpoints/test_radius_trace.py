"""RADIUS in a trace: attributes as understood and masked; what an endpoint tells, and that it tells nothing while nobody is watched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from portaswitch.endpoints.radius_trace import described, title
from portaswitch.errors import DatabaseDown
from portaswitch.logs import LineFile
from portaswitch.trace.tracer import Tracer
from portaswitch.trace.watch import Watch
from portaswitch.wire.radius.packet import Code
from tests.unit.builders import AT
from tests.unit.endpoints.radius_world import DICTIONARY, HOST, PEER, Attributes, octets, packet
from tests.unit.endpoints.test_radius import ACCEPT, HELLO, REJECT, RadiusCase


class RadiusTraceTests(RadiusCase):
    """One port with a tracer."""

    def setUp(self) -> None:
        """That watches the node and its address."""
        super().setUp()
        self.path = Path(self.mktemp())
        self.file = LineFile(self.path, 1_000_000, 2, 100)
        self.addCleanup(self.file.close)
        self.tracer = self.protocol._tracer = Tracer(self.file, self.clock.seconds, lambda: AT)
        self.tracer.watch([Watch(1, 1, "nas", "gw", 60, (), 7, (HOST,))])

    def lines(self) -> list[tuple[str, str]]:
        """Kind and text of what was written."""
        self.file.flush()
        return [(line["kind"], line["text"]) for line in map(json.loads, self.path.read_text().splitlines())] if self.path.exists() else []

    def test_answered(self) -> None:
        """The packet, and what is sent; a reject when it is decided, not when it leaves."""
        for decision, answer in ((ACCEPT, "Access-Accept"), (REJECT, "Access-Reject")):
            self.path.unlink(missing_ok=True)
            self.file.close()
            self.receive(octets(Code.ACCESS_REQUEST, HELLO, authenticator=answer.encode().ljust(16)[:16]))
            self.desk.decide(decision)
            self.assertEqual(self.lines(), [("packet", "Access-Request"), ("reply", answer)])

    def test_unanswered(self) -> None:
        """No decision, no answer: the reason."""
        self.receive(octets(Code.ACCESS_REQUEST, HELLO))
        self.desk.fail(DatabaseDown("gone"))
        self.assertEqual(self.lines(), [("packet", "Access-Request"), ("drop", "not answered: database")])

    def test_dropped(self) -> None:
        """Noise, a stranger's packet from that address, one that came again."""
        hello = octets(Code.ACCESS_REQUEST, HELLO)
        self.receive(b"\x01", hello, hello)
        self.desk.decide(ACCEPT)
        self.receive(hello)
        self.assertEqual(
            [text for kind, text in self.lines() if kind == "drop"],
            ["RADIUS auth packet dropped: short", "RADIUS auth packet dropped: in-progress", "RADIUS auth packet came again: the same answer went out again"],
        )

    def test_nobody(self) -> None:
        """While nobody is watched the endpoint asks nothing of the tracer but that."""
        self.tracer.watch([])

        def unwanted(*_: Any) -> None:
            raise AssertionError("asked")

        self.patch(self.tracer, "_guarded", unwanted)
        self.receive(b"\x01", octets(Code.ACCESS_REQUEST, HELLO), peer=PEER)
        self.desk.decide(ACCEPT)
        self.assertEqual((len(self.wire.sent), self.lines()), (1, []))

    def test_described(self) -> None:
        """Words for numbers that have one, lengths for octets, digits for Class, a mask for secrets; in the order of the wire."""
        sent: Attributes = [
            ("User-Name", "100"), ("User-Password", b"x" * 16), ("Service-Type", "Login-User"), ("Class", b"\x01\x02"), ("Proxy-State", b"abc"),
        ]  # fmt: skip
        understood = packet(Code.ACCESS_REQUEST, sent)
        told = dict(described(understood.attributes, DICTIONARY))
        self.assertEqual(
            (told["User-Name"], told["User-Password"], told["Service-Type"], told["Class"], told["Proxy-State"]),
            ("100", "***", "Login-User", "0102", "(3 octets)"),
        )
        self.assertEqual((title(1), title(5)), ("Access-Request", "Accounting-Response"))
