"""
The billing model of an account, and its three encodings.

The API and the database say -1, 0, 1, 2, 3, 4; an xDR says -1 or 1; RADIUS' h323-billing-model says 1 for debit and 0 for credit
(PORTABILLING.md a.3). One table here, so that nobody mixes them.
"""

from __future__ import annotations

from enum import IntEnum


class BillingModel(IntEnum):
    """Encoded as in the API and in the accounts table."""

    DEBIT = -1  # the balance is money left and goes down to zero
    VOUCHER = 0  # a container of money, poured into another account once
    CREDIT = 1  # the balance is money owed and goes up to the credit limit
    ALIAS = 2  # another id of its master account
    INTERNAL = 3
    BENEFICIARY = 4  # has no money of its own: its payer's is used

    @property
    def h323(self) -> str:
        """The value of h323-billing-model: '1' debit, '0' everything that owes."""
        return "1" if self is BillingModel.DEBIT else "0"

    @property
    def xdr(self) -> int:
        """The value in an xDR: -1 debit, 1 credit (spec/xdr.yaml)."""
        return -1 if self is BillingModel.DEBIT else 1

    @property
    def owes(self) -> int:
        """What a charge of 1 does to the balance: -1 where it is money left, +1 where it is money owed."""
        return -1 if self is BillingModel.DEBIT else 1
