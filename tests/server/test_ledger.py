"""The ledger on PostgreSQL keeps the contract of ledgers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from portaswitch.model.party import Account, Customer, Funds
from portaswitch.store.ledger import Ledger
from portaswitch.store.pool import HOT_SETTINGS, Pool
from tests.contract import rows
from tests.contract.ledger_contract import LedgerContract
from tests.contract.places_contract import PlacesContract
from tests.server.database import fresh_database


class LedgerTests(LedgerContract, PlacesContract, TestCase):
    """The contract, on a database of its own with the settings of hot connections."""

    timeout = 30
    ledger: Ledger

    async def build(self) -> None:
        """A database with two environments."""
        self.pool = Pool(reactor, await fresh_database(), size=1, name="hot", settings=HOT_SETTINGS)
        self.addCleanup(self.pool.close)
        await self.pool.start()
        self.ledger = Ledger(self.pool, lambda sealed: sealed.decode())
        await self.pool.execute(rows.ENVIRONMENT)

    async def put_customer(self, row: Customer, funds: Funds) -> None:
        """See the contract."""
        await self.pool.execute(*rows.customer_row(row, funds))

    async def put_account(self, row: Account, funds: Funds) -> None:
        """See the contract."""
        await self.pool.execute(*rows.account_row(row, funds))

    async def put_alias(self, i_env: int, alias: str, master: Account) -> None:
        """See the contract."""
        await self.pool.execute(*rows.alias_row(i_env, alias, master))

    async def change_account(self, i_account: int, **what: Any) -> None:
        """See the contract."""
        await self.pool.execute(*rows.changed_row("accounts", i_account, what))

    async def change_customer(self, i_customer: int, **what: Any) -> None:
        """See the contract."""
        await self.pool.execute(*rows.changed_row("customers", i_customer, what))

    async def charged(self, i_account: int) -> Decimal:
        """See the contract."""
        ((total,),) = await self.pool.query("select coalesce(sum(charged_amount), 0) from xdr where i_account = %s", (i_account,))
        return Decimal(total)

    async def failures(self) -> list[str]:
        """See the contract."""
        return [name for (name,) in await self.pool.query("select h323_conf_id from xdr where failed order by 1")]

    async def pending(self) -> dict[tuple[str, int], Decimal]:
        """See the contract."""
        found = await self.pool.query("select role, i_party, sum(amount) from pending_charges group by role, i_party")
        return {(role, i_party): amount for role, i_party, amount in found}

    async def orphans(self) -> list[str]:
        """See the contract."""
        return [key for (key,) in await self.pool.query("select key from orphans")]
