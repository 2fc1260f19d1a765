"""What every ILedger does with beneficiaries, whose use another account pays for; run by both, beside `tests.contract.ledger_contract`."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from portaswitch.model.billing_model import BillingModel
from portaswitch.model.budget import key_of
from portaswitch.model.ledger import Applied, Member, Occupancy, Short, Stale
from portaswitch.model.party import SessionLimits
from portaswitch.model.session import Status
from tests.contract.counters_contract import BEGIN, OWN, CountersContract, move
from tests.contract.ledger_case import DEBIT, FREE, LENT, LIMITED, NOW, PAID, account, xdr

ONE = SessionLimits(total=1)


class PayersContract(CountersContract):
    """The tests; a subclass says of which ledger."""

    async def lend(self) -> None:
        """PAID uses the money of DEBIT (10 are left), LENT that of LIMITED (6 may be owed, its customer 10)."""
        await self.put_beneficiary(account(PAID, "paid", 1, BillingModel.BENEFICIARY), DEBIT)
        await self.put_beneficiary(account(LENT, "lent", 2, BillingModel.BENEFICIARY), LIMITED)

    async def test_paid_view(self) -> None:
        """A beneficiary is itself, and its money its payer's: model, limit, balance and what is held of it."""
        await self.lend()
        await self.exchange(await self.change(DEBIT, debit="1", hold="2"), await self.change(LIMITED, "b", debit="3"))
        paid, lent = await self.view(user="paid"), await self.view(user="lent")
        assert paid.account is not None and paid.account.payer is not None and lent.account is not None and lent.account.payer is not None
        self.assertEqual((paid.account.i_account, paid.account.id, paid.account.billing_model), (PAID, "paid", BillingModel.DEBIT))
        self.assertEqual((paid.account.payer.i_account, paid.account.payer.id), (DEBIT, "debit"))
        self.assertEqual((lent.account.billing_model, lent.account.credit_limit), (BillingModel.CREDIT, Decimal(6)))
        self.assertEqual((self.told(paid.funds), self.told(lent.funds, lent.customer_funds)), (("9", "2"), ("3", "0", "3", "0")))

    async def test_payer_charged(self) -> None:
        """Debit and hold are its payer's, and its payer's customer's where that owes; the verdict tells that money, the xDR the beneficiary."""
        await self.lend()
        paid = await self.change(PAID, "a", debit="1.25", hold="2", need="3.25", xdrs=(xdr(PAID, "1.25"),))
        lent = await self.change(LENT, "b", debit="2", hold="0.5")
        verdicts = await self.exchange(paid, lent)
        told = [self.told(verdict.funds, verdict.customer_funds) for verdict in verdicts if isinstance(verdict, Applied)]
        self.assertEqual(told, [("8.75", "2", "0", "0"), ("2", "0.5", "2", "0.5")])
        self.assertEqual([await self.funds(who) for who in (DEBIT, LIMITED)], told)
        self.assertEqual((await self.charged(PAID), await self.charged(DEBIT)), (Decimal("1.25"), Decimal(0)))

    async def test_one_purse(self) -> None:
        """Payer and beneficiaries see each other's use of the one purse within a batch: together they never get more than it has."""
        await self.lend()
        members = [await self.change(who, str(who), need="4", debit="4") for who in (PAID, DEBIT)]
        last = await self.change(PAID, "last", need="2.1", debit="2.1")
        verdicts = await self.exchange(*members, last)
        self.assertEqual(self.kinds(verdicts), ["Applied", "Applied", "Short"])
        assert isinstance(verdicts[2], Short)
        self.assertEqual(self.told(verdicts[2].funds), ("2", "0"))
        limited = [await self.change(who, f"l{who}", need="4", hold="4") for who in (LENT, LIMITED)]
        self.assertEqual(self.kinds(await self.exchange(*limited)), ["Applied", "Short"])
        self.assertEqual(self.kinds(await self.exchange(await self.change(FREE, "f", need="6", hold="6"))), ["Applied"])
        self.assertEqual(self.kinds(await self.exchange(await self.change(LENT, "g", need="0.1", hold="0.1"))), ["Short"])

    async def test_payer_changed(self) -> None:
        """A decision is stale when either row has changed since, and gets the fresh ones."""
        await self.lend()
        for who in (DEBIT, PAID):
            member, reader = await self.change(PAID, f"k{who}", debit="1"), self.reader(PAID, await self.view(PAID))
            await self.change_account(who, blocked=True)
            verdicts = await self.exchange(member, reader)
            self.assertEqual(self.kinds(verdicts), ["Stale", "Stale"])
            assert isinstance(verdicts[0], Stale) and verdicts[0].view.account is not None and verdicts[0].view.account.payer is not None
            self.assertEqual(verdicts[0].view.account.payer.blocked, True)
        self.assertEqual(await self.funds(DEBIT), ("10", "0", "0", "0"))

    async def test_payer_read(self) -> None:
        """A reader is told all anew, whatever it remembers: the payer's money as it is now."""
        await self.lend()
        seen = await self.view(PAID)
        await self.exchange(await self.change(DEBIT, debit="4", hold="1"))
        (verdict,) = await self.exchange(self.reader(PAID, seen))
        assert isinstance(verdict, Stale)
        self.assertEqual(self.told(verdict.view.funds), ("6", "1"))

    async def test_own_places(self) -> None:
        """Open sessions are its own, counted and limited beside its payer's, whose money they hold."""
        await self.lend()
        for who, name in (PAID, "p"), (DEBIT, "d"):
            session = self.session(who, held="1", name=name, key=name)
            opened = await self.change(who, name, session, hold="1", places=Occupancy(account=ONE))
            second = await self.change(who, f"{name}2", self.session(who, name=f"{name}2", key=f"{name}2"), places=Occupancy(account=ONE))
            self.assertEqual(self.kinds(await self.exchange(opened, second)), ["Applied", "Short"])
        paid, debit = await self.view(PAID), await self.view(DEBIT)
        self.assertEqual([(seen.funds.outgoing, *self.told(seen.funds)) for seen in (paid, debit)], [(1, "10", "2"), (1, "10", "2")])
        over = self.session(PAID, 2, status=Status.CLOSED, name="p", key="p9")
        self.assertEqual(self.kinds(await self.exchange(await self.change(PAID, "p9", over, hold="-1", debit="0.5"))), ["Applied"])
        paid, debit = await self.view(PAID), await self.view(DEBIT)
        self.assertEqual([(seen.funds.outgoing, *self.told(seen.funds)) for seen in (paid, debit)], [(0, "9.5", "1"), (1, "9.5", "1")])

    async def test_session_stays(self) -> None:
        """A session belongs to the beneficiary: under its payer's number a change of it is stale."""
        await self.lend()
        await self.exchange(await self.change(PAID, "s1", self.session(PAID)))
        stranger = await self.change(DEBIT, "s2", self.session(DEBIT, 2, "1", key="s2"), hold="1")
        (verdict,) = await self.exchange(stranger)
        assert isinstance(verdict, Stale) and verdict.view.account is not None
        self.assertEqual(verdict.view.account.i_account, PAID)

    async def test_payer_counters(self) -> None:
        """Counters and wallets are the payer's: both move the same rows, and both see them."""
        await self.lend()
        await self.put_wallet(DEBIT, 7, 2, 500)
        self.assertEqual(await self.count(PAID, move(OWN, 60)), "Applied")
        self.assertEqual(await self.count(DEBIT, move(OWN, 5, 7)), "Applied")
        self.assertEqual([await self.standing(who, OWN) for who in (DEBIT, PAID)], [("65", "7")] * 2)
        seen = (await self.view(PAID)).counters
        self.assertEqual([row.used for row in seen.own.values() if row.i_vd_dg == 2], [Decimal(-500)])

    async def test_payer_budget(self) -> None:
        """A budget that is counted for the first time begins with what its account and its beneficiaries were charged in the period."""
        await self.lend()
        for who, amount in (DEBIT, "1"), (PAID, "2.5"), (LIMITED, "9"):
            row = replace(xdr(who, amount), bill_time=NOW)
            await self.exchange(await self.change(who, f"x{who}", debit=amount, xdrs=(row,)))
        budget = key_of(False)
        self.assertEqual(await self.count(PAID, move(budget, "0.5", start=BEGIN, relied=BEGIN)), "Applied")
        self.assertEqual([await self.standing(who, budget) for who in (DEBIT, PAID)], [("4", "0")] * 2)

    async def test_no_payer_no_harm(self) -> None:
        """Beside members with payers others are charged as ever, and a failing one fails alone."""
        await self.lend()
        bad, good, other = await self.change(PAID, "a", hold="-1"), await self.change(LIMITED, "b", debit="1"), Member(self.request(), "", PAID)
        verdicts = await self.exchange(bad, good, other)
        self.assertEqual(self.kinds(verdicts), ["Failed", "Applied", "Stale"])
        self.assertEqual((await self.funds(DEBIT), await self.funds(LIMITED)), (("10", "0", "0", "0"), ("1", "0", "1", "0")))
