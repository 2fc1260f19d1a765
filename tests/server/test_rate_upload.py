"""Price lists into a tariff on PostgreSQL: what is checked, what changes, and that nothing else does."""

from __future__ import annotations

import random
from contextlib import closing
from datetime import timedelta

import psycopg2
from twisted.internet.defer import Deferred

from portaswitch.model.price_upload import Mode, UploadError
from portaswitch.store import rate_upload
from tests.server.price_lists import MONDAY, PriceListTestCase

LIST = "prefix,price\n44,0.10\n4420,0.20\n49,0.30\n"
OLD = [("44", "-infinity", "0.10", False), ("4420", "-infinity", "0.20", False), ("49", "-infinity", "0.30", False)]


class UploadTests(PriceListTestCase):
    """The two modes, dates, and counts; `FEW` at its size: changes are written in place."""

    async def test_new_and_again(self) -> None:
        """A first list is created whole; the same list again changes nothing at all, not even a revision."""
        done = await self.upload(LIST)
        self.assertEqual((done.rows, done.created, done.changed, done.same, done.removed, done.destinations), (3, 3, 0, 0, 0, 2))
        self.assertEqual(self.versions(), OLD)
        before = self.everything()
        done = await self.upload(LIST.replace("0.10", "0.1000"))
        self.assertEqual((done.created, done.changed, done.same), (0, 0, 3))
        self.assertEqual(self.everything(), before)

    async def test_add_keeps_the_rest(self) -> None:
        """A price under the same date is changed in its row; others stay; another tariff is not touched."""
        await self.upload(LIST)
        ids = dict(self.ask("select i_dest, i_rate from rates"))
        done = await self.upload("prefix;price_first;price_n\n44;0.11;0.12\n43;0.5;0.5\n")
        self.assertEqual((done.created, done.changed, done.same, done.removed), (1, 1, 0, 0))
        self.assertEqual([version[:3] for version in self.versions()], [("43", "-infinity", "0.5"), ("44", "-infinity", "0.12"), *[v[:3] for v in OLD[1:]]])
        self.assertEqual(ids, {dest: rate for dest, rate in self.ask("select i_dest, i_rate from rates") if dest in ids})
        self.assertEqual(self.versions("Other"), [("44", "-infinity", "0.5", False)])

    async def test_from_monday(self) -> None:
        """A price change of a date keeps the old rows beside it."""
        await self.upload(LIST)
        done = await self.upload("prefix,price,effective_from\n44,0.15,\n49,0.35,2026-03-01\n", since=MONDAY)
        self.assertEqual((done.created, done.changed), (2, 0))
        self.assertEqual(self.versions(), [OLD[0], ("44", "2026-02-02", "0.15", False), OLD[1], OLD[2], ("49", "2026-03-01", "0.35", False)])

    async def test_replace_from_monday(self) -> None:
        """What the list does not name ends on Monday; what had been planned for later goes; again changes nothing."""
        await self.upload(LIST + "420,1\n")
        await self.upload("prefix,price,effective_from\n49,0.9,2026-05-01\n420,9,2026-05-01\n420,,2026-01-01\n".replace("420,,", "420,2,"))
        done = await self.upload("prefix,price\n44,0.15\n43,0.4\n", Mode.REPLACE, MONDAY)
        self.assertEqual((done.created, done.changed, done.removed, done.ended), (5, 0, 2, 3))
        wanted = [
            ("420", "-infinity", "1", False), ("420", "2026-01-01", "2", False), ("420", "2026-02-02", "0", True), ("43", "2026-02-02", "0.4", False),
            OLD[0], ("44", "2026-02-02", "0.15", False), OLD[1], ("4420", "2026-02-02", "0", True), OLD[2], ("49", "2026-02-02", "0", True),
        ]  # fmt: skip
        self.assertEqual(self.versions(), wanted)
        done = await self.upload("prefix,price\n44,0.15\n43,0.4\n", Mode.REPLACE, MONDAY)
        self.assertEqual((done.created, done.changed, done.removed), (0, 0, 0))
        self.assertEqual(self.versions(), wanted)

    async def test_replace_by_nothing(self) -> None:
        """A list that has lost its rows on the way takes no price away; where there is none it changes nothing."""
        self.assertEqual((await self.upload("prefix,price\n", Mode.REPLACE)).rows, 0)
        await self.upload(LIST)
        for since in (None, MONDAY):
            error = await self.assertFailure(Deferred.fromCoroutine(self.upload("prefix,price\n\n", Mode.REPLACE, since)), UploadError)
            self.assertIn("has no rows", str(error))
        self.assertEqual(self.versions(), OLD)

    async def test_replace_whole(self) -> None:
        """Without a date the tariff is the list and nothing else."""
        await self.upload(LIST)
        done = await self.upload("prefix,price\n44,0.10\n", Mode.REPLACE)
        self.assertEqual((done.same, done.removed), (1, 2))
        self.assertEqual(self.versions(), OLD[:1])

    async def test_action(self) -> None:
        """A row with - ends its rate at its date, without a price."""
        await self.upload(LIST)
        await self.upload("action,prefix,price\n-,44,\n+,43,1\n", since=MONDAY)
        self.assertIn(("44", "2026-02-02", "0", True), self.versions())

    async def test_dry_run(self) -> None:
        """It counts what would be, new destinations too, and writes nothing."""
        await self.upload(LIST)
        before = self.everything()
        done = await self.upload("prefix,price\n44,0.99\n77,1\n78,1\n", Mode.REPLACE, dry_run=True)
        self.assertEqual((done.created, done.changed, done.removed, done.destinations), (2, 1, 2, 2))
        self.assertEqual(self.everything(), before)

    async def test_destinations_meanwhile(self) -> None:
        """Somebody adds one of the destinations while the upload is about to: it is taken as it is, the others are added; one of two dates is added once."""
        added: list[str] = []

        def told(done: int, total: int, what: str) -> None:
            if what == "adding destinations" and not added:
                added.append(what)
                with closing(psycopg2.connect(self.dsn)) as other, other, other.cursor() as cursor:
                    cursor.execute("insert into destinations (i_env, prefix, description) values (1, '4420', 'theirs')")

        self.patch(self, "told", told)
        text = "prefix,price,effective_from,description\n44,0.1,,\n4420,0.2,,ours\n49,0.3,,ours\n49,0.4,2026-03-01,later\n44,0.5,2026-03-01,\n"
        done = await self.upload(text)
        self.assertEqual((done.rows, done.destinations), (5, 1))
        self.assertEqual(self.ask("select prefix, description from destinations order by prefix"), [("44", ""), ("4420", "theirs"), ("49", "ours")])

    async def test_revision_rises(self) -> None:
        """Servers compile a tariff again whose revision has risen: by an upload, and by any statement on its rates; other tariffs' stay."""
        await self.upload(LIST)
        before = dict(self.ask("select name, revision from tariffs"))
        await self.upload("prefix,price\n44,0.99\n")
        after = dict(self.ask("select name, revision from tariffs"))
        self.assertGreater(after["T"], before["T"])
        self.assertEqual(after["Other"], before["Other"])
        self.ask("delete from rates where price_n = 0.99")
        self.assertGreater(self.one("select revision from tariffs where name = 'T'"), after["T"])


