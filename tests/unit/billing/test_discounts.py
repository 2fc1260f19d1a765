"""Discount plans in decisions: what sessions hold and take of counters and wallets, and what they are charged."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.discounts import sure
from portaswitch.model.access_policy import AccessPolicy, LevelName
from portaswitch.model.catalogue import Protection, ServicePolicy
from portaswitch.model.charge import Source, SourceKey
from portaswitch.model.discount import Combine, Counter, Counters, DiscountPlan, Item, ItemKind, Measure, Reset, Step
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO
from portaswitch.model.refusal import Refusal
from tests.unit.builders import Book, after, alive, auth, catalogue, event, plan, postpaid, prepaid, stop

SLICES = ServicePolicy(1, Protection.SLICE, 60, 1, 7200)
OWN, SHARED = SourceKey(Source.COUNTER, 1), SourceKey(Source.COUNTER, 2, True)


def item(i_vd_dg: int, *steps: tuple[int, int], kind: ItemKind = ItemKind.DISCOUNT, **what: Any) -> Item:
    """An item of voice calls, counted in seconds, by billing period; a percent below 0 forbids."""
    made = tuple(Step(Decimal(threshold), Decimal(max(percent, 0)), percent < 0) for threshold, percent in steps)
    return replace(Item(i_vd_dg, 3, kind, Measure.UNITS, Reset.BILLING_PERIOD, made), **what)


def book(view: View | None = None, own: tuple[Item, ...] = (), shared: tuple[Item, ...] = (), policy: ServicePolicy = SLICES, **rates: Any) -> Book:
    """The card with the plan 1 of its own and the plan 2 of its customer; 0.10 a minute by the minute."""
    plans = {1: DiscountPlan(1, "own", "CAD", Combine.ORDERED, own), 2: DiscountPlan(2, "all", "CAD", Combine.ORDERED, shared)}
    retail = plan(price_first="0.10", price_n="0.10", interval_first=60, interval_n=60, precision=2, **rates)
    known = replace(catalogue(policy, retail=retail), discount_plans=plans)
    seen = view or prepaid("10")
    assert seen.account is not None and seen.customer is not None
    return Book(replace(seen, account=replace(seen.account, i_vd_plan=1), customer=replace(seen.customer, i_vd_plan=2)), known)


def standing(of: Book, key: SourceKey = OWN) -> tuple[int, int]:
    """Used and held of a counter or wallet, 0 where there is none."""
    row = of.view.counters.find(key)
    return (0, 0) if row is None else (int(row.used), int(row.held))


def charged(of: Book) -> list[tuple[int, int, Decimal]]:
    """Split order, charged quantity and amount of the xDRs."""
    return [(row.split_order, row.charged_quantity, row.charged_amount) for row in of.xdrs]


class ChargingTests(SynchronousTestCase):
    """What is charged, and what moves."""

    def test_split(self) -> None:
        """8 minutes, the first 2 free: two xDRs, and the counter has all 8 (PORTABILLING.md b)."""
        told = book(own=(item(1, (0, 100), (120, 0)),))
        told.ask(stop(480))
        self.assertEqual(charged(told), [(0, 120, ZERO), (1, 360, Decimal("0.60"))])
        self.assertEqual(standing(told), (480, 0))
        self.assertEqual([row.history for row in told.xdrs], ["60@0.1/60 -100% + 60@0.1/60 -100% = 0", "6*60@0.1/60 = 0.6"])

    def test_aggregated(self) -> None:
        """Without splitting one xDR with the discount in its history: a quarter less."""
        told = book(own=(item(1, (0, 100), (120, 0), split=False),))
        told.ask(stop(480))
        self.assertEqual(charged(told), [(0, 480, Decimal("0.60"))])

    def test_pieces(self) -> None:
        """Charged at its reports a session costs what it costs whole, and takes each unit once."""
        told = book(own=(item(1, (0, 100), (120, 0)),), policy=replace(SLICES, charge_every=1))
        told.ask(auth(minimum=60))
        for used in (60, 100, 200, 300):
            told.ask(alive(used))
        told.ask(stop(480))
        self.assertEqual((told.balance, standing(told)), (Decimal("9.40"), (480, 0)))
        self.assertEqual(sum(quantity for _, quantity, _ in charged(told)), 480)
        self.assertEqual([order for order, _, _ in charged(told)], list(range(len(told.xdrs))))

    def test_shared_and_exclusive(self) -> None:
        """200 minutes of one's own, then what the customer has: shared both counters move, exclusive the second one waits (mr15.volume-discounts)."""
        for exclusive, behind in ((False, 14_400), (True, 2_400)):
            told = book(own=(item(1, (0, 100), (12_000, 0), exclusive=exclusive),), shared=(item(2, (0, 100), (30_000, 0)),))
            told.ask(stop(14_400))
            self.assertEqual((told.balance, standing(told), standing(told, SHARED)), (10, (14_400, 0), (behind, 0)))

    def test_rate_falls(self) -> None:
        """Once all accounts together passed 1000 minutes the rate falls by 10 percent (mr15.volume-discounts)."""
        told = book(postpaid(None), own=(item(1, (0, 100), (12_000, 0)),), shared=(item(2, (0, 0), (60_000, 10)),))
        seen = Counter(SHARED, Decimal(59_940), start=after(0).replace(day=1, hour=0), end=after(86400 * 40), relied=after(0).replace(day=1, hour=0))
        told.view = replace(told.view, counters=Counters().put(seen, replace(seen, key=OWN, used=Decimal(12_000))))
        told.ask(stop(180))
        self.assertEqual(charged(told), [(0, 60, Decimal("0.10")), (1, 120, Decimal("0.18"))])

    def test_event(self) -> None:
        """One-shots are counted as well, and blocked by a quota."""
        told = book(own=(item(1, (0, 100), (2, -1), kind=ItemKind.QUOTA, i_service=4),))
        self.assertIsNone(told.ask(event(2)).refusal)
        self.assertEqual((told.ask(event(1, "e2")).refusal, standing(told)), (Refusal.QUOTA_EXCEEDED, (2, 0)))


