"""
Diameter conversations in server tests: octets by python-diameter through the map and a core on PostgreSQL, with the demo catalogue.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from portaswitch.endpoints.diameter_peers import DiameterPeer, LocalIdentity
from tests.contract.diameter_wire import answer
from tests.server.charging import ChargingCase
from tests.server.diameter_sender import build, read

PGW = "bec-pgw.portaone.com"
USER = "380630000001"


class Conversation(ChargingCase):
    """One client, bec-pgw.portaone.com, in environment 1."""

    profile = "generic"

    async def say(self, asked: dict[str, Any], lag: int = 0) -> dict[str, Any]:
        """The answer to a request that came at its Event-Timestamp, told `lag` seconds behind."""
        at = datetime.fromtimestamp(int(asked["Event-Timestamp"]), UTC)
        node = next(node for node in self.catalogue.current().nodes.values() if node.name == PGW)
        peer = DiameterPeer(node.i_node, 1, PGW, PGW, "portaone.com", self.profile, LocalIdentity("ocs.portaone.com", "portaone.com"), node)
        return read(await answer(build(asked), self.core, peer, at, at + timedelta(seconds=lag)))

    def accounts(self, name: str = "380630000001") -> tuple[str, str]:
        """Balance and hold."""
        return self.money(name)

    def rows(self, session: str) -> list[tuple[Any, ...]]:
        """The account's xDRs of a session: quantity, amount, destination, failed."""
        sql = "select used_quantity, charged_amount, rating_pattern, failed from xdr where h323_conf_id = %s and storage = 'a' order by split_order"
        return [(used, format(amount.normalize(), "f"), pattern, failed) for used, amount, pattern, failed in self.ask(sql, (session,))]

    def asked_by(self, asked: dict[str, Any], printed: dict[str, Any], who: str) -> dict[str, Any]:
        """The request that a printed refusal answers."""
        return asked | {"Session-Id": printed["Session-Id"], "Subscription-Id": {"Subscription-Id-Data": who, "Subscription-Id-Type": "END_USER_E164"}}
