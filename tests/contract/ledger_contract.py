"""
What every ILedger does: one class of tests that both the one on PostgreSQL and its twin in memory run.

All goes through `exchange` and the other methods of the interface; only putting subscribers in, and reading what no method reads, is left to the subclass.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from zope.interface.verify import verifyObject

from portaswitch.interfaces.ledger import ILedger
from portaswitch.model.billing_model import BillingModel
from portaswitch.model.ledger import Applied, Failed, Member, Party, Repeated, Short, Stale, View
from portaswitch.model.party import Funds
from portaswitch.model.request import Kind
from portaswitch.model.session import Status
from tests.contract.ledger_case import BELOW, DEBIT, FREE, FUTURE, GRANTED, HOSTILE, LIMITED, NOW, PAST, LedgerCase, account, customer, xdr


class LedgerContract(LedgerCase):
    """The tests; a subclass says of which ledger."""

    # -- reading ----------------------------------------------------------------------------------------------------------------------------------

    async def test_interface(self) -> None:
        """It provides what it says."""
        verifyObject(ILedger, self.ledger)

    async def test_named(self) -> None:
        """An account is found by its name, with its customer and both funds."""
        seen = await self.view(user="debit")
        debit = replace(account(DEBIT, "debit", 1, BillingModel.DEBIT), aliases=("other",))
        self.assertEqual(seen, View(debit, customer(1), Funds(Decimal(10)), Funds()))

    async def test_numbered(self) -> None:
        """An account is found by its number, whatever its name is made of."""
        seen = await self.view(BELOW)
        assert seen.account is not None
        self.assertEqual(seen.account.id, HOSTILE)
        self.assertEqual((await self.view(user=HOSTILE)).account, seen.account)

    async def test_alias(self) -> None:
        """An alias is its master."""
        self.assertEqual(await self.view(user="other"), await self.view(DEBIT))

    async def test_environment(self) -> None:
        """A name does not reach through the wall of its environment."""
        self.assertIsNone((await self.view(user="debit", i_env=2)).account)

    async def test_nobody(self) -> None:
        """A name that nobody has gives an empty view."""
        self.assertEqual(await self.view(user="nobody"), View())

    async def test_chain(self) -> None:
        """Resellers come with their funds, the nearest first."""
        seen = await self.view(BELOW)
        above = ((customer(8, i_parent=9), Funds(Decimal(2))), (customer(9), Funds(Decimal(3))))
        self.assertEqual((seen.customer, seen.resellers), (customer(3, i_parent=8), above))

    async def test_confirmed(self) -> None:
        """Who remembers a view that still holds is told the money alone, of the customer too."""
        seen = await self.view(LIMITED)
        (verdict, written) = await self.exchange(self.reader(LIMITED, seen), await self.change(FREE, debit="1", hold="2"))
        self.assertEqual(verdict, Applied(Funds(), Funds(Decimal(1), Decimal(2))))
        self.assertIsInstance(written, Applied)
        (verdict,) = await self.exchange(self.reader(DEBIT, await self.view(DEBIT)))
        self.assertEqual(verdict, Applied(Funds(Decimal(10)), Funds()))

    async def test_not_confirmed(self) -> None:
        """Who remembers another account or customer than there is gets a fresh view."""
        seen, other = await self.view(LIMITED), await self.view(DEBIT)
        await self.change_customer(2, blocked=True)
        await self.change_account(DEBIT, blocked=True)
        fresh = await self.view(LIMITED), await self.view(DEBIT)
        verdicts = await self.exchange(self.reader(LIMITED, seen), self.reader(DEBIT, other), self.reader(99, seen))
        self.assertEqual(verdicts, [Stale(fresh[0]), Stale(fresh[1]), Stale(View())])

    async def test_session_confirmed(self) -> None:
        """The version of a session counts, live or closed, and that there is none."""
        without = await self.view(LIMITED)
        await self.exchange(await self.change(LIMITED, "s1", self.session(LIMITED)))
        opened = await self.view(LIMITED, "one")
        names = [self.kinds(await self.exchange(self.reader(LIMITED, seen, "5/one"))) for seen in (without, opened)]
        await self.exchange(await self.change(LIMITED, "s2", self.session(LIMITED, 2, status=Status.CLOSED, key="s2")))
        closed = await self.view(LIMITED, "one")
        names += [self.kinds(await self.exchange(self.reader(LIMITED, seen, "5/one"))) for seen in (opened, closed, without)]
        self.assertEqual(names, [["Stale"], ["Applied"], ["Stale"], ["Applied"], ["Stale"]])

    # -- money ------------------------------------------------------------------------------------------------------------------------------------

    async def test_debit_account(self) -> None:
        """A debit account's money is its own; the verdict has the new funds."""
        (verdict,) = await self.exchange(await self.change(DEBIT, debit="1.23456", hold="2"))
        assert isinstance(verdict, Applied)
        self.assertEqual(self.told(verdict.funds, verdict.customer_funds), ("8.76544", "2", "0", "0"))
        self.assertEqual(await self.funds(DEBIT), ("8.76544", "2", "0", "0"))

    async def test_credit_account(self) -> None:
        """A credit account's debit and hold are its customer's too."""
        (verdict,) = await self.exchange(await self.change(LIMITED, debit="1.5", hold="0.25"))
        assert isinstance(verdict, Applied)
        self.assertEqual(self.told(verdict.funds, verdict.customer_funds), ("1.5", "0.25", "1.5", "0.25"))
        self.assertEqual(await self.funds(FREE), ("0", "0", "1.5", "0.25"))

    async def test_need(self) -> None:
        """Funds that just cover the need are enough, a digit less is short: nothing changes, and the fresh funds are told."""
        await self.exchange(await self.change(DEBIT, "a", hold="4"))
        short = await self.change(DEBIT, "b", need="6.00001", debit="6.00001")
        (verdict,) = await self.exchange(short)
        assert isinstance(verdict, Short)
        self.assertEqual(self.told(verdict.funds), ("10", "4"))
        self.assertEqual(await self.funds(DEBIT), ("10", "4", "0", "0"))
        self.assertEqual(self.kinds(await self.exchange(await self.change(DEBIT, "c", need="6", debit="6"))), ["Applied"])

    async def test_last_part(self) -> None:
        """A last part relies on no less being spent and held than it saw, of the account and of the customer with whom it owes; more does no harm."""
        await self.exchange(await self.change(DEBIT, "a", hold="4"))
        spent = [(Decimal(own), Decimal(0)) for own in ("-5.9", "-6", "-6.1")]
        parts = [await self.change(DEBIT, f"d{place}", spent=one) for place, one in enumerate(spent)]
        self.assertEqual([self.kinds(await self.exchange(part)) for part in parts], [["Stale"], ["Applied"], ["Applied"]])
        await self.exchange(await self.change(LIMITED, "b", debit="3", hold="1"))
        above = [await self.change(LIMITED, f"c{place}", spent=(Decimal(4), Decimal(one))) for place, one in enumerate(("4.1", "4"))]
        self.assertEqual([self.kinds(await self.exchange(part)) for part in above], [["Stale"], ["Applied"]])

    async def test_limits(self) -> None:
        """Both the account's and the customer's limit bind; where there is none, nothing does."""
        own = await self.change(LIMITED, "a", need="6.1")
        self.assertEqual(self.kinds(await self.exchange(own)), ["Short"])
        self.assertEqual(self.kinds(await self.exchange(await self.change(LIMITED, "b", need="6", debit="5", hold="1"))), ["Applied"])
        (verdict,) = await self.exchange(await self.change(FREE, "c", need="4.1"))
        assert isinstance(verdict, Short)
        self.assertEqual(self.told(verdict.funds, verdict.customer_funds), ("0", "0", "5", "1"))
        self.assertEqual(self.kinds(await self.exchange(await self.change(FREE, "d", need="4", debit="4"))), ["Applied"])
        self.assertEqual(self.kinds(await self.exchange(await self.change(BELOW, "e", need="1000000", debit="1000000"))), ["Applied"])

    async def test_zero_need(self) -> None:
        """A need of nothing asks that the row is not overdrawn; a negative one, that it is not overdrawn afterwards."""
        await self.exchange(await self.change(DEBIT, "a", debit="11", hold="3"))
        self.assertEqual(self.kinds(await self.exchange(await self.change(DEBIT, "b", need="0"))), ["Short"])
        self.assertEqual(self.kinds(await self.exchange(await self.change(DEBIT, "c", need="-3", hold="-3"))), ["Short"])
        self.assertEqual(self.kinds(await self.exchange(await self.change(DEBIT, "d", need="-4", hold="-3"))), ["Applied"])

    async def test_real_use(self) -> None:
        """What needs nothing is charged below the funds too."""
        self.assertEqual(self.kinds(await self.exchange(await self.change(DEBIT, debit="12.5"))), ["Applied"])
        self.assertEqual(await self.funds(DEBIT), ("-2.5", "0", "0", "0"))

    async def test_temporary_limit(self) -> None:
        """The temporary limit replaces the permanent one until its end, by the ledger's clock."""
        await self.change_customer(2, temp_credit_limit=Decimal(100), temp_credit_until=FUTURE)
        self.assertEqual(self.kinds(await self.exchange(await self.change(FREE, "a", need="99"))), ["Applied"])
        await self.change_customer(2, temp_credit_until=PAST)
        self.assertEqual(self.kinds(await self.exchange(await self.change(FREE, "b", need="99"))), ["Short"])

    async def test_order(self) -> None:
        """Members are decided in their order on what those before left; all are told the funds after the batch."""
        members = [await self.change(DEBIT, key, need=amount, debit=amount) for key, amount in (("a", "6"), ("b", "5"), ("c", "3"))]
        verdicts = await self.exchange(*members)
        self.assertEqual(self.kinds(verdicts), ["Applied", "Short", "Applied"])
        self.assertEqual([self.told(verdict.funds) for verdict in verdicts if isinstance(verdict, Applied | Short)], [("1", "0")] * 3)

    async def test_shared_order(self) -> None:
        """Two accounts of one customer see each other's use of its limit within a batch."""
        members = [await self.change(number, str(number), need="6", hold="6") for number in (FREE, LIMITED)]
        self.assertEqual(self.kinds(await self.exchange(*members)), ["Applied", "Short"])
        self.assertEqual(await self.funds(LIMITED), ("0", "0", "0", "6"))

    # -- conditions -------------------------------------------------------------------------------------------------------------------------------

    async def test_account_changed(self) -> None:
        """A decision on an older account is stale, and gets the fresh one."""
        member = await self.change(LIMITED, debit="1")
        await self.change_account(LIMITED, blocked=True)
        (verdict,) = await self.exchange(member)
        assert isinstance(verdict, Stale) and verdict.view.account is not None
        self.assertEqual((verdict.view.account.blocked, verdict.view.account.revision), (True, 2))
        self.assertEqual(await self.funds(LIMITED), ("0", "0", "0", "0"))

    async def test_customer_changed(self) -> None:
        """The same with the customer, of a debit account too, whose money is not the customer's."""
        members = [await self.change(number, str(number), debit="1") for number in (DEBIT, LIMITED)]
        await self.change_customer(1, blocked=True)
        await self.change_customer(2, credit_limit=Decimal(3))
        for verdict, number in zip(await self.exchange(*members), (1, 2), strict=True):
            assert isinstance(verdict, Stale) and verdict.view.customer is not None
            self.assertEqual((verdict.view.customer.i_customer, verdict.view.customer.revision), (number, 2))

    async def test_others_unharmed(self) -> None:
        """A stale member writes nothing, and its neighbours everything; a reader sees what they wrote."""
        stale = await self.change(DEBIT, "a", debit="1", xdrs=(xdr(DEBIT, "1"),), parties=(Party("v", 12, Decimal(1)),), account_revision=77)
        good = await self.change(DEBIT, "b", debit="2", xdrs=(xdr(DEBIT, "2"),), parties=(Party("v", 12, Decimal("0.5")), Party("c", 8, Decimal(3))))
        verdicts = await self.exchange(stale, good, Member(self.request(), "", DEBIT))
        self.assertEqual(self.kinds(verdicts), ["Stale", "Applied", "Stale"])
        self.assertEqual([verdict.view.funds.balance for verdict in verdicts if isinstance(verdict, Stale)], [8, 8])
        self.assertEqual((await self.charged(DEBIT), await self.pending()), (2, {("v", 12): Decimal("0.5"), ("c", 8): 3}))

    async def test_any_text(self) -> None:
        """Texts of the network are texts, whatever is in them: each key takes effect once, and no neighbour's row begins in it."""
        keys = ['quo"te', "back\\slash", '(1,"x")', "a\x1e(1)\x1eb", "a\0b", "nul\0", "{},(", "'; --", "žluť\U0010ffff", "%s $1", "\r\n\t"]
        for key in keys:
            member, neighbour = await self.change(DEBIT, key, debit="0.1"), await self.change(LIMITED, f"{key} beside")
            self.assertEqual(self.kinds(await self.exchange(member, neighbour)), ["Applied", "Applied"], key)
            self.assertEqual(self.kinds(await self.exchange(member, neighbour)), ["Repeated", "Repeated"], key)
        self.assertEqual((await self.funds(DEBIT))[0], str(10 - Decimal("0.1") * len(keys)))

    async def test_negative_hold(self) -> None:
        """Holds can't be given back twice: that member fails, and its neighbours are unharmed."""
        bad, good = await self.change(DEBIT, "a", hold="-1"), await self.change(LIMITED, "b", debit="1")
        self.assertEqual(self.kinds(await self.exchange(bad, good)), ["Failed", "Applied"])
        self.assertEqual((await self.funds(DEBIT), await self.funds(LIMITED)), (("10", "0", "0", "0"), ("1", "0", "1", "0")))

    async def test_negative_customer_hold(self) -> None:
        """The customer's sum of holds is guarded too."""
        await self.exchange(await self.change(LIMITED, "a", hold="1", shared=False))
        self.assertEqual(self.kinds(await self.exchange(await self.change(LIMITED, "b", hold="-1"))), ["Failed"])

    async def test_no_such_account(self) -> None:
        """A member of an account that is gone fails alone."""
        good = await self.change(DEBIT, "a", debit="1")
        assert good.change is not None
        bad = Member(self.request("b"), "", 99, replace(good.change, key="b", i_account=99))
        (failed, applied) = await self.exchange(bad, good)
        assert isinstance(failed, Failed)
        self.assertEqual((bool(failed.reason), self.kinds([applied])), (True, ["Applied"]))

    # -- keys -------------------------------------------------------------------------------------------------------------------------------------

    async def test_one_shot(self) -> None:
        """A one-shot's key has one effect and one answer, also when funds or rights are otherwise by then."""
        member = await self.change(DEBIT, debit="7", need="7", decision=GRANTED, xdrs=(xdr(DEBIT, "7"),))
        self.assertEqual(self.kinds(await self.exchange(member)), ["Applied"])
        await self.change_account(DEBIT, blocked=True)
        self.assertEqual(await self.exchange(member), [Repeated(GRANTED)])
        self.assertEqual((await self.funds(DEBIT), await self.charged(DEBIT)), (("3", "0", "0", "0"), Decimal(7)))

    async def test_one_shot_read(self) -> None:
        """A one-shot that would change nothing by now, because its own first copy took the money, is told the answer of that one."""
        await self.exchange(await self.change(DEBIT, debit="10", need="10", decision=GRANTED))
        seen = await self.view(DEBIT)
        repeat, other = (replace(self.request(key), kind=Kind.EVENT) for key in ("k", "l"))
        verdicts = await self.exchange(Member(repeat, "", DEBIT), Member(repeat, "", DEBIT, None, seen), Member(other, "", DEBIT, None, seen))
        self.assertEqual(verdicts, [Repeated(GRANTED), Repeated(GRANTED), Applied(seen.funds, seen.customer_funds)])

    async def test_one_shot_refused(self) -> None:
        """What was short leaves no key behind."""
        member = await self.change(DEBIT, debit="11", need="11")
        self.assertEqual(self.kinds(await self.exchange(member)), ["Short"])
        self.assertEqual(self.kinds(await self.exchange(await self.change(DEBIT, debit="9", need="9"))), ["Applied"])

    async def test_last_key(self) -> None:
        """A session's last request is answered again as it was, whatever else has changed."""
        member = await self.change(LIMITED, "s1", self.session(LIMITED, held="2"), hold="2", need="2", decision=GRANTED)
        await self.exchange(member)
        await self.change_account(LIMITED, blocked=True)
        self.assertEqual(await self.exchange(member), [Repeated(GRANTED)])
        self.assertEqual(await self.funds(LIMITED), ("0", "2", "0", "2"))

    async def test_older_key(self) -> None:
        """Of a session only the last key is kept: an older one meets the version, and is decided again."""
        first = await self.change(LIMITED, "s1", self.session(LIMITED))
        await self.exchange(first)
        await self.exchange(await self.change(LIMITED, "s2", self.session(LIMITED, 2, key="s2")))
        (verdict,) = await self.exchange(first)
        assert isinstance(verdict, Stale) and verdict.view.session is not None
        self.assertEqual((verdict.view.session.version, verdict.view.session.last_key), (2, "s2"))

    # -- sessions ---------------------------------------------------------------------------------------------------------------------------------

    async def test_session_kept(self) -> None:
        """A session is read as it was written, to the last digit, microsecond and odd letter."""
        session = replace(self.session(BELOW, held="2.50"), answer=GRANTED, brought={"acct_session_id": 'odd "\\ \u20ac'})
        await self.exchange(await self.change(BELOW, "s1", session, hold="2.50", decision=GRANTED))
        self.assertEqual((await self.view(session="one")).session, session)

    async def test_session_owns_account(self) -> None:
        """What is said of a session is about its account, whoever is named."""
        await self.exchange(await self.change(BELOW, "s1", self.session(BELOW)))
        seen = await self.view(DEBIT, "one", "debit")
        assert seen.account is not None and seen.session is not None
        self.assertEqual((seen.account.i_account, seen.session.opened.i_account), (BELOW, BELOW))

    async def test_other_account(self) -> None:
        """A change of a session under another account is stale, whatever its version says: the money of one must not pay for the session of another."""
        await self.exchange(await self.change(BELOW, "s1", self.session(BELOW)))
        stranger = await self.change(LIMITED, "s2", self.session(LIMITED, 2, "1", key="s2"), hold="1")
        (verdict,) = await self.exchange(stranger)
        assert isinstance(verdict, Stale) and verdict.view.account is not None
        self.assertEqual((verdict.view.account.i_account, await self.funds(LIMITED)), (BELOW, ("0", "0", "0", "0")))

    async def test_session_update(self) -> None:
        """The next value replaces the one before; a value made on another version is stale."""
        await self.exchange(await self.change(LIMITED, "s1", self.session(LIMITED, held="2"), hold="2"))
        update = replace(self.session(LIMITED, 2, "3", key="s2"), connected=NOW, expires=FUTURE)
        self.assertEqual(self.kinds(await self.exchange(await self.change(LIMITED, "s2", update, hold="1"))), ["Applied"])
        self.assertEqual((await self.view(session="one")).session, update)
        late = await self.change(LIMITED, "s3", self.session(LIMITED, 2, "9", key="s3"), hold="6")
        again = await self.change(LIMITED, "s4", self.session(LIMITED, 1, "9", key="s4"), hold="9")
        for member in (late, again):
            self.assertEqual(self.kinds(await self.exchange(member)), ["Stale"])
        self.assertEqual(await self.funds(LIMITED), ("0", "3", "0", "3"))

    async def test_session_closed(self) -> None:
        """A closed session is found, answers its last request, and may be charged a rest; it isn't among the open ones."""
        await self.exchange(await self.change(LIMITED, "s1", self.session(LIMITED, held="2"), hold="2"))
        provisional = self.session(LIMITED, 2, status=Status.PROVISIONAL, key="s2")
        expire = await self.change(LIMITED, "s2", provisional, hold="-2", debit="1")
        self.assertEqual(self.kinds([*await self.exchange(expire), *await self.exchange(expire)]), ["Applied", "Repeated"])
        self.assertEqual((await self.view(session="one")).session, provisional)
        closed = self.session(LIMITED, 3, status=Status.CLOSED, key="s3")
        self.assertEqual(self.kinds(await self.exchange(await self.change(LIMITED, "s3", closed, debit="0.5"))), ["Applied"])
        self.assertEqual((await self.view(session="one")).session, closed)
        self.assertEqual((await self.funds(LIMITED), await self.ledger.node_sessions(5, FUTURE)), (("1.5", "0", "1.5", "0"), []))

    async def test_session_closed_at_once(self) -> None:
        """A session that was never open is kept closed, for its repeats."""
        member = await self.change(DEBIT, "s1", self.session(DEBIT, status=Status.CLOSED), debit="1")
        self.assertEqual(self.kinds([*await self.exchange(member), *await self.exchange(member)]), ["Applied", "Repeated"])

    async def test_release_name(self) -> None:
        """A session that is over leaves its name to another account's, charged as it is; not one that lives, or has changed since it was seen."""
        lives = self.session(DEBIT, held="1")
        await self.exchange(await self.change(DEBIT, "s1", lives, hold="1"))
        over = self.session(DEBIT, 2, status=Status.CLOSED, key="s2")
        await self.ledger.release_name(replace(over, version=1))
        self.assertEqual((await self.view(session="one")).session, lives)
        await self.exchange(await self.change(DEBIT, "s2", over, hold="-1", debit="1"))
        await self.ledger.release_name(replace(over, version=1))
        self.assertEqual((await self.view(session="one")).session, over)
        for _ in range(2):
            await self.ledger.release_name(over)
            self.assertIsNone((await self.view(session="one")).session)
        other = self.session(LIMITED, status=Status.CLOSED, key="s2")
        member = await self.change(LIMITED, "s2", other, debit="2")
        self.assertEqual(self.kinds([*await self.exchange(member), *await self.exchange(member)]), ["Applied", "Repeated"])
        await self.ledger.release_name(over)
        self.assertEqual((await self.view(session="one")).session, other)
        self.assertEqual((await self.view(session="one~20260301123015")).session, replace(over, key="5/one~20260301123015"))
        self.assertEqual((await self.funds(DEBIT), (await self.funds(LIMITED))[0]), (("9", "0", "0", "0"), "2"))

    async def test_sessions_short(self) -> None:
        """A session that the funds do not cover is not opened."""
        member = await self.change(LIMITED, "s1", self.session(LIMITED, held="7"), hold="7", need="7")
        self.assertEqual(self.kinds(await self.exchange(member)), ["Short"])
        self.assertIsNone((await self.view(session="one")).session)

    # -- the rest of the interface ----------------------------------------------------------------------------------------------------------------

    async def test_orphan(self) -> None:
        """Usage of nobody's is kept once."""
        for key in ("o1", "o1", "o2"):
            await self.ledger.record_orphan(Member(self.request(key, "x", HOSTILE), "5/x", 0))
        self.assertEqual(sorted(await self.orphans()), ["o1", "o2"])

    async def test_aside(self) -> None:
        """A report that can't be true is kept with the change that leaves it out, once; and not where that change is turned back."""
        await self.exchange(await self.change(LIMITED, "s1", self.session(LIMITED)))
        member = await self.change(LIMITED, "s2", self.session(LIMITED, 2, status=Status.CLOSED, key="s2"), aside=HOSTILE + chr(0))
        stale = await self.change(LIMITED, "s9", self.session(LIMITED, 7, key="s9"), aside="why")
        told = [*await self.exchange(member), *await self.exchange(member), *await self.exchange(stale)]
        self.assertEqual(self.kinds(told), ["Applied", "Repeated", "Stale"])
        self.assertEqual(await self.orphans(), ["s2"])

    async def test_node_sessions(self) -> None:
        """The open sessions of a node that began before."""
        for place, name in enumerate(("a/b", "c")):
            await self.exchange(await self.change(DEBIT, f"s{place}", self.session(DEBIT, name=name, key=f"s{place}")))
        names = await self.ledger.node_sessions(5, NOW + timedelta(seconds=1))
        told = [(name.i_env, name.node, name.session, name.account_id, name.version) for name in names]
        self.assertEqual(sorted(told), [(1, 5, "a/b", "debit", 1), (1, 5, "c", "debit", 1)])
        self.assertEqual((await self.ledger.node_sessions(5, NOW), await self.ledger.node_sessions(6, FUTURE)), ([], []))

    async def test_dead_sessions(self) -> None:
        """Sessions whose expiry lies behind the ledger's clock, the longest dead first, at most so many."""
        for name, expires in ("a", PAST + timedelta(1)), ("b", PAST), ("c", FUTURE), ("d", PAST + timedelta(2)):
            session = replace(self.session(DEBIT, name=name, key=name), expires=expires)
            await self.exchange(await self.change(DEBIT, name, session))
        self.assertEqual([name.session for name in await self.ledger.dead_sessions(2)], ["b", "a"])
        self.assertEqual([name.session for name in await self.ledger.dead_sessions(9)], ["b", "a", "d"])
