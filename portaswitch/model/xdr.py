"""
The xDR: one charge of one party, written once (spec/xdr.yaml, Appendix D of the guide).

Field order is that of the table `xdr`, which the rule test of the schema holds against the 34 printed fields.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from portaswitch.model.money import ZERO
from portaswitch.model.value import dataclass


class Storage(StrEnum):
    """Whose xDR it is: CDR_Accounts, CDR_Customers (resellers), CDR_Vendors."""

    ACCOUNT = "a"
    CUSTOMER = "c"
    VENDOR = "v"


@dataclass(frozen=True, slots=True)
class Xdr:
    """
    One xDR. Quantities in base units of the service, amounts in the charged party's currency, times aware UTC; 0 and '' mean absent.

    `billing_model` is -1 debit or 1 credit; `split_order` numbers the pieces of one session; `overrun` is the part of the amount beyond the funds;
    `i_node` the node that the use came by.
    """

    i_env: int
    storage: Storage
    failed: bool
    h323_conf_id: str
    call_id: str
    cli: str
    cld: str
    connect_time: datetime
    disconnect_time: datetime
    bill_time: datetime
    disconnect_cause: int | None
    used_quantity: int
    account_id: str
    i_account: int
    i_dest: int
    i_dest_group: int
    i_tariff: int
    i_rate: int
    charged_quantity: int
    charged_amount: Decimal
    history: str
    peak_level: int
    i_vendor: int
    i_service: int
    i_accessibility: int
    i_customer: int
    h323_incoming_conf_id: str
    rating_pattern: str
    subscriber_ip: str
    split_order: int
    billing_model: int
    setup_time: int | None = None
    voice_quality: int | None = None
    i_invoice: int = 0
    revenue: Decimal | None = None
    overrun: Decimal = ZERO
    i_node: int = 0
