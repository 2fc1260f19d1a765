"""Protei's PCRF and P-GW side by side: the policy that a gateway takes from the one, and the quota that it gets from us, are of the same subscriber."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.claims import claims
from tests.server.conversation import USER, Conversation
from tests.server.event_cases import op
from tests.server.fleet import POLICY
from tests.server.fleet_case import FleetCase
from tests.server.test_diameter_clients import BEGIN, GIB, MSCC, group, total

IMSI: Final = "999700000000003"
#: The demo's mobile product, with the service that mobile cores are provisioned for, and a policy.
PRODUCT: Final = {"products": {"Mobile": {"currency": "USD", "access_policy": POLICY, "features": {"lte": {"flag": "Y", "attributes": {"context_id": ["1"]}}}}}}


class GatewayTests(FleetCase, Conversation):
    """A gateway: whoever attaches is looked up at the PCRF by IMSI, and only then asked for at the charging system (CCR-I), under the policy's name."""

    profile = "protei"

    async def attach(self, session: str) -> tuple[list[str], dict[str, Any] | None]:
        """The policies of who attaches, and the CCA-I; without a policy none is asked for."""
        pcrf = self.vendors["Protei::PCRF"]
        found = [key for key, one in pcrf.records.items() if one["imsi"] == IMSI]
        policies = sorted(pcrf.members[found[0]], key=lambda item: int(pcrf.members[found[0]][item]["position"])) if found else []
        if not policies:
            return [], None
        packet = {"Called-Station-Id": "internet", "Charging-Rule-Base-Name": policies[0], "3GPP-RAT-Type": "\x06"}
        told = {
            "Session-Id": session, "Origin-Host": "bec-pgw.portaone.com", "Origin-Realm": "portaone.com", "Destination-Realm": "portaone.com",
            "Auth-Application-Id": "4", "Service-Context-Id": "32251@3gpp.org", "CC-Request-Type": "INITIAL_REQUEST", "CC-Request-Number": "0",
            "Subscription-Id": {"Subscription-Id-Type": "END_USER_IMSI", "Subscription-Id-Data": IMSI}, "Event-Timestamp": str(BEGIN),
            MSCC: [group(100, {}), group(10, {})], "Service-Information": {"PS-Information": packet},
        }  # fmt: skip
        return policies, await self.say(told)

    @claims("protei-pgw.1")
    async def test_policy_and_quota(self) -> None:
        """Nothing before the account's product is provisioned; then the policy of its product, and a CCR-I under it is granted; a block reaches both."""
        await self.begin(["Protei::PCRF"])
        self.assertEqual(await self.attach("pgw;1"), ([], None))
        await self.text(json.dumps(PRODUCT))
        await self.everybody(USER)
        policies, answer = await self.attach("pgw;2")
        assert answer is not None
        self.assertEqual((policies, answer["Result-Code"]), ([POLICY], "2001"))
        self.assertEqual([(one["Rating-Group"], one["Result-Code"], one["Granted-Service-Unit"]) for one in answer[MSCC]],
                         [("100", "2001", total(GIB)), ("10", "2001", total(GIB))])  # fmt: skip
        await self.all_steps([op("account.block", id=USER)])
        self.core.cache.forget_all()
        policies, answer = await self.attach("pgw;3")
        assert answer is not None
        self.assertEqual((policies, self.vendors["Protei::PCRF"].records[USER]["barred"], answer["Result-Code"]), ([POLICY], "1", "4010"))
        await self.assert_books()
