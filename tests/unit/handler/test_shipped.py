"""What single shipped handlers make of an answer or an event, without a vendor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.espf.options import Reading
from portaswitch.handler import Condition, EventHandler, Http, NotProvisionable, Reply, Sim, Subscriber
from portaswitch.handler.testing import event, handler_of, play
from tests.rules.source import ROOT

LINE = Subscriber(7, 1, "447700900121", 3, "Ann", product="gold", sim=Sim(1, "001010000000001", "8900100000000000001"))
CLOSED = replace(LINE, conditions=frozenset({Condition.CLOSED}))


def handler(file: str, **options: Any) -> EventHandler:
    """A shipped handler with its options."""
    plain = handler_of(ROOT / "handlers" / f"{file}.py")
    return plain.configured(Reading(plain, {"url": "http://vendor.example.com", **options}).values)


class ECConnectTests(SynchronousTestCase):
    """The portal that gives ids."""

    def test_no_ids(self) -> None:
        """An answer that has the words but no ids gives none: 'null' is kept nowhere."""
        with self.assertRaises(NotProvisionable):
            play(handler("ecconnect"), event("Account/SIMCardAssignment"), LINE, replies=[Reply(409, '{"clientid": null, "phoneid": null}')])


class JasperTests(SynchronousTestCase):
    """What it refuses."""

    def test_reason(self) -> None:
        """Code and words of a refusal are in the fault, whatever else it is."""
        told = '{"errorMessage": "Invalid rate plan", "errorCode": "10009001"}'
        faults = [
            (Reply(400, told), "http 400 10009001 Invalid rate plan"), (Reply(429, told), "http 429 10009001 Invalid rate plan"),
            (Reply(401, told), "http 401"), (Reply(404, "[]"), "http 404"), (Reply(500, "<html>"), "http 500"), (Reply(200, told), "no iccid"),
        ]  # fmt: skip
        jasper = handler("jasper", blocking_product="none", user="espf", password="k")
        self.assertEqual([jasper.fault(reply) for reply, _ in faults], [fault for _, fault in faults])


class ReadyWirelessTests(SynchronousTestCase):
    """Devices that are switched on and off."""

    def test_closed(self) -> None:
        """A closed account's device is switched off, and stays so when its customer comes back."""
        ready = handler("readywireless")
        off, back = (play(ready, event(type), CLOSED) for type in ("Account/Status/Closed", "Customer/Status/Unsuspend"))
        self.assertEqual([one.path for one in off if isinstance(one, Http)], ["/devices/deactivate"])
        self.assertEqual(back, [])
        self.assertEqual([one.path for one in play(ready, event("Customer/Status/Unsuspend"), LINE)], ["/devices/activate"])
