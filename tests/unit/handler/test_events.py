"""A handler can be subscribed to whatever changes what it tells: an operator who finds a vendor left behind has an event to subscribe it to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.handler import Condition, Policy, StateHandler
from tests.contract.handler_contract import FULL, configured
from tests.rules.handler_pages import shipped

FIELDS: Final = {"imei": "1", "location": "MARITIME", "profileName": "x", "domain": "y", "customer_class": "z", "device_id": "q", "iptv_password": "p"}
SLOW: Final = Policy(8, "Slow", {"upload_rate": "1", "download_rate": "2", "pdn_context_id": "9", "zxun.pakid": "7", "titan.apn_id": "3"})
#: What changes of an account, and the events of which a handler has to take all of one set.
CHANGES: Final[tuple[tuple[dict[str, Any], tuple[set[str], ...]], ...]] = (
    ({"id": "16045550999"}, ({"Account/ID/Changed"},)),
    ({"sim": replace(FULL.sim, imsi="255019999999999", iccid="8938001234567899999") if FULL.sim else None}, ({"Account/SIMCardAssignment"},)),
    ({"sim": None}, ({"Account/SIMCardAssignment"},)),
    ({"product": "Silver"}, ({"Account/Product/Changed"},)),
    ({"features": frozenset(), "services": frozenset()}, ({"Account/Product/Changed"},)),
    ({"policy": SLOW}, ({"AccessPolicy/Changed", "Account/AccessPolicy/Changed"},)),
    ({"policy": None}, ({"Account/ProductAddon/Inserted", "Account/ProductAddon/Deleted"},)),
    ({"addons": ("Other",)}, ({"Account/ProductAddon/Inserted", "Account/ProductAddon/Deleted"},)),
    ({"devices": ()}, ({"Account/IPDeviceAssignment"},)),
    ({"custom_fields": FIELDS}, ({"Account/CustomField/Changed"}, {"CustomField/Changed"})),
    ({"follow_me": ("1",)}, ({"Account/FollowMeNumber/Changed", "Account/FollowMeNumber/Deleted", "Account/FollowMeNumber/Inserted"},)),
    ({"password": "another"}, ({"Account/ServicePassword/Changed"}, {"Account/Password/Changed"})),
    ({"attributes": {}}, ({"Account/ServiceAttribute/Changed"},)),
    ({"expiration_date": date(2027, 1, 1)}, ({"Account/ExpirationDate/Changed"},)),
    ({"conditions": frozenset({Condition.BLOCKED})}, ({"Account/Blocked", "Account/Unblocked"},)),
    ({"conditions": frozenset({Condition.SUSPENDED})}, ({"Account/Status/Suspend", "Account/Status/Unsuspend"},)),
)  # fmt: skip


class HeardTests(SynchronousTestCase):
    """All shipped handlers that hold a state at their vendor."""

    def deaf(self, handler: StateHandler) -> Iterator[str]:
        """What changes that it can't hear of."""
        heard = {*handler.events, *handler.extra_events}
        wanted = handler.wanted(FULL)
        for change, sets in CHANGES:
            if handler.wanted(replace(FULL, **change)) != wanted and not any(needed <= heard for needed in sets):
                yield f"{handler.name}: {change}: it takes none of {sets}"

    def test_all(self) -> None:
        """None of them is deaf to what it tells, but Calix, to which the account's id is a description that follows with its next event."""
        handlers = [configured(handler) for handler in shipped() if handler.name != "Calix"]
        stateful = [handler for handler in handlers if isinstance(handler, StateHandler)]
        self.assertGreater(len(stateful), 15)
        self.assertEqual([fault for handler in stateful for fault in self.deaf(handler)], [])
