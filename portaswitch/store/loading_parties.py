"""From the entries of a catalogue file to rows of customers and accounts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from portaswitch.model.billing_model import BillingModel
from portaswitch.model.loading import CUSTOMER_DETAILS, CatalogueFile, Entry, Section, Stock
from portaswitch.store.arrays import Element
from portaswitch.store.loading_features import flags_of
from portaswitch.store.loading_ids import Ids
from portaswitch.store.loading_merge import Row, Shape
from portaswitch.store.loading_rows import Builder, opening

CUSTOMERS: Final = Shape(
    "customers", "i_customer", ("i_env", "name"), kept="opening_balance",
    totals=("case t.i_customer_type when 1 then 'retail' when 2 then 'reseller' else 'distributor' end", "t.currency"), overlaid=("service_flags",),
)  # fmt: skip
ACCOUNTS: Final = Shape(
    "accounts", "i_account", ("i_env", "id"), sealed=("h323_password", "password"), kept="opening_balance",
    totals=("case t.billing_model when -1 then 'debit' when 1 then 'credit' when 4 then 'beneficiary' else 'alias' end", "t.currency"),
    overlaid=("service_flags",),
)  # fmt: skip

TYPES: Final = {"retail": 1, "reseller": 2, "distributor": 3}
MODELS: Final = {"debit": BillingModel.DEBIT, "credit": BillingModel.CREDIT, "beneficiary": BillingModel.BENEFICIARY}
STATUSES: Final = {"open": "O", "suspended": "S", "deactivated": "D", "exported": "E", "inactive": "I"}
USES: Final = frozenset(("first_usage", "last_usage"))
"""Times of use that a new account brings along; from then on they are what use makes them."""

APART: Final = ("model", "payer", "status", "password", "console_password", "opening_balance", "static_ip", *USES)
"""Keys of an account that are no columns of the same name and meaning, or only a new one's."""


class PartyBuilder(Builder):
    """Makes the rows of customers and accounts of one file."""

    def __init__(self, file: CatalogueFile, stock: Stock, ids: Ids) -> None:
        super().__init__(file, stock, ids)
        self._customers = {entry.name: entry for entry in file.of(Section.CUSTOMERS)}
        self._accounts = {entry.name: entry for entry in file.of(Section.ACCOUNTS)}

    def customers(self) -> list[Row]:
        """Customers, each on the level below its parent's."""
        entries = self._customers
        levels: dict[str, int] = {}
        for name in entries:
            chain: list[str] = []
            above: str | None = name
            while above is not None and above in entries and above not in levels:
                chain.append(above)
                above = entries[above].text("parent")
            base = levels.get(above or "", -1)
            for depth, member in enumerate(reversed(chain), 1):
                levels[member] = base + depth
        return [self._customer(entry, levels[name]) for name, entry in entries.items()]

    def _customer(self, entry: Entry, level: int) -> Row:
        named = dict(self.values_of(entry, "type", "parent", "status", "opening_balance", *CUSTOMER_DETAILS)) | _status(entry) | flags_of(self, entry)
        if "parent" in entry.values:
            named["i_parent"] = self.ids.of(Section.CUSTOMERS, entry.text("parent"))
        kind = entry.text("type")
        if kind is not None:
            named["i_customer_type"] = TYPES[kind]
        initial = self.identity(Section.CUSTOMERS, entry.name) | opening(entry)
        if "currency" not in named:
            initial["currency"] = self.currency
        return Row(entry.name, (self.file.i_env, entry.name), named, initial, level)

    def account(self, name: str) -> Entry:
        """The entry of an account of the file."""
        return self._accounts[name]

    def accounts(self) -> list[Row]:
        """Accounts without aliases."""
        return [
            self._account(entry) for entry in self.file.of(Section.ACCOUNTS) if "alias_of" not in entry.values
        ]

    def _account(self, entry: Entry) -> Row:
        named = dict(self.values_of(entry, *APART)) | _status(entry) | flags_of(self, entry)
        model = entry.text("model")
        if model is not None:
            named["billing_model"] = int(MODELS[model])
        payer = entry.text("payer")
        if payer is not None:
            named["i_payer"] = self.ids.of(Section.ACCOUNTS, payer)
        if "password" in entry.values:
            # A card whose number is the secret has an empty password, which is none.
            named["h323_password"] = entry.text("password") or None
        if "console_password" in entry.values:
            named["password"] = entry.text("console_password")
        initial = self.identity(Section.ACCOUNTS, entry.name) | opening(entry) | dict(self.values_of(entry, *entry.values.keys() - USES))
        if "currency" not in named:
            initial["currency"] = self._currency_of(entry.text("customer"))
        return Row(entry.name, (self.file.i_env, entry.name), named, initial, int(payer is not None))

    def aliases(self) -> list[Row]:
        """Aliases, written either way."""
        return [self._alias(name, master) for name, master in self._pairs()]

    def _pairs(self) -> Iterator[tuple[str, str]]:
        for entry in self.file.of(Section.ACCOUNTS):
            master = entry.text("alias_of")
            if master is not None:
                yield entry.name, master
            for alias in entry.parts("aliases"):
                yield alias.name, entry.name

    def _alias(self, name: str, master: str) -> Row:
        """An alias is of its master's customer and currency; it has no money and no product of its own."""
        known = self.stock.get(Section.ACCOUNTS, {}).get(master)
        entry = self._accounts.get(master)
        customer = (
            known.facts["customer"]
            if known is not None
            else entry.text("customer")
            if entry is not None
            else None
        )
        currency = known.facts["currency"] if known is not None else None
        initial: dict[str, Element] = self.identity(Section.ACCOUNTS, name)
        initial["i_master_account"] = self.ids.of(Section.ACCOUNTS, master)
        initial["i_customer"] = self.ids.of(Section.CUSTOMERS, customer)
        initial["billing_model"] = int(BillingModel.ALIAS)
        initial["currency"] = (
            currency or (entry.text("currency") if entry is not None else None) or self._currency_of(customer)
        )
        return Row(name, (self.file.i_env, name), {}, initial)

    def _currency_of(self, customer: str | None) -> str:
        """A customer's currency, by the file or else the database; a new one's is the environment's."""
        entry = self._customers.get(customer or "")
        known = self.stock.get(Section.CUSTOMERS, {}).get(customer or "")
        return (entry.text("currency") if entry else None) or (
            known.facts["currency"] if known else self.currency
        )


def _status(entry: Entry) -> dict[str, Element]:
    status = entry.text("status")
    return {} if status is None else {"bill_status": STATUSES[status]}
