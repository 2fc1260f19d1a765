"""Every operation of the registry by every realm, on what is somebody else's: refused, and nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from portaswitch.model.actor import Actor, Privilege, Realm, Role
from portaswitch.model.operation import Field, Mark, Operation, OperationRefused
from portaswitch.operations.entities import ENTITIES
from portaswitch.operations.registry import OPERATIONS
from tests.server.desks import CARD, SUBLINE, DeskCase

WORDS: Final = {"amount above 0": "1", "amount": "1", "amount from 0": "1", "three letters of ISO 4217": "CAD", "date or time, UTC": "2030-01-01",
                "whole number from 0": "1", "whole number from 1": "1", "yes or no": "yes", "time zone": "UTC"}  # fmt: skip
"""A value of each kind, by its hint; of a choice its first word, of a text the field's name."""


def value(field: Field) -> str:
    """A value that a field takes."""
    return WORDS.get(field.kind.hint) or (field.kind.hint.split(" or ")[0] if field.kind.words else f"x{field.name}x")


class MatrixTests(DeskCase):
    """Arguments are made from the operations' own fields: the required ones, and whatever names a thing."""

    timeout = 300

    async def prepare(self) -> None:
        """Something of everything, in nobody's tree but the environment's."""
        await super().prepare()
        self.ask("insert into environments (i_env, name) values (2, 'Other')")
        self.ask(
            "update sim_cards set status = 'available', i_account = null, i_customer = null; update dids set i_account = null, i_customer = null;"
            "update did_owner_batches set i_customer = (select i_customer from customers where name = 'Demo retail USD')"
        )
        await self.do("customer-class.add", name="Gold")
        await self.do("product.add", name="More", currency="CAD", is_addon="yes")
        for name in (CARD, "0101"):
            await self.do("account.topup", id=name, amount="1")
            await self.do("transaction.start", account=name, amount="1")
        await self.do("account.addon.add", id=CARD, product="More")

    def things(self, customer: str, account: str) -> dict[str, str]:
        """By entity the name of something that belongs to that customer and account, or else to the environment."""
        number = self.number("accounts", "i_account", id=account)
        named = {"customer": customer, "account": account, "payment": str(self.number("payments", "i_payment", i_account=number)),
                 "transaction": str(self.number("payment_transactions", "i_payment_transaction", i_account=number))}  # fmt: skip
        for entity in ENTITIES.values():
            if entity.name not in named and not entity.parent:
                rows = self.ask(f"select {entity.field(entity.key).stored}::text from {entity.table} order by {entity.identity} limit 1")
                named[entity.name] = rows[0][0] if rows else "nothing"
        return named

    def given(self, operation: Operation, named: Mapping[str, str]) -> dict[str, str]:
        """Arguments that name these things."""
        entity = ENTITIES.get(operation.words[0])
        adds = operation.words[1] in ("add", "start")
        values = {}
        for field in operation.arguments:
            if field.refers:
                values[field.name] = named.get(field.refers, "nothing")
            elif entity is not None and not adds and field.name == entity.key and field.has(Mark.PLACE):
                values[field.name] = named.get(entity.name, "nothing")
            elif field.name == "id" and operation.name.startswith("account.") and operation.name != "account.add":
                values[field.name] = named["account"]
            elif field.has(Mark.REQUIRED) or (field.has(Mark.PLACE) and field.name == "amount"):
                values[field.name] = value(field)
        return values

    def fingerprint(self) -> list[tuple[Any, ...]]:
        """Of every table the number of rows, and a sum of what is in them and who wrote them."""
        tables = self.ask("select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1")
        return self.ask(" union all ".join(f"select '{name}', count(*), sum(hashtextextended(t.xmin::text || t::text, 0)) from {name} t" for (name,) in tables))

    async def check(self, by: Actor, named: Mapping[str, str], unseen: set[str]) -> None:
        """Nothing of these things is told or changed."""
        before, done, told = self.fingerprint(), [], 0
        for operation in OPERATIONS.values():
            if by.realm is Realm.ADMIN and operation.words[1] == "add" and not any(field.refers for field in operation.arguments):
                continue  # it adds something of its own environment, and names nothing of ours
            values = {"limit": "0"} if operation.words[1] == "list" and not operation.words[0].count(".") else self.given(operation, named)
            try:
                answer = await self.desk.operate(by, operation.name, values)
            except OperationRefused as refused:
                told += 1
                self.assertFalse([fault for fault in refused.faults if "duplicate" in fault or "database" in fault], operation.name)
                continue
            rows = answer if isinstance(answer, list) else [answer]
            seen = {str(text) for row in rows for text in row.values()} & unseen
            self.assertEqual(seen, set(), f"{operation.name} by {by.name}")
            if operation.privilege is not Privilege.READ:
                done.append(operation.name)
        self.assertEqual((done, self.fingerprint() == before), ([], True), by.name)
        self.assertGreater(told, len(OPERATIONS) // 2)

    async def test_realms(self) -> None:
        """A reseller and what is not below it, a customer and its neighbour, an account and another one: each with every role that changes something."""
        above, beside = self.things("Demo retail USD", "0101"), self.things("Demo retail", CARD)
        for role in (Role.ROOT, Role.ADMIN, Role.FINANCE, Role.HELPDESK):
            await self.check(self.reseller(role=role), above, {"Demo retail USD", "0101", "0102", "Gold"})
        await self.check(self.customer(), beside, {"Demo retail", CARD, "Demo retail USD", "Gold"})
        await self.check(self.account(SUBLINE), beside, {"Demo retail", CARD, "Demo retail USD", "Gold"})

    async def test_environments(self) -> None:
        """The administrator of another environment, for whom nothing of this one is there."""
        named = self.things("Demo retail", CARD)
        await self.check(Actor("test:other", 2, Realm.ADMIN, Role.ROOT), named, {"Demo retail", CARD, "Office", "Gold"})

    async def test_own(self) -> None:
        """The same arguments on what is theirs are refused for no such reason: the matrix is not empty of sense."""
        named = self.things("Demo retail", CARD)
        answer = await self.desk.operate(self.reseller(), "account.show", self.given(OPERATIONS["account.show"], named))
        self.assertEqual(answer["id"] if isinstance(answer, dict) else "", CARD)
        for name, by in (("account.topup", self.root), ("account.charge", self.reseller()), ("customer.credit", self.reseller()), ("account.move", self.root)):
            values = {**self.given(OPERATIONS[name], named), **({"customer": "Demo subcustomer"} if name == "account.move" else {})}
            await self.desk.operate(by, name, {key: text for key, text in values.items() if key not in ("force", "voucher")})
        await self.assert_books()
