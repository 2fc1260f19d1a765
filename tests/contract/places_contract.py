"""What every ILedger does with the places of sessions, the login lock and failed attempts; run by both, beside `tests.contract.ledger_contract`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from portaswitch.model.ledger import FREELY, Applied, LockStep, Member, Occupancy, Repeated, Short
from portaswitch.model.party import NO_LIMITS, Funds, SessionLimits
from portaswitch.model.request import Direction
from portaswitch.model.session import Session, Status
from tests.contract.ledger_case import DEBIT, FREE, FUTURE, LIMITED, NOW, OK, PAST, LedgerCase, xdr

ONE, TWO = SessionLimits(1), SessionLimits(2)


class PlacesContract(LedgerCase):
    """The tests; a subclass says of which ledger."""

    # -- words ------------------------------------------------------------------------------------------------------------------------------------

    def opens(self, i_account: int, name: str, direction: Direction = Direction.OUTGOING, **what: Any) -> Session:
        """A session of a direction."""
        session = self.session(i_account, name=name, key=f"{name}{what.get('version', 1)}", **what)
        return replace(session, opened=replace(session.opened, direction=direction))

    async def move(self, i_account: int, session: Session, places: Occupancy = FREELY) -> str:
        """Exchange one session change alone, and say how it went."""
        (verdict,) = await self.exchange(await self.change(i_account, session.last_key, session, places=places))
        return type(verdict).__name__

    async def counts(self, i_account: int) -> tuple[int, ...]:
        """Outgoing and incoming sessions of the account, then of its customer."""
        seen = await self.view(i_account)
        return seen.funds.outgoing, seen.funds.incoming, seen.customer_funds.outgoing, seen.customer_funds.incoming

    async def lock(self, step: LockStep, name: str, until: datetime | None = FUTURE, i_account: int = DEBIT) -> str:
        """A login by `name` does something with the lock; how it went, and who has the lock then."""
        member = await self.change(i_account, f"login {name}", None, once=False, places=Occupancy(step=step, until=until, locker=f"5/{name}"))
        (verdict,) = await self.exchange(member)
        assert isinstance(verdict, Applied | Short)
        self.assertEqual((await self.view(i_account)).funds.locked_by, verdict.funds.locked_by)
        return f"{type(verdict).__name__} {verdict.funds.locked_by}"

    # -- counts -----------------------------------------------------------------------------------------------------------------------------------

    async def test_counted(self) -> None:
        """Sessions are counted by direction from their opening to their end, once each, whatever changes between; late reports count nothing."""
        await self.move(DEBIT, self.opens(DEBIT, "a"))
        await self.move(DEBIT, self.opens(DEBIT, "b", Direction.INCOMING))
        await self.move(DEBIT, self.opens(DEBIT, "a", version=2))
        self.assertEqual(await self.counts(DEBIT), (1, 1, 0, 0))
        seen = (await self.view(session="b")).session
        assert seen is not None
        self.assertEqual(seen.opened.direction, Direction.INCOMING)
        await self.move(DEBIT, self.opens(DEBIT, "b", Direction.INCOMING, version=2, status=Status.PROVISIONAL))
        await self.move(DEBIT, self.opens(DEBIT, "b", Direction.INCOMING, version=3, status=Status.CLOSED))
        await self.move(DEBIT, self.opens(DEBIT, "c", status=Status.CLOSED))
        self.assertEqual(await self.counts(DEBIT), (1, 0, 0, 0))

    async def test_batch_counted(self) -> None:
        """Within a batch too; the verdict tells the counts behind it."""
        await self.move(DEBIT, self.opens(DEBIT, "a"))
        sessions = self.opens(DEBIT, "b"), self.opens(DEBIT, "c", Direction.INCOMING), self.opens(DEBIT, "a", version=2, status=Status.CLOSED)
        verdicts = await self.exchange(*[await self.change(DEBIT, session.last_key, session) for session in sessions])
        self.assertEqual([(verdict.funds.outgoing, verdict.funds.incoming) for verdict in verdicts if isinstance(verdict, Applied)], [(1, 1)] * 3)

    async def test_repeated(self) -> None:
        """A repeated opening is no second session, and one that did not happen none."""
        member = await self.change(DEBIT, "a1", self.opens(DEBIT, "a"))
        stale = await self.change(DEBIT, "b1", self.opens(DEBIT, "b"), account_revision=9)
        self.assertEqual(self.kinds(await self.exchange(member) + await self.exchange(member, stale)), ["Applied", "Repeated", "Stale"])
        self.assertEqual(await self.counts(DEBIT), (1, 0, 0, 0))

    # -- limits -----------------------------------------------------------------------------------------------------------------------------------

    async def test_limit(self) -> None:
        """The last place is given once, within a batch and after it; who has one may go on, and an end makes room."""
        places = Occupancy(account=TWO)
        members = [await self.change(DEBIT, f"{name}1", self.opens(DEBIT, name), places=places) for name in "abc"]
        verdicts = await self.exchange(*members)
        self.assertEqual(self.kinds(verdicts), ["Applied", "Applied", "Short"])
        self.assertEqual(verdicts[2], Short((await self.view(DEBIT)).funds, Funds()))
        self.assertEqual(await self.move(DEBIT, self.opens(DEBIT, "b", version=2), places), "Applied")
        self.assertEqual(await self.move(DEBIT, self.opens(DEBIT, "c"), places), "Short")
        self.assertEqual(await self.move(DEBIT, self.opens(DEBIT, "a", version=2, status=Status.CLOSED)), "Applied")
        self.assertEqual(await self.move(DEBIT, self.opens(DEBIT, "c"), places), "Applied")

    async def test_directions(self) -> None:
        """Each direction has its own limit, and both together one."""
        told = []
        for name, direction in zip("abcdef", (Direction.OUTGOING, Direction.OUTGOING, *[Direction.INCOMING] * 4), strict=True):
            told.append(await self.move(DEBIT, self.opens(DEBIT, name, direction), Occupancy(account=SessionLimits(3, 1, 2))))
        self.assertEqual(told, ["Applied", "Short", "Applied", "Applied", "Short", "Short"])
        self.assertEqual(await self.move(DEBIT, self.opens(DEBIT, "g"), Occupancy(account=SessionLimits(3))), "Short")

    async def test_happening(self) -> None:
        """What no limit may refuse takes its place beyond it."""
        self.assertEqual([await self.move(DEBIT, self.opens(DEBIT, name)) for name in "ab"], ["Applied"] * 2)
        self.assertEqual(await self.move(DEBIT, self.opens(DEBIT, "c"), Occupancy(account=ONE)), "Short")
        self.assertEqual(await self.counts(DEBIT), (2, 0, 0, 0))

    async def test_customer(self) -> None:
        """A customer's limit begins with what is open, binds all its accounts, moves no debit account's money on it, and ends with its counts."""
        await self.move(FREE, self.opens(FREE, "a", Direction.INCOMING))
        self.assertEqual(await self.counts(FREE), (0, 1, 0, 0))
        await self.change_customer(2, sessions=TWO)
        await self.change_customer(1, sessions=ONE)
        self.assertEqual(await self.counts(FREE), (0, 1, 0, 1))
        places = Occupancy(counted=True, customer=TWO)
        self.assertEqual([await self.move(LIMITED, self.opens(LIMITED, name), places) for name in "bc"], ["Applied", "Short"])
        self.assertEqual(await self.counts(LIMITED), (1, 0, 1, 1))
        member = await self.change(DEBIT, "d1", self.opens(DEBIT, "d"), places=Occupancy(counted=True, customer=ONE), debit="1", hold="1")
        self.assertEqual(self.kinds(await self.exchange(member)), ["Applied"])
        self.assertEqual((await self.funds(DEBIT), await self.counts(DEBIT)), (("9", "1", "0", "0"), (1, 0, 1, 0)))
        await self.move(FREE, self.opens(FREE, "a", Direction.INCOMING, version=2, status=Status.CLOSED), Occupancy(counted=True))
        self.assertEqual(await self.counts(FREE), (0, 0, 1, 0))
        await self.change_customer(2, sessions=NO_LIMITS)
        self.assertEqual(await self.counts(LIMITED), (1, 0, 0, 0))

    async def test_limits_read(self) -> None:
        """Limits are part of the view, and a change of them makes decisions stale."""
        member = await self.change(DEBIT, "a1", self.opens(DEBIT, "a"))
        await self.change_account(DEBIT, sessions=SessionLimits(5, 4, 3))
        self.assertEqual(self.kinds(await self.exchange(member)), ["Stale"])
        seen = await self.view(DEBIT)
        assert seen.account is not None and seen.customer is not None
        self.assertEqual((seen.account.sessions, seen.customer.sessions), (SessionLimits(5, 4, 3), NO_LIMITS))

    # -- the login lock ---------------------------------------------------------------------------------------------------------------------------

    async def test_seize(self) -> None:
        """One session gets the lock; it may ask again, another may not until it is taken, cleared, freed or left."""
        told = [await self.lock(LockStep.SEIZE, name) for name in "aab"]
        self.assertEqual(told, ["Applied 5/a", "Applied 5/a", "Short 5/a"])
        self.assertEqual(await self.lock(LockStep.TAKE, "b"), "Applied 5/b")
        told = [await self.lock(step, name, None) for step, name in ((LockStep.FREE, "a"), (LockStep.LEAVE, "a"), (LockStep.KEEP, "a"), (LockStep.KEEP, "b"))]
        self.assertEqual(told, ["Applied 5/b", "Short 5/b", "Short 5/b", "Applied 5/b"])
        self.assertEqual([await self.lock(LockStep.FREE, "b", None), await self.lock(LockStep.SEIZE, "c")], ["Applied ", "Applied 5/c"])
        self.assertEqual([await self.lock(LockStep.LEAVE, "c", None), await self.lock(LockStep.SEIZE, "d")], ["Applied ", "Applied 5/d"])
        self.assertEqual(await self.lock(LockStep.CLEAR, "x", None), "Applied ")

    async def test_expired(self) -> None:
        """A lock whose time is over is none, and keeping it sets none."""
        told = [await self.lock(step, name, PAST) for step, name in ((LockStep.TAKE, "a"), (LockStep.KEEP, "a"), (LockStep.SEIZE, "b"))]
        self.assertEqual([word.split(" ")[0] for word in told], ["Applied"] * 3)
        self.assertEqual((await self.view(DEBIT)).funds.locked_by, "")

    async def test_prolonged(self) -> None:
        """An authorization prolongs its own lock, or shortens it; the end of its session frees it, and no other session's does."""
        await self.lock(LockStep.SEIZE, "a")
        kept = Occupancy(step=LockStep.KEEP, until=FUTURE)
        self.assertEqual([await self.move(DEBIT, self.opens(DEBIT, name), kept) for name in "ab"], ["Applied", "Short"])
        await self.move(DEBIT, self.opens(DEBIT, "b", status=Status.CLOSED))
        self.assertEqual(await self.lock(LockStep.SEIZE, "b"), "Short 5/a")
        await self.move(DEBIT, self.opens(DEBIT, "a", version=2, status=Status.PROVISIONAL))
        self.assertEqual(await self.lock(LockStep.SEIZE, "b"), "Applied 5/b")

    async def test_freed_behind_the_end(self) -> None:
        """A change that is about the lock alone leaves the closed session that it names as it is."""
        await self.move(DEBIT, self.opens(DEBIT, "a", status=Status.CLOSED))
        before = (await self.view(session="a")).session
        assert before is not None
        await self.lock(LockStep.SEIZE, "a")
        freed = await self.change(DEBIT, "unlock", None, once=False, relied=before.version, places=Occupancy(step=LockStep.FREE, until=None, locker="5/a"))
        self.assertEqual(self.kinds(await self.exchange(replace(freed, session_key=before.key))), ["Applied"])
        self.assertEqual(((await self.view(session="a")).session, (await self.view(DEBIT)).funds.locked_by), (before, ""))

    async def test_lock_race(self) -> None:
        """Two logins of one batch: the first one has it. A lock is no change of the row that decisions rely on."""
        members = []
        for name in "ab":
            places = Occupancy(step=LockStep.SEIZE, until=FUTURE, locker=f"5/{name}")
            members.append(await self.change(DEBIT, f"login {name}", None, once=False, places=places))
        self.assertEqual(self.kinds(await self.exchange(*members)), ["Applied", "Short"])
        seen = await self.view(DEBIT)
        assert seen.account is not None
        self.assertEqual((seen.account.revision, seen.funds.locked_by), (1, "5/a"))
        self.assertEqual(await self.exchange(self.reader(DEBIT, seen)), [Applied(seen.funds, seen.customer_funds)])

    # -- failed attempts --------------------------------------------------------------------------------------------------------------------------

    async def attempt(self, name: str, i_account: int = DEBIT) -> Member:
        """A refused attempt of a session."""
        row = replace(xdr(i_account, "0"), failed=True, h323_conf_id=name)
        member = await self.change(i_account, f"try {name}", None, once=False, xdrs=(row,), attempt=name)
        return replace(member, session_key=f"5/{name}")

    async def test_attempt(self) -> None:
        """A failed attempt is kept once a session and account, also within a batch's successor, and opens nothing."""
        first, other = await self.attempt("a"), await self.attempt("b")
        self.assertEqual(self.kinds(await self.exchange(first, other)), ["Applied", "Applied"])
        self.assertEqual(await self.exchange(first), [Repeated(OK)])
        self.assertEqual(self.kinds(await self.exchange(await self.attempt("a", LIMITED))), ["Applied"])
        self.assertEqual((await self.failures(), await self.counts(DEBIT)), (["a", "a", "b"], (0, 0, 0, 0)))
        self.assertEqual((await self.view(session="a")).session, None)

    async def test_attempt_then_session(self) -> None:
        """A session that was refused may still open; one that has an xDR gets no failed attempt."""
        await self.exchange(await self.attempt("a"))
        self.assertEqual(await self.move(DEBIT, self.opens(DEBIT, "a")), "Applied")
        row = replace(xdr(DEBIT, "1"), h323_conf_id="c", bill_time=NOW)
        closed = await self.change(DEBIT, "c1", self.opens(DEBIT, "c", status=Status.CLOSED), debit="1", xdrs=(row,))
        self.assertEqual(self.kinds(await self.exchange(closed)), ["Applied"])
        self.assertEqual(self.kinds(await self.exchange(replace(await self.attempt("c"), session_key=""))), ["Repeated"])
        self.assertEqual(await self.failures(), ["a"])
