"""
Money that comes in or goes out beside usage (payments in store/schema/tables/57_payments.sql).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from portaswitch.model.value import dataclass


class Action(StrEnum):
    """Why money moved: payments.action."""

    MANUAL_PAYMENT = "manual_payment"
    MANUAL_CHARGE = "manual_charge"
    MANUAL_CREDIT = "manual_credit"
    PROMOTIONAL_CREDIT = "promotional_credit"
    REFUND = "refund"  # of what an xDR charged
    ECOMMERCE_PAYMENT = "ecommerce_payment"  # by a payment processor
    ECOMMERCE_REFUND = "ecommerce_refund"
    VOUCHER = "voucher"
    TRANSFER = "transfer"  # between accounts: a pair
    ADJUSTMENT = "adjustment"  # an operator sets a balance right


@dataclass(frozen=True, slots=True)
class Comments:
    """What is said of a payment: to the subscriber, and among operators."""

    visible: str = ""
    internal: str = ""


NO_COMMENTS = Comments()


@dataclass(frozen=True, slots=True)
class Payment:
    """
    `amount`, not 0, is in favour of its owner: the account, or the customer when `i_account` is None. `refunds`: the xDR whose charge it gives back;
    `i_payment_transaction`: the attempt to take the money that succeeded. `at` None: now.
    """

    i_account: int | None
    i_customer: int
    amount: Decimal
    action: Action
    comments: Comments = NO_COMMENTS
    at: datetime | None = None
    refunds: int | None = None
    i_payment_transaction: int | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment that was booked, and its owner's balance now."""

    i_payment: int
    balance: Decimal
