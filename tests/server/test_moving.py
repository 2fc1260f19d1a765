"""`portaswitch migrate` on PostgreSQL: an installation's files moved whole or not at all, once, with its money to the last digit."""

from __future__ import annotations

import os
import time
from decimal import Decimal
from pathlib import Path

from twisted.internet.defer import Deferred, gatherResults

from portaswitch.config.catalogue import read_catalogue
from portaswitch.config.migration import read_folder
from portaswitch.errors import ConfigError
from portaswitch.model.loading import Count, LoadError, Section
from portaswitch.operations.migration import Migrated, migrate, rehearse
from portaswitch.store.audit import audit
from tests.server.loads import DEMO, LoadTestCase, quiet

CUSTOMERS = """\
i_customer,name,i_parent,i_customer_type,iso_4217,balance,credit_limit,bill_status,blocked,companyname,opening_balance
8,Shop X,7,1,CAD,20.98506,100,O,N,"Shop ""X"", Inc",3
7,Reseller X,,2,CAD,0.00000,1000,O,N,X,0
9,Shop Y,,1,CAD,-5,,S,Y,,0
"""
ACCOUNTS = """\
i_account,id,i_customer,product_name,billing_model,iso_4217,balance,credit_limit,bill_status,blocked,h323_password,password,first_usage,life_time
11,12065550100,8,PrepaidCard,-1,CAD,12.34567,,O,N,s3cret,self,2020-02-02 10:11:12,30
12,12065550101,8,PrepaidCard,1,CAD,20.98506,50,S,N,,,,
13,12065550102,9,PrepaidCard,-1,CAD,-0.50,,O,Y,,,,
"""
ALIASES = "id,i_master_account\nalice@example.com,11\n"
KI = "0123456789abcdef0123456789ABCDEF"
SIMS = f"imsi,iccid,ki,pin,i_account,status\n001010000000001,8900000000000000001,{KI},1234,11,in use\n001010000000002,,,,,free\n"
COUNTERS = """\
account_id,customer_name,vd_plan_name,service_name,used,carried,period_start,period_end
12065550100,,Bonus,Voice calls,61.5,2,2026-01-01 00:00:00,2026-02-01 00:00:00
,Shop X,Bonus,Voice calls,7,,2026-01-01,
"""
FILES = {"customers.csv": CUSTOMERS, "accounts.csv": ACCOUNTS, "aliases.csv": ALIASES, "sims.csv": SIMS, "counters.csv": COUNTERS}
PLAN = """
insert into vd_plans (i_vd_plan, i_env, name, currency) values (100, 1, 'Bonus', 'CAD');
insert into vd_dgs (i_vd_plan, i_service, kind, counted_in) select 100, i_service, 'discount', 'units' from services where name = 'Voice calls';
"""


class MovingTestCase(LoadTestCase):
    """The demo's catalogue, and a folder."""

    async def prepare(self) -> None:
        """The catalogue with a discount plan."""
        await super().prepare()
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        await self.load(read_catalogue(DEMO, 1))
        names = [name for (name,) in self.ask("select name from services where i_service_type = 3")]
        self.ask(PLAN.replace("Voice calls", names[0]))
        self.service = names[0]

    def files(self, **changed: str) -> Path:
        """The folder with the files above; `changed` by name without .csv, '' leaves one out."""
        for name, text in FILES.items():
            text = changed.get(name.removesuffix(".csv"), text).replace("Voice calls", self.service)
            (self.folder / name).unlink(missing_ok=True)
            if text:
                (self.folder / name).write_text(text, "utf-8")
        return self.folder

    def move(self, **changed: str) -> Deferred[Migrated]:
        """Migrate them."""
        return migrate(read_folder(self.files(**changed), 1).file, self.loading, quiet)

    async def faults(self, **changed: str) -> list[str]:
        """What is wrong with them, without the folder's name; nothing was changed."""
        before = self.everything()
        try:
            await self.move(**changed)
        except ConfigError as error:
            self.assertEqual(self.everything(), before)
            return [fault.replace(f"{self.folder}/", "") for fault in error.faults]
        self.fail("it was not refused")


