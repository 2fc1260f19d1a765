"""First and last use of accounts, written behind the charges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from portaswitch.store.usage_dates import PAGE, date_accounts
from tests.server.charging import ChargingCase
from tests.server.desks import CARD, LINE

DATES = "select first_usage, last_usage from accounts where id = %s"
XDR = """
insert into xdr (id, i_env, storage, failed, h323_conf_id, connect_time, disconnect_time, bill_time, used_quantity, i_account, charged_quantity, charged_amount,
    history)
select coalesce(%s, nextval('xdr_id')), 1, %s, %s, 's', %s, %s, now(), 1, i_account, 1, 0, '' from accounts where id = %s
"""


class DatesCase(ChargingCase):
    """Passes of the job; time is let pass by moving the mark of the pass before."""

    async def later(self) -> int:
        """A pass, long enough after the one before."""
        self.ask("update xdr_readers set safe_at = safe_at - interval '1 minute'")
        return await date_accounts(self.pool)

    def used(self, begin: str, end: str, name: str = CARD, storage: str = "a", failed: bool = False, number: int | None = None) -> None:
        """An xDR."""
        self.ask(XDR, (number, storage, failed, begin, end, name))

    def dates(self, name: str = CARD) -> tuple[Any, Any]:
        """What the account has."""
        ((first, last),) = self.ask(DATES, (name,))
        return first, last


class DatesTests(DatesCase):
    """The job on real and made-up xDRs."""

    async def test_calls(self) -> None:
        """A charged call dates its account, one that was refused doesn't; decisions and caches don't notice."""
        revision = self.ask("select i_account, revision from accounts order by 1")
        await self.call(CARD, "d1")
        await self.hang_up(CARD, "d1", 60)
        await self.call("nobody", "d2")
        self.assertEqual([await self.later(), await self.later(), await self.later()], [0, 1, 0])
        ((begin, end),) = self.ask("select connect_time, disconnect_time from xdr where storage = 'a' and not failed")
        self.assertEqual((self.dates(), self.dates(LINE)), ((begin, end), (None, None)))
        self.assertEqual(self.ask("select i_account, revision from accounts order by 1"), revision)
        self.assertEqual((await self.do("account.show", id=CARD))["first_usage"], begin)
        await self.assert_books()

    async def test_folded(self) -> None:
        """The earliest and the latest; less than an hour more is not written; others' legs and failed attempts are no use."""
        self.used("2026-01-02", "2026-01-02 01:00")
        self.used("2026-01-01", "2026-01-01 01:00")
        self.used("2025-01-01", "2027-01-01", storage="c")
        self.used("2025-01-01", "2027-01-01", failed=True)
        await self.later()
        self.assertEqual(await self.later(), 1)
        first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, 1, tzinfo=UTC)
        self.assertEqual(self.dates(), (first, last))
        self.used("2026-01-02 01:00", "2026-01-02 01:59:59")
        await self.later()
        self.assertEqual((await self.later(), self.dates()), (0, (first, last)))
        self.used("2026-01-02 01:00", "2026-01-02 02:00")
        await self.later()
        self.assertEqual((await self.later(), self.dates()[1]), (1, last.replace(hour=2)))

    async def test_late_commit(self) -> None:
        """An xDR that is committed behind one of a higher id is read: a pass goes no further than the ids of the pass before."""
        low = self.one("select nextval('xdr_id')")
        self.used("2026-01-02", "2026-01-02 01:00", LINE)
        await self.later()
        self.used("2026-01-01", "2026-01-01 01:00", number=low)
        self.assertEqual(await self.later(), 2)

    async def test_many(self) -> None:
        """More than a page; two at once do it once; a pass right behind another waits."""
        self.ask(
            "insert into xdr (i_env, storage, h323_conf_id, connect_time, disconnect_time, bill_time, used_quantity, i_account, charged_quantity,"
            " charged_amount, history) select 1, 'a', 's', t, t + interval '1 minute', now(), 1, i_account, 1, 0, '' from accounts,"
            " generate_series(1, %s) n, lateral (select '2026-01-01'::timestamptz + n * interval '1 second' as t) x where id = any (%s)",
            (PAGE, [CARD, LINE]),
        )
        await self.later()
        self.assertEqual(await date_accounts(self.pool), 0)
        self.ask("update xdr_readers set safe_at = safe_at - interval '1 minute'")
        self.assertGreaterEqual(sum(await gatherResults([Deferred.fromCoroutine(date_accounts(self.pool)) for _ in range(3)])), 2)
        self.assertEqual(self.dates()[0], datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC))
        self.assertEqual(self.ask("select last_id = safe_id, last_id = (select last_value from xdr_id) from xdr_readers"), [(True, True)])


class LifeTests(DatesCase):
    """What the dates do to an account that a server remembers: decisions and the effective status follow them."""

    async def told(self, session: str, name: str = CARD) -> tuple[str, str]:
        """How a call of the account is decided, and its effective status."""
        decision = await self.call(name, session)
        shown = await self.do("account.show", id=name)
        return "ok" if decision.refusal is None else decision.refusal.word, str(shown["effective_status"])

    async def test_life_time(self) -> None:
        """Two days after the first use, which a job dates long after the account was remembered without one."""
        await self.do("account.change", id=CARD, life_time="2")
        self.assertEqual(await self.told("l1"), ("ok", "ok"))
        await self.hang_up(CARD, "l1", 60)
        await self.later()
        await self.later()
        self.assertEqual(await self.told("l2"), ("ok", "ok"))
        await self.hang_up(CARD, "l2", 60)
        self.used(f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d %H:%M:%S}+00", f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}+00")
        await self.later()
        await self.later()
        self.assertEqual(await self.told("l3"), ("card_expired", "expired"))
        self.assertEqual((await self.do("account.show", id=CARD))["expires"], self.dates()[0] + timedelta(days=2))
        await self.do("account.change", id=CARD, life_time="3")
        self.assertEqual(await self.told("l4"), ("ok", "ok"))
        await self.assert_books()

    async def test_inactivity(self) -> None:
        """Refused a day after the last use; a session that is open is use; a newer use is seen by a server that remembers the older one."""
        await self.do("account.change", id=CARD, inactivity_days="1")
        old = "2026-01-01"
        self.used(old, old)
        await self.later()
        await self.later()
        self.assertEqual(await self.told("i1"), ("user_denied", "inactive"))
        recent = f"{datetime.now(UTC) - timedelta(hours=23):%Y-%m-%d %H:%M:%S}+00"
        self.used(recent, recent)
        await self.later()
        await self.later()
        self.assertEqual(await self.told("i2"), ("ok", "ok"))
        self.ask("update accounts set last_usage = %s, revision = revision + 1 where id = %s", (old, CARD))
        self.assertEqual((await self.call(CARD, "i2", minimum=60)).refusal, None)
        self.assertEqual((await self.do("account.show", id=CARD))["effective_status"], "ok")
        await self.hang_up(CARD, "i2", 60)
        self.assertEqual(await self.told("i3"), ("user_denied", "inactive"))
        await self.do("account.change", {"inactivity_days": None}, id=CARD)
        self.assertEqual(await self.told("i4"), ("ok", "ok"))
