"""Proxy-State that an answer would have to return and could not hold."""

from __future__ import annotations

from portaswitch.wire.radius.packet import Code
from tests.unit.endpoints.radius_world import octets
from tests.unit.endpoints.test_radius import HELLO, RadiusCase


class SizeTests(RadiusCase):
    """How much of it an Access-Request may bring."""

    def test_more_proxy_state_than_fits(self) -> None:
        """Proxy-State that no answer could return is dropped before the core is asked; 2048 octets are not too many."""
        full = [("Proxy-State", b"p" * 253)] * 8
        self.receive(octets(Code.ACCESS_REQUEST, [*HELLO, *full, ("Proxy-State", b"p" * 7)]))
        self.assertEqual((self.dropped(), len(self.desk.asked)), ({"proxy-state-size": 1}, 0))
        self.receive(octets(Code.ACCESS_REQUEST, [*HELLO, *full, ("Proxy-State", b"p" * 6)]))
        self.assertEqual(len(self.desk.asked), 1)
