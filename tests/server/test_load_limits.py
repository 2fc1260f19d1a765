"""`load` on PostgreSQL at its limits: odd texts, refusals of the database, long files."""

from __future__ import annotations

import time

from portaswitch.config.catalogue import catalogue
from portaswitch.config.grammar import read_text
from portaswitch.model.loading import Count, Loaded, LoadError, Section
from tests.server.loads import LoadTestCase


class TextTests(LoadTestCase):
    """What operators may write into names and secrets."""

    async def test_arrives_as_it_was_written(self) -> None:
        """Quotes, backslashes, braces, commas, percent signs, NULL, the empty text and other alphabets."""
        odd = ['a"b', "a\\b", "{a,b}", "100%s", "NULL", "(x)", "žluťoučký", "$1"]
        products = ", ".join(f"'{name}': {{description: '{name}'}}" for name in odd)
        await self.text(
            f"environments: {{1: {{name: One}}}}\nproducts: {{{products}, empty: {{description: ''}}}}\n"
        )
        self.assertEqual(
            sorted(self.ask("select name, description from products")),
            sorted([*zip(odd, odd, strict=True), ("empty", "")]),
        )
        done = await self.text(f"products: {{{products}}}\n")
        self.assertEqual(done.counts[Section.PRODUCTS], Count(0, 0, len(odd)))


class RefusalTests(LoadTestCase):
    """The database says no in the middle of a load."""

    def sabotage(self, condition: str, code: str) -> None:
        """Inserting accounts fails with that SQLSTATE while the condition holds for the attempt's number."""
        self.ask("create sequence attempts")
        self.ask(
            "create function refuse() returns trigger language plpgsql as $$ begin "
            f"if nextval('attempts') {condition} then "
            f"raise exception 'out of cards' using errcode = '{code}'; end if; "
            "return null; end $$"
        )
        self.ask(
            "create trigger refuse after insert on accounts for each statement execute function refuse()"
        )

    async def test_is_told_and_changes_nothing(self) -> None:
        """The error has the database's words and none of the file's values."""
        before = self.everything()
        self.sabotage("> 0", "23514")
        error = await self.assertFailure(self.demo(), LoadError)
        self.assertEqual(str(error), "the database refused the load, and nothing was changed: out of cards")
        self.assertEqual(self.everything(), before)

    async def test_a_deadlock_is_tried_again(self) -> None:
        """Losing against a charge is no error: the second attempt is the whole load."""
        self.sabotage("= 1", "40P01")
        done = await self.demo()
        self.assertEqual(done.counts[Section.ACCOUNTS], Count(14))
        self.assertGreater(self.one("select last_value from attempts"), 1)

    async def test_but_not_for_ever(self) -> None:
        """After three attempts it is told."""
        self.sabotage("> 0", "40P01")
        await self.assertFailure(self.demo(), LoadError)
        self.assertEqual(self.one("select last_value from attempts"), 3)

    async def test_a_charge_goes_on_while_nothing_changes(self) -> None:
        """A load of what is there already does not wait for a locked account."""
        await self.demo()
        self.ask("begin")
        self.ask("select 1 from accounts for no key update")
        done = await self.demo()
        self.ask("rollback")
        self.assertEqual(done.counts[Section.ACCOUNTS], Count(0, 0, 14))


class QuickTests(LoadTestCase):
    """Long files; the times are printed, not asserted."""

    async def timed(self, what: str, text: str) -> Loaded:
        """Load a text; print how long reading and loading took."""
        began = time.perf_counter()
        file = catalogue(read_text(text, "f.yaml"), 1)
        read = time.perf_counter()
        told: list[tuple[int, int, str]] = []
        done = await self.load(file, lambda *progress: told.append(progress))
        print(f"\n{what}: {read - began:.1f} s to read, {time.perf_counter() - read:.1f} s to load")
        for section, count in done.counts.items():
            last = [(at, of) for at, of, name in told if name == section.value][-1]
            self.assertEqual(last[0], last[1], section)
            self.assertGreaterEqual(last[1], count.total)
        return done

    async def test_20000_rates(self) -> None:
        """Created, then the same, then one in four changed."""
        head = "environments: {1: {name: One}}\nservices: {Voice: {type: Voice}}\n"
        head += "tariffs: {T: {service: Voice, rates: {\n"

        def rates(price: str) -> str:
            lines = (
                f'"82{number:05d}": {{first: 1, next: 1, price: {price if number % 4 == 0 else "0.02"}}},\n'
                for number in range(20_000)
            )
            return head + "".join(lines) + "}}}\n"

        self.assertEqual(
            (await self.timed("20,000 new rates", rates("0.02"))).counts[Section.RATES], Count(20_000)
        )
        self.assertEqual(
            (await self.timed("the same rates", rates("0.020"))).counts[Section.RATES], Count(0, 0, 20_000)
        )
        self.assertEqual(
            (await self.timed("5,000 prices changed", rates("0.03"))).counts[Section.RATES],
            Count(0, 5_000, 15_000),
        )

    async def test_5000_accounts(self) -> None:
        """With passwords and aliases."""
        await self.demo()
        lines = (
            f'  "7{number:06d}": {{customer: Demo retail, product: PrepaidCard, model: debit, '
            f'opening_balance: 10.00, password: pw{number}, aliases: ["8{number}"]}}\n'
            for number in range(5_000)
        )
        text = "accounts:\n" + "".join(lines)
        self.assertEqual(
            (await self.timed("5,000 new accounts", text)).counts,
            {Section.ACCOUNTS: Count(5_000), Section.ALIASES: Count(5_000)},
        )
        self.assertEqual(
            (await self.timed("the same accounts", text)).counts[Section.ACCOUNTS], Count(0, 0, 5_000)
        )
