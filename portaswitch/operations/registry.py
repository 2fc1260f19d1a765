"""All operations by name. An area's module gives its own in `OPERATIONS`; here they come together, and nowhere else is a list of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from portaswitch.model.operation import Operation
from portaswitch.operations import (
    accounts,
    addons,
    audit,
    catalogue,
    customers,
    discounts,
    features,
    fees,
    follow_me,
    invoices,
    locating,
    orphans,
    payments,
    provisioning,
    registering,
    sites,
    spending,
    stock,
    subscribers,
    topups,
    transactions,
    users,
    vouchers,
    wallets,
)

AREAS: Final = (
    customers, accounts, addons, subscribers, follow_me, topups, payments, transactions, invoices, catalogue, discounts, wallets,
    fees, spending, features, sites, stock, provisioning, registering, locating, users, vouchers, orphans, audit,
)  # fmt: skip

OPERATIONS: Final[Mapping[str, Operation]] = {operation.name: operation for area in AREAS for operation in area.OPERATIONS}
