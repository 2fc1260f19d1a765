"""Calix: what the CMS has of an account's terminal after each change of the account, by what was written on its wire."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import partial
from typing import Any

from twisted.internet import reactor as installed

from portaswitch.espf.driver import Drive
from portaswitch.espf.state import underway
from portaswitch.espf.verdicts import Ended
from portaswitch.handler import AssignRemoteId, NotProvisionable, StateHandler
from portaswitch.model.notification import Verdict
from portaswitch.model.subscriber import Condition, Device, Policy, Subscriber
from tests.claims import claims
from tests.server.vendors import EVENT, LINE, VendorCase
from tests.simulators.calix_cms import CalixCms
from tests.simulators.calix_objects import number_of, serial
from tests.simulators.core import Fault

reactor: Any = installed
ONT = Device(3, "ont", 1, "844E", "CXNK00A1B2", ports=4)
HOME = replace(LINE, devices=(ONT,))
GATEWAY = {"port_type": "RG"}
POOR = frozenset({Condition.NO_FUNDS})


def with_policy(**more: str) -> Subscriber:
    """The home with further attributes of its policy, profile 12 where they name none."""
    return replace(HOME, policy=Policy(5, "GOLD", {"calix.bandwidth_profile_id": "12", **{f"calix.{name}": value for name, value in more.items()}}))


class CalixTests(VendorCase):
    """One CMS, one terminal with four ports."""

    async def prepare(self) -> None:
        """The CMS, and the handler that speaks to it."""
        self.cms = CalixCms(reactor)
        profiles = {"844E": "2", "803G": "3"}
        await self.start("Calix", self.cms, url="http://127.0.0.1:{port}", user="operator", password="made-up", node="E7-1", ont_profiles=profiles)

    def services(self) -> dict[tuple[int, int], tuple[str, int]]:
        """State and bandwidth profile by slot (3 Gigabit Ethernet, 8 residential gateway) and port."""
        objects = self.cms.networks["NTWK-E7-1"].objects
        return {(key[1][1], key[1][2]): (one["admin"].text, number_of(one["bw-prof"])) for key, one in objects.items() if key[0] == "EthSvc"}

    def terminals(self) -> list[str]:
        """FSAN serial numbers."""
        return [serial(one) for key, one in self.cms.networks["NTWK-E7-1"].objects.items() if key[0] == "Ont"]

    async def after(self, snapshot: Subscriber) -> dict[tuple[int, int], tuple[str, int]]:
        """The services after a change."""
        await self.bring(snapshot)
        return self.services()

    @claims("calix.1", "calix.5")
    async def test_package(self) -> None:
        """Serial number, state and profile are sent; another package sends another profile."""
        await self.prepare()
        self.assertEqual(await self.after(HOME), {(3, 1): ("enabled", 12)})
        self.assertEqual(self.terminals(), ["00A1B2"])
        self.assertEqual(await self.after(with_policy(bandwidth_profile_id="5")), {(3, 1): ("enabled", 5)})

    @claims("calix.3", "calix.4")
    async def test_funds(self) -> None:
        """Without funds the service on the terminal is suspended; a payment resumes it."""
        await self.prepare()
        self.assertEqual(await self.after(HOME), {(3, 1): ("enabled", 12)})
        self.assertEqual(await self.after(replace(HOME, conditions=POOR)), {(3, 1): ("disabled", 12)})
        self.assertEqual(await self.after(HOME), {(3, 1): ("enabled", 12)})

    async def test_a_session_that_is_lost_again(self) -> None:
        """A new session is asked for once; one that is lost at once too is no success: the event is tried again later."""
        await self.prepare()
        self.assertEqual(await self.after(HOME), {(3, 1): ("enabled", 12)})
        self.cms.faults.on(Fault.SESSION_LOST)
        with self.assertRaises(Ended) as ended:
            await self.bring(with_policy(bandwidth_profile_id="5"))
        self.assertEqual((ended.exception.verdict, ended.exception.note), (Verdict.RETRY, "the vendor answered session lost"))
        self.cms.faults.off(Fault.SESSION_LOST)
        self.assertEqual(await self.after(with_policy(bandwidth_profile_id="5")), {(3, 1): ("enabled", 5)})

    async def test_an_attempt_that_failed(self) -> None:
        """An account whose move to another terminal failed in its middle moves on to a third one, or back: no service stays on the others."""
        await self.prepare()
        second, third = (replace(HOME, devices=(replace(ONT, inventory_id=number),)) for number in ("CXNK00A1B3", "CXNK00A1B4"))
        for place in range(1, 8):
            for target in (third, HOME):
                await self.bring(HOME)
                await self.attempt(second, place)
                await self.bring(target)
                self.assertEqual(self.served(), {target.devices[0].inventory_id.removeprefix("CXNK")}, f"answer {place}")

    async def attempt(self, snapshot: Subscriber, place: int) -> None:
        """One attempt whose answer at a place gets lost: what is known afterwards is what a delivery writes then."""
        assert isinstance(self.handler, StateHandler)
        self.cms.faults.lose_after = place
        before, drive = self.record, Drive(self.wires)
        with contextlib.suppress(Ended):
            await drive.run(partial(self.handler.steps, EVENT, snapshot, before))
        self.cms.faults.lose_after = 0
        given = [effect.remote_id for effect in drive.effects if isinstance(effect, AssignRemoteId)]
        self.record = replace(underway(before, self.handler.wanted(snapshot)), remote_id=(given or [before.remote_id])[-1])
        self.wires.breakers[""].worked()

    def served(self) -> set[str]:
        """Serial numbers of the terminals that have a service."""
        objects = self.cms.networks["NTWK-E7-1"].objects
        serials = {key[1][0]: serial(one) for key, one in objects.items() if key[0] == "Ont"}
        return {serials[key[1][0]] for key in objects if key[0] == "EthSvc"}

    @claims("calix.6", "calix.8")
    async def test_port_type(self) -> None:
        """Gigabit Ethernet where nobody says it; the policy's type; the profile of the terminal stands over the policy's, in both directions."""
        await self.prepare()
        ethernet, gateway = {(3, 1): ("enabled", 12)}, {(8, 1): ("enabled", 12)}
        self.assertEqual(await self.after(HOME), ethernet)
        self.assertEqual(await self.after(with_policy(ont_port_type="RG")), gateway)
        self.assertEqual(await self.after(replace(with_policy(ont_port_type="RG"), devices=(replace(ONT, settings={"port_type": "GE"}),))), ethernet)
        self.assertEqual(await self.after(replace(with_policy(ont_port_type="GE"), devices=(replace(ONT, settings=GATEWAY),))), gateway)

    @claims("calix.9")
    async def test_gateways_are_gpon(self) -> None:
        """844E and 803G may be residential gateways, an Active Ethernet terminal may not: nothing of it is sent."""
        await self.prepare()
        for model, number in (("844E", "CXNK00A1B2"), ("803G", "CXNK00A1B3")):
            gateway = replace(ONT, model=model, inventory_id=number, settings=GATEWAY)
            self.assertEqual(await self.after(replace(HOME, devices=(gateway,))), {(8, 1): ("enabled", 12)})
        before = self.terminals()
        with self.assertRaisesRegex(NotProvisionable, "716GE-I is none"):
            await self.bring(replace(HOME, devices=(replace(ONT, model="716GE-I", inventory_id="CXNK00A1B4", settings=GATEWAY),)))
        self.assertEqual((self.terminals(), before), (before, ["00A1B2", "00A1B3"]))

    @claims("calix.11", "calix.12")
    async def test_all_ports(self) -> None:
        """All ports of a gateway share one service and its limit; all Gigabit Ethernet ports have one each."""
        await self.prepare()
        every = replace(ONT, port_config="All")
        self.assertEqual(await self.after(replace(HOME, devices=(replace(every, settings=GATEWAY),))), {(8, 1): ("enabled", 12)})
        self.assertEqual(await self.after(replace(HOME, devices=(every,))), {(3, port): ("enabled", 12) for port in range(1, 5)})
