"""The ledger on PostgreSQL keeps the contract of ledgers."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from portaswitch.model.charge import Source, SourceKey
from portaswitch.model.party import Account, Customer, Funds
from portaswitch.store import ledger
from portaswitch.store.ledger import Ledger
from portaswitch.store.pool import HOT_SETTINGS, Pool
from tests.contract import rows
from tests.contract.ledger_case import DEBIT, PAST
from tests.contract.ledger_contract import LedgerContract
from tests.contract.payers_contract import PayersContract
from tests.contract.places_contract import PlacesContract
from tests.server.database import fresh_database


class LedgerTests(LedgerContract, PlacesContract, PayersContract, TestCase):
    """The contract, on a database of its own with the settings of hot connections."""

    timeout = 180
    ledger: Ledger

    async def build(self) -> None:
        """A database with two environments."""
        self.pool = Pool(reactor, await fresh_database(), size=1, name="hot", settings=HOT_SETTINGS)
        self.addCleanup(self.pool.close)
        await self.pool.start()
        self.ledger = Ledger(self.pool, lambda sealed: sealed.decode())
        await self.pool.execute(rows.ENVIRONMENT)
        await self.pool.execute(rows.ITEMS)

    async def put_customer(self, row: Customer, funds: Funds) -> None:
        """See the contract."""
        await self.pool.execute(*rows.customer_row(row, funds))

    async def put_account(self, row: Account, funds: Funds) -> None:
        """See the contract."""
        await self.pool.execute(*rows.account_row(row, funds))

    async def put_alias(self, i_env: int, alias: str, master: Account) -> None:
        """See the contract."""
        await self.pool.execute(*rows.alias_row(i_env, alias, master))

    async def put_beneficiary(self, row: Account, i_payer: int) -> None:
        """See the contract."""
        await self.pool.execute(*rows.beneficiary_row(row, i_payer))

    async def change_account(self, i_account: int, **what: Any) -> None:
        """See the contract."""
        await self.pool.execute(*rows.changed_row("accounts", i_account, what))

    async def change_customer(self, i_customer: int, **what: Any) -> None:
        """See the contract."""
        await self.pool.execute(*rows.changed_row("customers", i_customer, what))

    async def put_wallet(self, i_account: int, i_service_wallet: int, i_vd_dg: int, balance: int) -> None:
        """See the contract."""
        await self.pool.execute(*rows.wallet_row(i_account, i_service_wallet, i_vd_dg, balance))

    async def exceeded(self) -> list[SourceKey]:
        """See the contract."""
        found = await self.pool.query(rows.EXCEEDED)
        return sorted(SourceKey(Source(source), number, shared, level) for source, number, shared, level in found)

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

    async def test_dead_of_many_pages(self) -> None:
        """The dead are looked for some pages at a time, and coming round finds them all, those that more died behind as well."""
        self.patch(ledger, "BLOCKS", 1)
        self.patch(ledger, "SPANS", 1)
        wanted = set()
        for number in range(60):
            session = replace(self.session(DEBIT, name=f"n{number}", key=f"k{number}"), expires=PAST)
            await self.exchange(await self.change(DEBIT, f"k{number}", session))
            wanted.add(f"n{number}")
        pages = [{name.session for name in await self.ledger.dead_sessions(500)} for _ in range(40)]
        self.assertLess(max(map(len, pages)), 60)
        self.assertEqual(set().union(*pages), wanted)
        self.assertEqual([page for page in pages[1:] if page == pages[0]][:1], pages[:1], "the first page was not come to again")