class HoldTests(SynchronousTestCase):
    """What sessions set aside of counters and wallets."""

    def test_held_and_given_back(self) -> None:
        """A slice of free minutes holds those and no money; the end gives back what was not used."""
        told = book(own=(item(1, (0, 100), (90, 0)),))
        self.assertEqual(told.granted(auth(minimum=60)), 60)
        self.assertEqual((told.held, standing(told)), (ZERO, (0, 60)))
        told.ask(stop(0))
        self.assertEqual((told.held, standing(told)), (ZERO, (0, 0)))

    def test_two_sessions(self) -> None:
        """What one session holds of the free minutes the other one doesn't get: it holds money."""
        told = book(own=(item(1, (0, 100), (60, 0)),))
        told.ask(auth("one", minimum=60))
        told.ask(auth("two", minimum=60))
        self.assertEqual((told.held, standing(told)), (Decimal("0.10"), (0, 120)))
        told.ask(stop(0, "one"))
        told.ask(stop(60, "two"))
        self.assertEqual((told.balance, told.held, standing(told)), (10, ZERO, (60, 0)))

    def test_without_money(self) -> None:
        """Free minutes are had without money, and end where they end."""
        told = book(prepaid("0"), own=(item(1, (0, 100), (120, 0)),))
        self.assertEqual([told.granted(auth(at=at, minimum=60, used=used)) for at, used in ((0, None), (60, 60))], [60, 60])
        self.assertEqual(told.ask(auth(at=120, minimum=60, used=120)).refusal, Refusal.ZERO_BALANCE)
        told.ask(stop(120))
        self.assertEqual((told.balance, standing(told)), (ZERO, (120, 0)))

    def test_quota(self) -> None:
        """A quota ends the grant whatever money there is, and then refuses."""
        told = book(own=(item(1, (0, 0), (180, -1), kind=ItemKind.QUOTA),), policy=replace(SLICES, slice=120))
        first = told.ask(auth(minimum=60))
        second = told.ask(auth(at=120, minimum=60, used=120))
        self.assertEqual([(one.grants[0].units, one.grants[0].last) for one in (first, second)], [(120, False), (60, True)])
        self.assertEqual(told.ask(auth(at=180, minimum=60, used=180)).refusal, Refusal.QUOTA_EXCEEDED)
        told.ask(stop(180))
        self.assertEqual(told.ask(auth("more", at=200, minimum=60)).refusal, Refusal.QUOTA_EXCEEDED)

    def test_fair_shares(self) -> None:
        """A slice is at most what is left divided by one more than the other sessions on the quota."""
        told = book(own=(item(1, (0, 0), (6000, -1), kind=ItemKind.QUOTA),), policy=replace(SLICES, slice=3600))
        grants = [told.granted(auth(f"s{number}", minimum=60)) for number in range(3)]
        self.assertEqual(grants, [3600, 1200, 400])
        self.assertLessEqual(standing(told)[1], 6000)

    def test_wallets(self) -> None:
        """The wallet that expires first is spent first; an expired one is not spent."""
        told = book(own=(item(1, (0, 100), kind=ItemKind.WALLET),))
        purses = [
            Counter(SourceKey(Source.WALLET, number), Decimal(-units), end=end, i_vd_dg=1)
            for number, units, end in ((7, 120, after(9999)), (8, 60, after(999)), (9, 60, after(-1)))
        ]
        told.view = replace(told.view, counters=Counters().put(*purses))
        told.ask(auth(minimum=60))
        self.assertEqual([standing(told, one.key) for one in purses], [(-120, 0), (-60, 60), (-60, 0)])
        told.ask(stop(240))
        self.assertEqual([standing(told, one.key) for one in purses], [(0, 0), (0, 0), (-60, 0)])
        self.assertEqual(told.balance, Decimal("9.90"))

    def test_quotas_in_turn(self) -> None:
        """Own 120 s, then 60 s of another plan: the first one used up is not the end, which the last one tells; slices share what both have."""
        chain = (item(1, (0, 100), (120, -1), kind=ItemKind.QUOTA, exclusive=True), item(3, (0, 100), (60, -1), kind=ItemKind.QUOTA))
        told = book(own=chain, policy=replace(SLICES, slice=600))
        self.assertEqual(told.granted(auth(requested=600, minimum=60)), 180)
        told.ask(stop(180))
        self.assertEqual((standing(told), standing(told, SourceKey(Source.COUNTER, 3))), ((120, 0), (60, 0)))
        self.assertEqual([move.limit for move in told.changes[-1].counters], [None, 60])
        self.assertEqual(told.ask(auth("s2", minimum=60)).refusal, Refusal.QUOTA_EXCEEDED)

    def test_last_wallet(self) -> None:
        """The wallet that is emptied while another has units is not the end; of two that are emptied together the last one is."""
        told = book(own=(item(1, (0, 100), kind=ItemKind.WALLET),))
        first, second = (Counter(SourceKey(Source.WALLET, number), Decimal(-60), end=after(9999 * number), i_vd_dg=1) for number in (1, 2))
        told.view = replace(told.view, counters=Counters().put(first, second))
        told.ask(stop(60))
        self.assertEqual([move.limit for move in told.changes[-1].counters], [None])
        told.ask(stop(60, "s2"))
        self.assertEqual([move.limit for move in told.changes[-1].counters], [ZERO])
        told.view = replace(told.view, counters=Counters().put(first, second))
        told.ask(stop(120, "s3"))
        self.assertEqual([move.limit for move in told.changes[-1].counters], [None, ZERO])

    def test_sure(self) -> None:
        """Where others hold 60 of a counter, a unit has the least percent of all places that it may get."""
        steps = (Step(ZERO, Decimal(100)), Step(Decimal(100), ZERO), Step(Decimal(200), Decimal(10)))
        self.assertEqual([(step.threshold, step.percent) for step in sure(steps, Decimal(0), Decimal(60))], [(0, 100), (40, 0), (100, 0), (140, 0), (200, 10)])