class MovingTests(MovingTestCase):
    """Good files."""

    async def test_beneficiaries(self) -> None:
        """Of billing_model 4: the payer is found by its number in the folder, or by its id."""
        header, *rows = ACCOUNTS.splitlines()
        text = f"{header},master_id,i_master_account\n" + "".join(f"{row},,\n" for row in rows)
        text += "14,12065550103,8,PrepaidCard,4,CAD,0,,O,N,,,,,,11\n15,12065550104,8,PrepaidCard,4,CAD,0,,O,N,,,,,12065550101,\n"
        done = await self.move(accounts=text)
        self.assertTrue(all(control.agrees for control in done.controls), done.controls)
        paid = "select a.id, y.id from accounts a join accounts y on y.i_account = a.i_payer order by 1"
        self.assertEqual(self.ask(paid), [("12065550103", "12065550100"), ("12065550104", "12065550101")])
        found = await self.faults(accounts=text.replace("12065550103,8,PrepaidCard,4,CAD,0", "12065550105,8,PrepaidCard,4,CAD,7"))
        self.assertEqual(found, ["accounts.csv:5:7: balance: a beneficiary has none: remove it, what counts is that of its payer 12065550100"])

    async def test_what_it_makes(self) -> None:
        """Money is the opening balance, parents and masters are found by number, secrets are sealed, cards and counters have their owners."""
        done = await self.move()
        self.assertTrue(all(control.agrees for control in done.controls), done.controls)
        self.assertEqual(
            self.ask(
                "select a.id, c.name, a.billing_model, a.balance, a.opening_balance, a.bill_status, a.blocked, a.first_usage::text, a.life_time from accounts a"
                " join customers c using (i_customer) where starts_with(a.id, '120655501') order by 1"
            ),
            [
                ("12065550100", "Shop X", -1, Decimal("12.34567"), Decimal("12.34567"), "O", False, "2020-02-02 10:11:12+00", 30),
                ("12065550101", "Shop X", 1, Decimal("20.98506"), Decimal("20.98506"), "S", False, None, None),
                ("12065550102", "Shop Y", -1, Decimal("-0.50"), Decimal("-0.50"), "O", True, None, None),
            ],
        )
        ((service, console),) = self.ask("select h323_password, password from accounts where id = '12065550100'")
        self.assertEqual((self.sealer.open(service), self.sealer.open(console)), ("s3cret", "self"))
        self.assertEqual(
            self.ask(
                "select c.name, p.name, c.balance from customers c left join customers p on p.i_customer = c.i_parent"
                " where right(c.name, 2) in (' X', ' Y') order by 1"
            ),
            [("Reseller X", None, 0), ("Shop X", "Reseller X", Decimal("20.98506")), ("Shop Y", None, -5)],
        )
        self.assertEqual(
            self.ask("select a.billing_model, m.id from accounts a join accounts m on m.i_account = a.i_master_account where a.id = 'alice@example.com'"),
            [(2, "12065550100")],
        )
        used, free = self.ask("select s.*, a.id from sim_cards s left join accounts a using (i_account) where imsi like '001%%' order by imsi")
        self.assertEqual((used[2:5], used[-1], free[-1]), (("001010000000001", "8900000000000000001", "12065550100"), "12065550100", None))
        ((ki, status),) = self.ask("select ki, status from sim_cards where imsi = '001010000000001'")
        self.assertEqual((self.sealer.open(ki), status), (KI, "in_use"))
        self.assertEqual(
            self.ask("select a.id, c.name, v.used, v.carried, v.period_end::text from vd_counters v join customers c using (i_customer)"
                     " left join accounts a using (i_account) order by v.used"),
            [(None, "Shop X", 7, 0, "infinity"), ("12065550100", "Shop X", Decimal("61.5"), 2, "2026-02-01 00:00:00+00")],
        )  # fmt: skip

    async def test_plans(self) -> None:
        """Discount plans of customers and accounts by name; an empty cell is none, one that is not in the catalogue is a fault with its line."""
        head, *lines = CUSTOMERS.splitlines()
        customers = "\n".join([f"{head},vd_plan_name", f"{lines[0]},Bonus", *(f"{line}," for line in lines[1:])])
        head, *lines = ACCOUNTS.splitlines()
        accounts = "\n".join([f"{head},vd_plan_name", f"{lines[0]},", f"{lines[1]},{{plan}}", f"{lines[2]},"])
        (fault,) = await self.faults(customers=customers, accounts=accounts.format(plan="Nothing"))
        self.assertTrue(fault.startswith("accounts.csv:3") and "Nothing is not among the discount_plans" in fault, fault)
        await self.move(customers=customers, accounts=accounts.format(plan="Bonus"))
        self.assertEqual(self.ask("select name from customers where i_vd_plan = 100"), [("Shop X",)])
        self.assertEqual(self.ask("select id from accounts where i_vd_plan = 100"), [("12065550101",)])

    async def test_books(self) -> None:
        """From the first moment on every law of the books holds, of an overdrawn debit account too; a charge beyond is found."""
        await self.move()
        found = await audit(self.pool)
        self.assertEqual((found.differ, found.findings[0].rows), (0, 19))
        self.ask("update accounts set balance = balance - 1, opening_balance = opening_balance where id = '12065550102'")
        broken = [finding for finding in (await audit(self.pool)).findings if finding.differ]
        self.assertEqual([(finding.law.split()[0], finding.differ) for finding in broken], [("balance", 1), ("nothing", 1)])

    async def test_again(self) -> None:
        """A second run changes nothing: not a row; what has been used meanwhile stays, and is told."""
        await self.move()
        before = self.everything()
        done = await self.move()
        self.assertEqual(self.everything(), before)
        self.assertEqual(done.loaded.counts[Section.ACCOUNTS], Count(0, 0, 3))
        self.ask("update vd_counters set used = 100 where i_account is not null")
        done = await self.move(accounts=ACCOUNTS.replace("12.34567", "99"))
        self.assertEqual({(kept.section, kept.asked) for kept in done.loaded.kept}, {(Section.ACCOUNTS, Decimal(99)), (Section.COUNTERS, Decimal("61.5"))})
        self.assertEqual([control.wanted.section for control in done.controls if not control.agrees], [Section.ACCOUNTS, Section.COUNTERS])

    async def test_rehearsal(self) -> None:
        """A dry run counts and adds up as the real one does, and writes nothing."""
        before = self.everything()
        foreseen = await rehearse(read_folder(self.files(), 1).file, self.loading, quiet)
        self.assertEqual(self.everything(), before)
        done = await self.move()
        self.assertEqual(foreseen.loaded.counts, done.loaded.counts)
        self.assertEqual([control.wanted for control in foreseen.controls], [control.wanted for control in done.controls])
        accounts = [control.wanted for control in done.controls if control.wanted.section is Section.ACCOUNTS]
        self.assertEqual(
            [(total.kind, total.currency, total.number, total.amount) for total in accounts],
            [("credit", "CAD", 1, Decimal("20.98506")), ("debit", "CAD", 2, Decimal("11.84567"))],
        )

    async def test_killed(self) -> None:
        """A connection that dies in the middle leaves nothing; so the next run does it all, and nothing twice."""
        self.ask("create function die() returns trigger language plpgsql as $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$")
        self.ask("create trigger die after insert on sim_cards for each statement execute function die()")
        before = self.ask("select count(*) from accounts")
        await self.assertFailure(self.move(), LoadError)
        self.assertEqual(self.ask("select count(*) from accounts"), before)
        self.ask("drop trigger die on sim_cards")
        self.assertTrue(all(control.agrees for control in (await self.move()).controls))

    async def test_two_at_once(self) -> None:
        """Two operators who start it at the same time: one moves, the other finds it done."""
        folder = self.files()
        first, second = await gatherResults([migrate(read_folder(folder, 1).file, self.loading, quiet) for _ in range(2)])
        self.assertEqual(sorted(done.loaded.counts[Section.ACCOUNTS].created for done in (first, second)), [0, 3])

    async def test_quick(self) -> None:
        """A hundred thousand accounts with passwords; the time is printed, not asserted."""
        count = int(os.environ.get("PORTASWITCH_MOVED", "5000"))
        rows = "".join(f"{n},77{n:09d},{n % 1000},PrepaidCard,-1,{n % 50}.25,pass{n}\n" for n in range(count))
        customers = "".join(f"{n},Moved {n},0\n" for n in range(1000))
        start = time.monotonic()
        done = await self.move(
            customers=f"i_customer,name,balance\n{customers}", accounts=f"i_account,id,i_customer,product_name,billing_model,balance,h323_password\n{rows}",
            aliases="", sims="", counters="",
        )  # fmt: skip
        print(f"{count} accounts in {time.monotonic() - start:.1f} s")
        self.assertEqual(done.loaded.counts[Section.ACCOUNTS], Count(count))
        self.assertTrue(all(control.agrees for control in done.controls))


