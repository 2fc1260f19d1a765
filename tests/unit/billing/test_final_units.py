"""The final state of sessions: which answers begin it, and which end it, key by key."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from portaswitch.model.party import Funds
from portaswitch.model.request import QuotaKey
from portaswitch.store.documents import opened_text, session_of, state_text
from tests.unit.endpoints.diameter_talk import GIB, TalkCase, ccr, mscc, octets


class FinalTests(TalkCase):
    """One P-GW, one subscriber; rating group 100 costs 1.00 a GiB, 10 nothing."""

    def groups(self, kind: int, number: int, *groups: Any, session: str = "s1") -> tuple[Any, ...]:
        """A request with these groups; its Result-Codes."""
        return self.code(ccr(kind, number, session, Multiple_Services_Credit_Control=list(groups)))

    def final(self, session: str = "s1") -> set[QuotaKey]:
        """The keys that are in their final state."""
        found = self.session(session)
        return set() if found is None else {quota.key for quota in found.quotas if quota.final}

    def pay(self, amount: str) -> None:
        """Money that no process is told of."""
        self.ledger.top_up(1, Decimal(amount))

    def test_full_grants(self) -> None:
        """A slice that is not the last is no end."""
        self.groups(1, 0, mscc(100, {}), mscc(10, {}))
        self.assertEqual(self.final(), set())

    def test_last_part_and_after(self) -> None:
        """The last part begins it, 4012 leaves it, a full grant behind a top-up ends it; the free group is never in it."""
        self.begin(balance="1.5")
        self.groups(1, 0, mscc(100, {}), mscc(10, {}))
        self.assertEqual(self.final(), set())
        self.wait(600)
        self.groups(2, 1, mscc(100, {}, octets(GIB)))
        self.assertEqual(self.final(), {QuotaKey(100, 0)})
        self.wait(600)
        self.assertEqual(self.groups(2, 2, mscc(100, {}, octets(GIB // 2)), mscc(10, {}, octets(9))), (2001, 4012, 2001))
        self.assertEqual(self.final(), {QuotaKey(100, 0)})
        self.pay("5")
        self.wait(600)
        self.assertEqual(self.groups(2, 3, mscc(100, {})), (2001, 2001))
        self.assertEqual(self.final(), set())

    def test_other_key(self) -> None:
        """What another key gets leaves the state of the one that has got its last."""
        self.begin(balance="0.5")
        self.groups(1, 0, mscc(100, {}))
        self.groups(2, 1, mscc(10, {}))
        self.assertEqual(self.final(), {QuotaKey(100, 0)})

    def test_refused_alone(self) -> None:
        """A single group without money is refused with the whole; a session that goes on knows that it waits, also of a key that is new to it."""
        self.begin(balance="0.5")
        self.groups(1, 0, mscc(10, {}))
        self.ledger.books.funds[1] = Funds(Decimal(0))
        self.forget()
        self.assertEqual(self.groups(2, 1, mscc(100, {})), (2001, 4012))
        self.assertEqual(self.final(), {QuotaKey(100, 0)})
        self.assertEqual(self.groups(2, 1, mscc(100, {})), (2001, 4012))  # its repetition has the stored answer

    def test_blocked(self) -> None:
        """A block leaves the session waiting for its end; asked again it has all."""
        self.groups(1, 0, mscc(100, {}))
        self.ledger.change_account(1, blocked=True)
        self.forget()
        self.assertEqual(self.groups(2, 1, mscc(100, {}))[0], 4010)
        self.assertEqual(self.final(), {QuotaKey(100, 0)})
        self.ledger.change_account(1, blocked=False)
        self.forget()
        self.assertEqual(self.groups(2, 2, mscc(100, {})), (2001, 2001))
        self.assertEqual(self.final(), set())

    def test_key_over(self) -> None:
        """A key that reports and asks for nothing more waits for nothing."""
        self.begin(balance="0.5")
        self.groups(1, 0, mscc(100, {}), mscc(10, {}))
        self.assertEqual(self.final(), {QuotaKey(100, 0)})
        self.wait(600)
        self.groups(2, 1, mscc(100, None, octets(GIB // 4), Reporting_Reason="FINAL"))
        self.assertEqual(self.final(), set())

    def test_money_meanwhile(self) -> None:
        """The last part is not told on money that is only remembered: a top-up made elsewhere counts at once."""
        self.begin(balance="1.5")
        self.groups(1, 0, mscc(100, {}))
        self.pay("5")
        self.wait(600)
        told = self.say(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, {}, octets(GIB))))["Multiple-Services-Credit-Control"]
        self.assertEqual((told["Granted-Service-Unit"], told.get("Final-Unit-Indication")), (octets_of(GIB), None))
        self.assertEqual(self.final(), set())

    def test_stored(self) -> None:
        """The state's text keeps the mark, which the column reads, and only where there is one."""
        self.begin(balance="0.5")
        self.groups(1, 0, mscc(100, {}), mscc(10, {}))
        found = self.session()
        assert found is not None
        text = state_text(found)
        self.assertEqual(text.count('"fi":1'), 1)
        opened = found.opened
        row = {
            "opened": opened_text(found), "state": text, "i_env": 1, "i_node": 1, "i_account": 1, "i_customer": 1, "service": "Data", "cli": "", "cld": "",
            "started": opened.started.isoformat(), "incoming": False, "session_key": found.key, "version": found.version, "status": "o",
            "expires": found.expires.isoformat(), "updated": found.updated.isoformat(), "last_key": found.last_key, "answer": "",
        }  # fmt: skip
        self.assertEqual([quota.final for quota in session_of(row).quotas], [quota.final for quota in found.quotas])


def octets_of(count: int) -> dict[str, int]:
    """Units as they are read."""
    return {"CC-Total-Octets": count}
