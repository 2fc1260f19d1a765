"""Operations in tests: a database with the demo catalogue, a desk on it, and actors of every realm."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from portaswitch.config.catalogue import read_catalogue
from portaswitch.model.actor import Actor, Realm, Role
from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.store.audit import audit
from portaswitch.store.work import Books
from tests.server.loads import DEMO, LoadTestCase

CARD, LINE, SUBLINE = "10086610975", "16045550101", "16045550106"


class DeskCase(LoadTestCase):
    """`desk` on the demo catalogue in environment 1; `root` operates it."""

    async def prepare(self) -> None:
        """The demo is loaded before each test."""
        await super().prepare()
        await self.load(read_catalogue(DEMO, 1))
        self.desk = Desk(Books(self.pool, self.sealer, ENTITIES))
        self.root = Actor("test:root", 1)

    async def do(self, operation: str, given: Mapping[str, str | None] = MappingProxyType({}), *, by: Actor | None = None, key: str = "", **more: str) -> Any:
        """Do an operation as root, or as somebody else."""
        return await self.put(operation, {**given, **more}, by, key)

    async def put(self, operation: str, values: Mapping[str, str | None], by: Actor | None = None, key: str = "") -> Any:
        """The same with the values as a mapping."""
        return await self.desk.operate(by or self.root, operation, values, key)

    def number(self, table: str, identity: str, **where: object) -> int:
        """The number of a row."""
        conditions = " and ".join(f"{column} = %s" for column in where)
        return int(self.one(f"select {identity} from {table} where {conditions}", tuple(where.values())))

    def reseller(self, name: str = "Demo reseller", role: Role = Role.ADMIN) -> Actor:
        """A user of a reseller."""
        return Actor(f"test:{name}", 1, Realm.RESELLER, role, i_customer=self.number("customers", "i_customer", name=name))

    def customer(self, name: str = "Demo subcustomer") -> Actor:
        """A user of a customer's self-care."""
        return Actor(f"test:{name}", 1, Realm.CUSTOMER, Role.ADMIN, i_customer=self.number("customers", "i_customer", name=name))

    def account(self, name: str = LINE) -> Actor:
        """A user of an account's self-care."""
        i_customer, i_account = self.ask("select i_customer, i_account from accounts where id = %s", (name,))[0]
        return Actor(f"test:{name}", 1, Realm.ACCOUNT, Role.ADMIN, i_customer=i_customer, i_account=i_account)

    async def assert_books(self) -> None:
        """The audit queries find nothing that differs."""
        found = await audit(self.pool)
        self.assertEqual([(finding.law, finding.differ) for finding in found.findings if finding.differ], [])

    def audited(self, entity: str) -> list[tuple[Any, ...]]:
        """What the audit has on entities of a kind: operation, before, after."""
        return self.ask("select actor, operation, before, after from audit_log where entity like %s order by i_audit", (f"{entity}:%",))