class SwappedTests(UploadTests):
    """The same where every change is more than few: the tariff gets a partition of its own, each time anew."""

    async def prepare(self) -> None:
        """No upload is small."""
        await super().prepare()
        self.patch(rate_upload, "FEW", 0)

    async def test_partition(self) -> None:
        """The rates are in the tariff's own partition, one only, found by everybody who reads and writes rates."""
        await self.upload(LIST)
        await self.upload("prefix,price\n44,0.99\n")
        i_tariff = self.one("select i_tariff from tariffs where name = 'T'")
        self.assertEqual(self.one("select count(*) from only rates_default where i_tariff = %s", (i_tariff,)), 0)
        partitions = self.ask("select inhrelid::regclass::text from pg_inherits where inhparent = 'rates'::regclass order by 1")
        self.assertEqual(partitions, [("rates_default",), (f"rates_of_{i_tariff}",)])
        self.assertEqual(self.litter(), [])
        await self.text("tariffs: {T: {rates: {'44': 0.77, '48': 0.88}}}\n")
        self.assertIn(("44", "-infinity", "0.77", False), self.versions())
        self.assertEqual(self.one(f"select count(*) from only rates_of_{i_tariff}"), 4)

    async def test_waits_for_readers(self) -> None:
        """A server that compiles the rates holds the swap up, and the swap does not hold up others who read meanwhile."""
        await self.upload(LIST)
        self.ask("begin")
        self.ask("select * from rates")
        waiting = self.upload("prefix,price\n44,0.99\n")
        self.patch(rate_upload, "PATIENCE", 1.0)
        try:
            await waiting
        except UploadError as error:
            self.assertIn("in use", str(error))
        else:
            self.fail("it did not wait")
        finally:
            self.ask("rollback")
        self.assertEqual(self.versions(), OLD)
        self.assertEqual(self.litter(), [])


