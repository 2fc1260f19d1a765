"""Access policies on Gy: the blocked level by its timetable, used up quotas that are no end, filters."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from portaswitch.endpoints import diameter_reply
from portaswitch.endpoints.diameter_profiles import FinalUnit, shipped
from portaswitch.model.access_policy import LevelName, Phase, PolicyAttribute
from portaswitch.model.catalogue import Version
from portaswitch.model.discount import Combine, DiscountPlan, Item, ItemKind, Measure, Reset, Step
from portaswitch.model.period import parse
from portaswitch.model.request import QuotaKey
from tests.unit.endpoints.diameter_talk import BEGIN, DATA, GIB, TalkCase, catalogue, ccr, mscc, octets

MSCC = "Multiple-Services-Credit-Control"
TERMINATE = {"Final-Unit-Action": 0}
PORTAL = "https://portal.example/"
REDIRECT = {"Final-Unit-Action": 1, "Redirect-Server": {"Redirect-Address-Type": 2, "Redirect-Server-Address": PORTAL}}
#: Noon of a Sunday is when the tests begin.
LUNCH = Phase("lunch", parse("hr{12-12}"), LevelName.BLOCKED)
#: A gigabyte of a half free of charge, then nothing.
QUOTA = Item(1, DATA, ItemKind.QUOTA, Measure.UNITS, Reset.DAILY, (Step(Decimal(0), Decimal(100)), Step(Decimal(3 * GIB // 2), forbidden=True)))


class PolicyTests(TalkCase):
    """One P-GW, one subscriber; rating group 100 costs 1.00 a GiB, 10 nothing."""

    def policy(self, quota: bool = False, **what: Any) -> None:
        """Begin with this access policy, and with a quota."""
        known = catalogue(PORTAL)
        policies = {1: replace(known.access_policies[1], **{"portal": "", **what})}
        plans = {7: DiscountPlan(7, "Half", "USD", Combine.ORDERED, (QUOTA,))} if quota else {}
        product = replace(known.products[1], i_vd_plan=7 if quota else 0)
        self.begin(known=replace(known, access_policies=policies, products={1: product}, discount_plans=plans))

    def test_blocked_by_timetable(self) -> None:
        """At the blocked level a session is refused whole; one that goes on into it keeps what it used, and waits."""
        self.policy(phases=(LUNCH,))
        self.assertEqual(self.code(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, {})))[0], 4010)
        self.policy(phases=(replace(LUNCH, period=parse("hr{13-13}")),))
        self.assertEqual(self.code(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, {}))), (2001, 2001))
        self.wait(3600)
        told = self.say(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, {}, octets(GIB // 2))))
        self.assertEqual((told["Result-Code"], told["Final-Unit-Indication"]), (4010, TERMINATE))
        self.assertEqual(self.funds, ("10", "1"))
        session = self.session("s1")
        assert session is not None
        self.assertEqual([quota.final for quota in session.quotas], [True])
        self.wait(3600)
        self.assertEqual(self.code(ccr(2, 2, Multiple_Services_Credit_Control=mscc(100, {}))), (2001, 2001))

    def test_blocked_with_portal(self) -> None:
        """With a portal its paid groups are sent there, their rest is free again, and free groups go on."""
        self.policy(phases=(replace(LUNCH, period=parse("hr{13-13}")),), portal=PORTAL)
        self.say(ccr(1, 0, Multiple_Services_Credit_Control=[mscc(100, {}), mscc(10, {})]))
        self.assertEqual(self.funds, ("10", "1"))
        self.wait(3600)
        told = self.say(ccr(2, 1, Multiple_Services_Credit_Control=[mscc(100, {}, octets(GIB // 4)), mscc(10, {}, octets(5))]))
        paid, free = sorted(told[MSCC], key=lambda group: -group["Rating-Group"])
        self.assertEqual((told["Result-Code"], paid["Result-Code"], paid["Final-Unit-Indication"]), (2001, 2001, REDIRECT))
        self.assertNotIn("Granted-Service-Unit", paid)
        self.assertEqual(free["Granted-Service-Unit"], {"CC-Total-Octets": GIB})
        self.assertEqual(self.funds, ("9.75", "0"))
        self.wait(3600)
        self.assertEqual(self.code(ccr(2, 2, Multiple_Services_Credit_Control=mscc(100, {}))), (2001, 2001))
        self.assertEqual(self.funds, ("9.75", "1"))

    def test_filter(self) -> None:
        """A client that restricts access is told the filter of the policy's blocked level, else its profile's."""
        restricting = replace(shipped()["generic"], final_unit=FinalUnit.RESTRICT, filter_id="walled")
        self.patch(diameter_reply, "profile", lambda *_: restricting)
        for own in ((), (PolicyAttribute(LevelName.BLOCKED, "lte", "Filter-Id", "=", "self-care"),)):
            self.policy(attributes=own)
            self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, octets(GIB))))
            told = self.say(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, octets(20 * GIB), octets(GIB))))
            wanted = "self-care" if own else "walled"
            self.assertEqual(told[MSCC]["Final-Unit-Indication"], {"Final-Unit-Action": 2, "Filter-Id": wanted})

    def test_quota_goes_on(self) -> None:
        """Where the exceeded level is not the blocked one a used up quota is no end: its last part is none, and what follows is paid."""
        self.policy(quota=True, exceeded_level=LevelName.LIMITED)
        self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, {})))
        told = self.say(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, {}, octets(GIB))))
        self.assertEqual(told[MSCC]["Granted-Service-Unit"], {"CC-Total-Octets": GIB // 2})
        self.assertNotIn("Final-Unit-Indication", told[MSCC])
        told = self.say(ccr(2, 2, Multiple_Services_Credit_Control=mscc(100, {}, octets(GIB // 2))))
        self.assertEqual((told[MSCC]["Result-Code"], told[MSCC]["Granted-Service-Unit"]), (2001, {"CC-Total-Octets": GIB}))
        self.say(ccr(3, 3, Multiple_Services_Credit_Control=mscc(100, None, octets(GIB))))
        self.assertEqual(self.funds, ("9", "0"))

    def test_quota_ends(self) -> None:
        """Where it is, the last part of the quota is the last, and behind it is the portal."""
        self.policy(quota=True, exceeded_level=LevelName.BLOCKED, portal=PORTAL)
        self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, {})))
        told = self.say(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, {}, octets(GIB))))
        self.assertEqual(told[MSCC]["Final-Unit-Indication"], REDIRECT)
        told = self.say(ccr(2, 2, Multiple_Services_Credit_Control=mscc(100, {}, octets(GIB // 2))))
        self.assertEqual((told[MSCC]["Result-Code"], told[MSCC]["Final-Unit-Indication"]), (2001, REDIRECT))
        session = self.session("s1")
        assert session is not None
        self.assertEqual({quota.key for quota in session.quotas if quota.final}, {QuotaKey(100)})

    def test_tariff_change(self) -> None:
        """A price that changes within a session: both parts of the use are counted, and nothing of the quota stays held."""
        known = catalogue()
        first = known.tariffs[DATA].rates["100"][0]
        assert first.plan is not None
        dearer = replace(first.plan, i_rate=99, price_first=Decimal(3), price_n=Decimal(3))
        rates = {**known.tariffs[DATA].rates, "100": (Version(BEGIN + timedelta(hours=1), dearer), first)}
        item = replace(QUOTA, steps=(QUOTA.steps[0], Step(Decimal(4 * GIB), forbidden=True)))
        plans = {7: DiscountPlan(7, "Half", "USD", Combine.ORDERED, (item,))}
        tariffs = {**known.tariffs, DATA: replace(known.tariffs[DATA], rates=rates)}
        self.begin(known=replace(known, tariffs=tariffs, products={1: replace(known.products[1], i_vd_plan=7)}, discount_plans=plans))
        self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, {})))
        self.wait(3700)
        uses = ((GIB // 2, "BEFORE"), (GIB // 4, "AFTER"))
        parts = [octets(used) | {"Tariff-Change-Usage": f"UNIT_{when}_TARIFF_CHANGE"} for used, when in uses]
        self.assertEqual(self.code(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, {}, parts))), (2001, 2001))
        self.wait(60)
        self.say(ccr(3, 2, Multiple_Services_Credit_Control=mscc(100, None, octets(GIB // 4))))
        ((used, held),) = [(row.used, row.held) for row in self.ledger.books.counters.values()]
        self.assertEqual((used, held, self.funds), (GIB, 0, ("10", "0")))

    def test_last_of_both(self) -> None:
        """Where money ends with the quota its last part is the last all the same."""
        self.policy(quota=True, exceeded_level=LevelName.LIMITED)
        self.ledger.top_up(1, Decimal(-10))
        self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, {})))
        told = self.say(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, {}, octets(GIB))))
        self.assertEqual(told[MSCC]["Final-Unit-Indication"], TERMINATE)