class LaterTests(SynchronousTestCase):
    """Wallets that have not begun."""

    def test_later(self) -> None:
        """Units that were bought for later are used from their time on, by who remembers them as well."""
        told = book(prepaid("0"), own=(item(1, (0, 100), kind=ItemKind.WALLET),))
        later = Counter(SourceKey(Source.WALLET, 5), Decimal(-120), start=after(3600), end=after(86400), i_vd_dg=1)
        told.view = replace(told.view, counters=Counters().put(later))
        self.assertEqual(told.ask(auth(minimum=60)).refusal, Refusal.ZERO_BALANCE)
        self.assertEqual(told.granted(auth("s2", at=3600, requested=120, minimum=60)), 120)
        told.ask(stop(60, "s2", at=3660))
        self.assertEqual(standing(told, later.key), (-60, 0))


class PeriodTests(SynchronousTestCase):
    """When counters begin anew."""

    def test_next_day(self) -> None:
        """A daily counter is met anew the next day, with what was rolled over."""
        told = book(own=(item(1, (0, 100), (120, 0), reset=Reset.DAILY, rollover=True),))
        told.ask(stop(60))
        told.ask(stop(300, "next", at=86400 + 3600))
        row = told.view.counters.own[OWN]
        self.assertEqual((row.used, row.carried, told.balance), (300, 60, Decimal("9.80")))

    def test_prorated(self) -> None:
        """An account that began on the 9th of March has 23 of 31 days' worth."""
        told = book(prepaid("10", activation_date=after(-60)), own=(item(1, (0, 100), (3100, 0), prorate=True),))
        told.ask(stop(2400))
        self.assertEqual((told.view.counters.own[OWN].carried, told.balance), (-800, Decimal("9.83")))


