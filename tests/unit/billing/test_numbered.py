"""Numbered sessions: runs of numbers, and the laws that hold whatever comes twice, late or in another order."""

from __future__ import annotations

from decimal import ROUND_UP, Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.numbers_seen import MOST_RUNS, Runs, counted, seen
from portaswitch.model.request import AAARequest, Kind, Origin, Parties
from portaswitch.model.session import Status
from tests.unit.endpoints.diameter_talk import BEGIN, GIB, TalkCase, ccr, mscc, octets


def update(number: int | None, kind: Kind = Kind.UPDATE) -> AAARequest:
    """A numbered request."""
    return AAARequest(kind, "r", Origin(1, 1), "s", f"k{number}", Parties("u"), BEGIN, BEGIN, number=number)


class RunTests(SynchronousTestCase):
    """Runs of numbers against a plain set."""

    @settings(max_examples=200, deadline=None)
    @given(st.lists(st.integers(0, 40), max_size=60))
    def test_as_a_set(self, numbers: list[int]) -> None:
        """What was counted is seen, and nothing else; runs are apart and ascending."""
        runs: Runs = ()
        known: set[int] = set()
        for number in numbers:
            self.assertEqual(seen(runs, update(number)), number in known)
            runs = counted(runs, update(number))
            known.add(number)
        self.assertEqual({one for first, last in runs for one in range(first, last + 1)}, known)
        self.assertTrue(all(one[1] + 1 < other[0] for one, other in zip(runs, runs[1:], strict=False)))

    def test_bounded(self) -> None:
        """Of very many gaps the lowest are forgotten, and count as seen."""
        runs: Runs = ()
        for number in range(0, 3 * MOST_RUNS, 2):
            runs = counted(runs, update(number))
        self.assertEqual(len(runs), MOST_RUNS)
        self.assertTrue(seen(runs, update(1)))
        self.assertFalse(seen(runs, update(3 * MOST_RUNS - 3)))

    def test_others(self) -> None:
        """Requests without a number, and the first and last of a session, are not counted."""
        for request in (update(None), update(1, Kind.AUTH), update(1, Kind.STOP)):
            self.assertEqual(counted(((1, 5),), request), ((1, 5),))
            self.assertFalse(seen(((1, 5),), request))


#: Deltas of the updates of two sessions in sixteenths of a GiB, by group; an order of sending in which each may come again; what the last reports.
PLANS = st.lists(st.tuples(st.integers(0, 1), st.sampled_from((100, 10)), st.integers(0, 16), st.booleans()), min_size=1, max_size=8)


class LawTests(TalkCase):
    """Two sessions of one account of 10.00, two groups each."""

    @settings(max_examples=60, deadline=None)
    @given(PLANS, st.randoms(use_true_random=False), st.integers(0, 32), st.booleans())
    def test_charged_once(self, plan: list[tuple[int, int, int, bool]], chance: Any, last: int, restarts: bool) -> None:
        """
        Whatever order the updates come in, and however often: each counts once; nobody holds more than there is; in the end nothing is held and the account
        has paid for all that was used, to the last digit.
        """
        self.begin()
        names = ("s0", "s1")
        for name in names:
            self.say(ccr(1, 0, name, Multiple_Services_Credit_Control=[mscc(100, {}), mscc(10, {})]))
        self.wait(60)
        sent = [(number, *step) for number, step in enumerate(plan, 1)]
        chance.shuffle(sent)
        sent += [chance.choice(sent) for _ in range(len(sent))]
        for number, which, group, used, asks in sent:
            asked: dict[str, str] | None = {} if asks else None
            self.code(ccr(2, number, names[which], Multiple_Services_Credit_Control=mscc(group, asked, octets(used * GIB // 16))))
            if restarts:
                self.forget()
            self.wait(1)
            balance, held = map(Decimal, self.funds)
            used_so_far = sum((quota.used for name in names for quota in self.quotas(name) if quota.key.rating_group == 100), 0)
            self.assertLessEqual(held, max(balance, Decimal(used_so_far) / GIB + Decimal("0.00002")))
        for name in names:
            for _ in range(2):
                self.assertEqual(self.code(ccr(3, 99, name, Multiple_Services_Credit_Control=mscc(100, None, octets(last * GIB // 16)))), (2001,))
        paid = sum((self.price(100, which, plan, last) for which in (0, 1)), Decimal(0))
        self.assertEqual(self.ledger.books.funds[1].held, Decimal(0))
        self.assertEqual(self.ledger.books.funds[1].balance, 10 - paid)
        self.assertEqual(sum((row.charged_amount for row in self.rows), Decimal(0)), paid)
        self.assertEqual({session.status for session in self.ledger.books.closed.values()}, {Status.CLOSED})

    def quotas(self, name: str) -> Any:
        """The quota keys of a session."""
        session = self.session(name)
        return session.quotas if session is not None else ()

    def price(self, group: int, which: int, plan: list[tuple[int, int, int, bool]], last: int) -> Decimal:
        """What a session's use of a group costs, reckoned by itself."""
        used = sum(used * GIB // 16 for session, key, used, _ in plan if session == which and key == group) + last * GIB // 16
        return (Decimal(used) / GIB).quantize(Decimal("0.00001"), ROUND_UP)
