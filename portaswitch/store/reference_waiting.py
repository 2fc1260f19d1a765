"""The reference ledger on sessions that wait for more (`billing.final_units`): the condition of a last part, in its simplest form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from portaswitch.model.charge import SourceKey
from portaswitch.model.discount import Counter
from portaswitch.model.ledger import Change
from portaswitch.model.party import Funds


class Rows(Protocol):
    """The rows that the condition is about (`reference.Books`)."""

    funds: dict[int, Funds]
    customer_funds: dict[int, Funds]

    @property
    def counters(self) -> Mapping[tuple[int, int, SourceKey], Counter]:
        """By customer, account (0: the customer's own) and key."""


def last_part_stands(rows: Rows, change: Change) -> bool:
    """Whether no less is spent and held, of the money and of the counters, than a last part relied on."""
    if change.spent is None:
        return True
    payer = change.i_payer or change.i_account
    account, customer = rows.funds[payer], rows.customer_funds[change.i_customer]
    if change.owes * account.balance + account.held < change.spent[0] or (change.shared and customer.balance + customer.held < change.spent[1]):
        return False
    for move in change.counters:
        row = rows.counters.get((change.i_customer, 0 if move.key.shared else payer, move.key))
        if move.floor is not None and row is not None and row.used + row.held < move.floor:
            return False
    return True