class BeyondTests(SynchronousTestCase):
    """Internet sessions go on beyond a quota where their access policy has a level for it."""

    def book(self, policy: AccessPolicy) -> Book:
        """A card with 600 s of Internet a month, by slices, under a policy."""
        told = book(own=(item(1, (0, 0), (600, -1), kind=ItemKind.QUOTA, i_service=3),), policy=replace(SLICES, slice=400))
        known = told.catalogue
        services = {**known.services, 3: replace(known.services[3], service_type="Netaccess")}
        told.catalogue = replace(known, services=services, access_policies={9: policy})
        account = told.view.account
        assert account is not None
        told.view = replace(told.view, account=replace(account, i_access_policy=9))
        return told

    def levels(self, policy: AccessPolicy) -> list[tuple[str, int | None]]:
        """What a session is told as it uses up its quota: level or refusal, and units."""
        told, found = self.book(policy), []
        for used in (0, 400, 600):
            answer = told.ask(auth(at=used, minimum=60, used=used, service="Netaccess"))
            word = answer.facts.more["policy_level"] if answer.refusal is None else answer.refusal.name
            found.append((word, answer.grants[0].units if answer.grants else None))
        return found

    def test_limited(self) -> None:
        """It goes on at the exceeded level."""
        self.assertEqual(self.levels(AccessPolicy(9, 1, "Home")), [("regular", 400), ("regular", 200), ("limited", 400)])

    def test_blocked(self) -> None:
        """Where that is the blocked one, it ends."""
        ends = AccessPolicy(9, 1, "Home", exceeded_level=LevelName.BLOCKED)
        self.assertEqual(self.levels(ends), [("regular", 400), ("regular", 200), ("QUOTA_EXCEEDED", None)])


class FamilyTests(SynchronousTestCase):
    """Many sessions on one quota."""

    def test_nearly_all_is_used(self) -> None:
        """Ten sessions by slices use at least 95 percent of a quota before the last one is refused, and never more than it."""
        most = 100_000
        told = book(own=(item(1, (0, 100), (most, -1), kind=ItemKind.QUOTA),), policy=replace(SLICES, slice=5000, max_units=10**6))
        used = dict.fromkeys([f"s{number}" for number in range(10)], 0)
        living, at = list(used), 0
        while living:
            at += 1
            name = living[at * 7 % len(living)]
            answer = told.ask(auth(name, at=at * 5000, minimum=60, used=used[name]))
            if answer.refusal is not None:
                living.remove(name)
                continue
            used[name] += answer.grants[0].units or 0
        for name, units in used.items():
            told.ask(stop(units, name, at=at * 5000))
        self.assertGreaterEqual(standing(told)[0], most * 95 // 100)
        self.assertLessEqual(standing(told)[0], most)