class CheckTests(PriceListTestCase):
    """Files that are wrong change nothing, and every fault is told with its line and column."""

    async def test_rows_together(self) -> None:
        """A prefix twice under one date, under the header's own name."""
        said = await self.faulty("Code,Price\n44,1\n49,1\n44,2\n+44,3\n")
        self.assertEqual(
            said, [f"line {line}, Code: has a rate of that date in line 2 already: keep one of the two" for line in (4, 5)]
        )
        self.assertEqual((self.versions(), self.litter()), ([], []))

    async def test_unknown_destinations(self) -> None:
        """Without leave to add them, new prefixes are faults; the destinations are as before."""
        said = await self.faulty("prefix,price\n44,1\n491,1\n492,1\n", destinations=False)
        self.assertEqual([line.partition(":")[0] for line in said], ["line 3, prefix", "line 4, prefix"])
        self.assertIn("--destinations-add", said[0])
        self.assertEqual(self.one("select count(*) from destinations"), 1)

    async def test_lines(self) -> None:
        """Faults of lines come alone: of rows that are not all there nothing more is said."""
        said = await self.faulty("prefix,price,interval_n\n44,x,0\n44,1,1\n44,1,1\n")
        self.assertEqual([line.partition(":")[0] for line in said], ["line 2, interval_n", "line 2, price"])

    async def test_no_such_tariff(self) -> None:
        """In another environment it does not exist either."""
        self.ask("update tariffs set name = 'U' where name = 'T'")
        error = await self.assertFailure(Deferred.fromCoroutine(self.upload(LIST)), UploadError)
        self.assertIn("no tariff T in environment 1", str(error))


class RoundTripTests(PriceListTestCase):
    """What `rate export` writes `rate upload` takes back."""

    async def test_export_and_back(self) -> None:
        """Whatever a tariff holds: added or replaced with its own export it stays as it is; removed and uploaded it is what it was."""
        seed = random.Random(7)
        head = (
            "prefix,interval_first,interval_n,price_first,price_n,connect_fee,forbidden,hidden,action,effective_from,payback,description,country,"
            "off_peak_price,second_off_peak_interval_n,second_off_peak_price_first,second_off_peak_price_n,formula\n"
        )
        lines = {}
        for _ in range(300):
            prefix, day = str(seed.randrange(1, 400)), seed.choice(("", "2026-01-01", "2026-03-01T12:30:15.5Z"))
            price, fee = (f"{seed.randrange(-50, 100) / 1000:.3f}" for _ in range(2))
            flags = ",".join(seed.choice("01") for _ in range(2))
            levels = seed.choice((",,,,", "0.50,,,,", "-0.5,6,0.1,0.10,", ",60,0.1,0,", ',,,,"60*1@1.80, fee 0.5 random 25%, unlimited*1@-1"'))
            if "@" in levels:
                price = ""
            lines[prefix, day] = (
                f'{prefix},{seed.randrange(1, 61)},6,{price},{price},{seed.choice(("", fee))},{flags},{seed.choice("+-")},{day},1,'
                f'"Côte, ""{prefix}"" \\ x",CI,{levels}\n'
            )
        await self.upload(head + "".join(lines.values()))
        before = self.ask("select r.* from rates r order by i_rate")
        text = await self.exported()
        for mode in Mode:
            done = await self.upload(text, mode)
            self.assertEqual((done.created, done.changed, done.removed, done.same), (0, 0, 0, len(lines)))
        self.assertEqual(self.ask("select r.* from rates r order by i_rate"), before)
        self.ask("delete from rates where i_tariff = (select i_tariff from tariffs where name = 'T')")
        await self.upload(text)
        self.assertEqual(await self.exported(), text)

    async def test_time_is_kept(self) -> None:
        """To the microsecond."""
        at = MONDAY + timedelta(microseconds=7)
        await self.upload(LIST, since=at)
        self.assertIn("2026-02-02T00:00:00.000007Z", await self.exported())
