"""The people behind accounts, follow-me lists, self-care passwords: done by operators and users, refused where they don't fit, audited."""

from __future__ import annotations

from portaswitch.model.operation import NotPermitted, NotThere, OperationRefused
from tests.server.desks import LINE, SUBLINE, DeskCase

RETAIL, SUB = "Demo retail", "Demo subcustomer"
OTHER = "16045550103"


class SubscriberTests(DeskCase):
    """An address book of customers."""

    timeout = 120

    async def person(self, customer: str | None = RETAIL, **values: str) -> str:
        """The number of a new person."""
        row = await self.do("subscriber.add", {**({"customer": customer} if customer else {}), "firstname": "Ann", **values})
        return str(row["number"])

    async def test_behind_an_account(self) -> None:
        """A person of the account's customer, or of nobody, is given to it; one of another customer is refused, and so is one who has no name."""
        ann, free, other = await self.person(), await self.person(None), await self.person(SUB)
        for number in (ann, free):
            self.assertEqual(str((await self.do("account.change", id=LINE, subscriber=number))["subscriber"]), number)
        with self.assertRaisesRegex(OperationRefused, "one of Demo subcustomer"):
            await self.do("account.change", id=LINE, subscriber=other)
        with self.assertRaisesRegex(OperationRefused, "name somebody"):
            await self.do("subscriber.change", number=ann, firstname="null")
        with self.assertRaisesRegex(OperationRefused, "there is no subscriber 4711"):
            await self.do("account.change", id=LINE, subscriber="4711")
        with self.assertRaisesRegex(OperationRefused, "in use"):
            await self.do("subscriber.remove", number=free)
        self.assertEqual(self.audited("subscriber")[0][1], "subscriber.add")

    async def test_moves_along(self) -> None:
        """An account that goes to another customer takes its person along; one that others have too stays behind."""
        alone, shared = await self.person(), await self.person(lastname="Shared")
        await self.do("account.change", id="16045550105", subscriber=alone)
        for name in (LINE, OTHER):
            await self.do("account.change", id=name, subscriber=shared)
        for name, left in (("16045550105", int(alone)), (OTHER, None)):
            await self.do("account.move", id=name, customer=SUB)
            self.assertEqual(self.one("select i_subscriber from accounts where id = %s", (name,)), left)
        self.assertEqual([row["number"] for row in await self.do("subscriber.list", customer=SUB)], [int(alone)])
        self.assertEqual((await self.do("account.show", id=LINE))["subscriber"], int(shared))

    async def test_rights(self) -> None:
        """Resellers keep the books of those below them; users change their own people's address, and see no others."""
        ann, other = await self.person(), await self.person("Demo retail USD")
        self.assertEqual([row["number"] for row in await self.do("subscriber.list", by=self.reseller())], [int(ann)])
        await self.do("subscriber.change", by=self.customer(RETAIL), number=ann, city="Calgary")
        for values in ({"bcc": "a@example.com"}, {"note": "good"}):
            with self.assertRaises(NotPermitted):
                await self.do("subscriber.change", values, by=self.customer(RETAIL), number=ann)
        for by in (self.reseller(), self.customer(RETAIL)):
            with self.assertRaises(NotThere):
                await self.do("subscriber.change", by=by, number=other, city="Calgary")


class FollowMeTests(DeskCase):
    """Lists of accounts, and the numbers in them."""

    timeout = 120

    async def test_list(self) -> None:
        """The first number makes the list; numbers are changed by themselves, and go with the list."""
        with self.assertRaisesRegex(NotThere, "has no follow-me"):
            await self.do("account.follow-me.show", id=LINE)
        for number, place in (("49301", "2"), ("49302", "1"), ("ann@example.com", "3")):
            await self.do("account.follow-me-number.add", account=LINE, redirect_number=number, sort_order=place)
        await self.do("account.follow-me.set", id=LINE, sequence="simultaneous", timeout="20")
        shown = await self.do("account.follow-me.show", id=LINE)
        self.assertEqual((shown["sequence"], shown["timeout"], shown["numbers"]), ("simultaneous", 20, ["49302", "49301", "ann@example.com"]))
        await self.do("account.follow-me-number.change", account=LINE, redirect_number="49301", period="hr{8-18}", active="no")
        await self.do("account.follow-me.remove", id=LINE)
        self.assertEqual(self.ask("select count(*) from follow_me union all select count(*) from follow_me_numbers"), [(0,), (0,)])
        told = [line[1] for line in self.audited("account.follow-me-number")]
        self.assertEqual(told, ["account.follow-me-number.add"] * 3 + ["account.follow-me-number.change"] + ["account.follow-me-number.remove"] * 3)
        self.assertEqual([line[1].rpartition(".")[2] for line in self.audited("account.follow-me")], ["add", "set", "remove"])

    async def test_refused(self) -> None:
        """A number twice, nowhere to call, a period that is none, a closed account, an alias."""
        await self.do("account.follow-me-number.add", account=LINE, redirect_number="49301")
        bad = ({"redirect_number": "49301"}, {"redirect_number": "no way"}, {"redirect_number": "49302", "period": "hr{nine}"},
               {"redirect_number": "49302", "account": "16045550102"})  # fmt: skip
        for values in bad:
            with self.assertRaises(OperationRefused, msg=str(values)):
                await self.do("account.follow-me-number.add", {"account": LINE, **values})
        await self.do("account.close", id=LINE)
        with self.assertRaisesRegex(OperationRefused, "closed"):
            await self.do("account.follow-me-number.add", account=LINE, redirect_number="49302")
        self.assertEqual(self.one("select count(*) from follow_me_numbers"), 1)

    async def test_self_care(self) -> None:
        """Users keep their own lists, and reach nobody else's."""
        mine, numbers = self.account(SUBLINE), "account.follow-me-number"
        await self.do(f"{numbers}.add", by=mine, account=SUBLINE, redirect_number="49301")
        await self.do(f"{numbers}.change", by=mine, account=SUBLINE, redirect_number="49301", rename="49302", timeout="30")
        await self.do("account.follow-me.set", by=self.customer(), id=SUBLINE, sequence="random")
        await self.do(f"{numbers}.add", account=LINE, redirect_number="49309")
        for verb, values in (("add", {"redirect_number": "49303"}), ("remove", {"redirect_number": "49309"}), ("change", {"redirect_number": "49309"})):
            with self.assertRaises(OperationRefused):
                await self.do(f"{numbers}.{verb}", {"account": LINE, **values}, by=mine)
        self.assertEqual(self.ask("select redirect_number, timeout from follow_me_numbers order by 1"), [("49302", 30), ("49309", None)])


class WebPasswordTests(DeskCase):
    """What accounts log in to self-care with."""

    async def test_generated_and_given(self) -> None:
        """A generated one is told once; one that is easy to guess is refused; neither is in the audit or the database's plain text."""
        made = (await self.do("account.web-password", id=LINE))["password"]
        self.assertEqual(len(made), 16)
        with self.assertRaisesRegex(OperationRefused, "too easy"):
            await self.do("account.web-password", id=LINE, password=LINE)
        self.assertEqual(await self.do("account.web-password", by=self.account(), id=LINE, password="correct horse"), {"id": LINE})
        self.assertEqual(self.sealer.open(bytes(self.one("select password from accounts where id = %s", (LINE,)))), "correct horse")
        lines = str(self.audited("account"))
        self.assertIn("changed", lines)
        self.assertNotIn(made, lines)
        self.assertNotIn("horse", lines)
