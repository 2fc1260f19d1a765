"""The twin in memory keeps the contract of ledgers."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from twisted.trial.unittest import TestCase

from portaswitch.model.charge import Source, SourceKey
from portaswitch.model.discount import Counter
from portaswitch.model.money import ZERO
from portaswitch.model.party import Account, Customer, Funds
from portaswitch.store.reference import ReferenceLedger
from tests.contract.ledger_contract import LedgerContract
from tests.contract.payers_contract import PayersContract
from tests.contract.places_contract import PlacesContract


class ReferenceLedgerTests(LedgerContract, PlacesContract, PayersContract, TestCase):
    """The contract, on dicts."""

    ledger: ReferenceLedger

    async def build(self) -> None:
        """Nothing to start."""
        self.ledger = ReferenceLedger(lambda: datetime.now(UTC))

    async def put_customer(self, row: Customer, funds: Funds) -> None:
        """See the contract."""
        self.ledger.put_customer(row, funds)

    async def put_account(self, row: Account, funds: Funds) -> None:
        """See the contract."""
        self.ledger.put_account(row, funds)

    async def put_alias(self, i_env: int, alias: str, master: Account) -> None:
        """See the contract."""
        self.ledger.put_alias(i_env, alias, master.i_account)

    async def put_beneficiary(self, row: Account, i_payer: int) -> None:
        """See the contract."""
        self.ledger.put_beneficiary(row, i_payer)

    async def change_account(self, i_account: int, **what: Any) -> None:
        """See the contract."""
        self.ledger.change_account(i_account, **what)

    async def change_customer(self, i_customer: int, **what: Any) -> None:
        """See the contract."""
        self.ledger.change_customer(i_customer, **what)

    async def put_wallet(self, i_account: int, i_service_wallet: int, i_vd_dg: int, balance: int) -> None:
        """See the contract."""
        self.ledger.put_counters(i_account, Counter(SourceKey(Source.WALLET, i_service_wallet), Decimal(-balance), i_vd_dg=i_vd_dg))

    async def exceeded(self) -> list[SourceKey]:
        """See the contract."""
        return sorted(key for _, _, key in self.ledger.books.spent)

    async def charged(self, i_account: int) -> Decimal:
        """See the contract."""
        return sum((row.charged_amount for row in self.ledger.books.xdrs if row.i_account == i_account), ZERO)

    async def failures(self) -> list[str]:
        """See the contract."""
        return sorted(row.h323_conf_id for row in self.ledger.books.xdrs if row.failed)

    async def pending(self) -> dict[tuple[str, int], Decimal]:
        """See the contract."""
        return self.ledger.books.pending

    async def orphans(self) -> list[str]:
        """See the contract."""
        return list(self.ledger.books.orphans)

    async def test_top_up(self) -> None:
        """A payment raises what is left of a debit account and lowers what a credit account and its customer owe."""
        self.ledger.top_up(1, Decimal(5))
        self.ledger.top_up(2, Decimal(2))
        self.assertEqual((await self.funds(1), await self.funds(2)), (("15", "0", "0", "0"), ("-2", "0", "-2", "0")))

    async def test_renamed(self) -> None:
        """A name that was given up finds nobody."""
        self.ledger.change_account(1, id="new")
        self.assertIsNone((await self.view(user="debit")).account)
        self.assertEqual(await self.view(user="new"), await self.view(1))