class FaultTests(MovingTestCase):
    """Bad files: every line and column at fault, all at once, and nothing done."""

    async def test_cells(self) -> None:
        """The place is file, line, cell and column; secrets are not quoted."""
        accounts = ACCOUNTS.replace("12.34567", "12,34567").replace("20.98506", '"20,98506"').replace("-1,CAD,-0.50", "2,CAD,")
        self.assertEqual(
            await self.faults(accounts=accounts, sims=SIMS.replace(KI, "0123")),
            [
                "accounts.csv:2:1: has 15 cells, and the header 14: correct the commas and quotes of the line",
                "accounts.csv:3:7: balance: '20,98506' is not an amount: write digits with a point, such as 10.00",
                "accounts.csv:4:5: billing_model: '2' is the model of an alias: aliases stand in aliases.csv",
                "accounts.csv:4:7: balance: is empty: every line has one",
                "aliases.csv:2:2: i_master_account: 11 is nobody's number in the folder: add its line, or give the name",
                "counters.csv:2:1: account_id: 12065550100 is not among the accounts of the file or the database: did you mean 12065550102?",
                "sims.csv:2:3: ki: the value is not 32 hexadecimal digits",
                "sims.csv:2:5: i_account: 11 is nobody's number in the folder: add its line, or give the name",
            ],
        )

    async def test_headers(self) -> None:
        """Unknown and missing columns, files of other names, files that are none."""
        (self.folder / "account.csv").write_text("id\n")
        found = await self.faults(customers="nam,balance\n", accounts="", aliases="\n", sims='imsi\n"1\n', counters="")
        (self.folder / "account.csv").unlink()
        self.assertEqual([fault for fault in found if fault.startswith("account.csv")], [
            "account.csv: is none of customers.csv, accounts.csv, aliases.csv, sims.csv, counters.csv: rename it, or move it away",
        ])  # fmt: skip
        self.assertIn("customers.csv:1:1: unknown column nam: did you mean name?", found)
        self.assertIn("customers.csv:1:1: there is no column name, which names what a line is about", found)
        self.assertIn("aliases.csv: is empty: the first line names the columns", found)
        self.assertTrue(any("sims.csv:3:1: is no line of a CSV file" in fault or "sims.csv:2:1: is no line of a CSV file" in fault for fault in found), found)
        (self.folder / "sims.csv").write_bytes(b"imsi\n\xff\n")
        self.assertEqual(str(read_folder(self.folder, 1).file.faults[-1]), f"{self.folder}/sims.csv:2:1: not UTF-8 text: save the file as UTF-8")
        self.assertIn("can't be read", str(read_folder(self.folder / "none", 1).file.faults[0]))

    async def test_given_twice(self) -> None:
        """Ids, numbers, cards, accounts with two cards, counters."""
        found = await self.faults(
            accounts=ACCOUNTS + "11,12065550100,8,PrepaidCard,-1,CAD,1,,O,N,,,,\n",
            sims=SIMS + "001010000000003,8900000000000000001,,,11,\n",
            counters=COUNTERS + "12065550100,,Bonus,Voice calls,5,,2026-01-01,\n",
        )
        self.assertEqual(
            found,
            [
                "accounts.csv:5:2: id: 12065550100 stands in line 2 of accounts.csv already: it is given once",
                "counters.csv:4:1: is the same counter as that of line 2: remove one of the two",
                "sims.csv:4:2: iccid: the ICCID 8900000000000000001 is that of the card 001010000000001 already",
                "sims.csv:4:5: i_account: the account 12065550100 is that of the card 001010000000001 already",
            ],
        )

    async def test_counters_of_what(self) -> None:
        """Items that there are not or twice, owners that there are not or disagree, aliases."""
        two = "select 100, i_service, 'quota', 'units' from vd_dgs, generate_series(1, 2) where i_vd_plan = 100"
        self.ask(f"insert into vd_dgs (i_vd_plan, i_service, kind, counted_in) {two}")
        head = "account_id,customer_name,vd_plan_name,service_name,kind,used,period_start\n"
        lines = ",,Bonus,{0},,{1}12065550100,Shop Y,Bonus,{0},quota,{1}alice@example.com,,None,{0},,{1}".format("Voice calls", "1,2026-01-01\n")
        found = await self.faults(counters=head + lines)
        self.assertEqual([fault.partition(": ")[2] for fault in found], [
            "is nobody's: name an account, or a customer for a counter of all its accounts",
            "customer_name: the account 12065550100 is of the customer Shop X: they must agree",
            "vd_plan_name: 2 items of the plan are like that: a counter can't tell them apart",
            "account_id: alice@example.com is an alias: name its account, 12065550100",
            f"vd_plan_name: the database has no discount of the service {self.service} for all destinations in a discount plan None: make it first",
        ])  # fmt: skip

    async def test_many(self) -> None:
        """Fifty are told, and how many there are."""
        lines = "".join(f"{n},x{n},?,1\n" for n in range(200))
        found = await self.faults(customers=f"i_customer,name,balance,bill_status\n{lines}", accounts="", aliases="", sims="", counters="")
        self.assertEqual((len(found), found[-1]), (51, "and 350 more: 400 faults in all"))

    async def test_cards_of_the_database(self) -> None:
        """A card that an account has is not given to another one, and an account that has one gets no second."""
        await self.move()
        found = await self.faults(sims="imsi,account_id\n001010000000001,12065550101\n001010000000009,12065550100\n")
        self.assertEqual([fault.partition(": ")[2].partition(":")[0] for fault in found], ["account_id"] * 2)
