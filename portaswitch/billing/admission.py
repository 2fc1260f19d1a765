"""Admission: may this account be served at all? Each refusal is reached by the state that means it (spec/radius.yaml, return_codes)."""

from __future__ import annotations

from datetime import datetime

from portaswitch.billing import numbers
from portaswitch.billing.access import Access
from portaswitch.model.billing_model import BillingModel
from portaswitch.model.catalogue import Catalogue, Product
from portaswitch.model.ledger import View
from portaswitch.model.party import Account, BillStatus, Customer
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Credentials, Direction, Login

#: What a billing status other than open means to whoever asks for service.
REFUSED_STATUS = {
    BillStatus.SUSPENDED: Refusal.USER_SUSPENDED,
    BillStatus.CLOSED: Refusal.INVALID_ACCOUNT,
    BillStatus.DEACTIVATED: Refusal.USER_DENIED,
    BillStatus.EXPORTED: Refusal.USER_DENIED,
    BillStatus.INACTIVE: Refusal.USER_DENIED,
}
#: The profile of nodes whose users type card numbers.
IVR = "ivr"
#: The service whose called numbers are dialled; other services call by names.
DIALLED = "Voice"
SERVED_MODELS = frozenset((BillingModel.DEBIT, BillingModel.CREDIT, BillingModel.INTERNAL))


def refuse(view: View, credentials: Credentials | None, at: datetime) -> Refusal | None:
    """Why the account of `view` may not be served at `at`, or None. The password is checked before any status is told."""
    account = view.account
    if account is None or account.billing_model not in SERVED_MODELS:
        return Refusal.INVALID_ACCOUNT
    if not proven(account, credentials):
        return Refusal.INVALID_PASSWORD
    return _life(account, at) or _unused(view, account, at) or _payer(account, at) or _chain(view)


def card(view: View, refusal: Refusal, request: AAARequest, catalogue: Catalogue) -> Refusal:
    """The refusal as a node tells it: at the login of a voice menu an account that nobody has is a card number typed wrong (code 14 instead of 1)."""
    if refusal is not Refusal.INVALID_ACCOUNT or view.account is not None or request.units:
        return refusal
    node = catalogue.nodes.get(request.origin.i_node)
    return Refusal.INVALID_CARD if node is not None and node.profile == IVR else refusal


def undialled(view: View, request: AAARequest, way: Access) -> Refusal | None:
    """Why a called number may not be dialled: no number at all (cld_dial_error), or barred (cld_barred)."""
    if way.service.service_type == DIALLED and request.direction is Direction.OUTGOING and not numbers.dialled(way.number):
        return Refusal.CLD_DIAL_ERROR
    account, customer = view.account, view.customer
    if account is None or customer is None or request.direction is Direction.INCOMING or not (account.barred or customer.barred or way.product.barring):
        return None
    return Refusal.CLD_BARRED if way.number.startswith(prefixes(account, customer, way.product)) else None


def prefixes(account: Account, customer: Customer, product: Product) -> tuple[str, ...]:
    """What call barring forbids: the account's own prefixes, or those of whom its flag names (spec: ~ the product, ^ the customer)."""
    above = {"Y": product.barred, "^": customer.barred}.get(product.barring, ())
    inherited = {"Y": (), "N": (), "~": above, "^": customer.barred}.get(account.barring, above + customer.barred)
    return account.barred + inherited


def entitled(view: View, request: AAARequest) -> bool:
    """
    Whether the account may use the address that the request wants to have authorized (RFC 5090 3.20): one of its ids is that address, or the user of it.
    Which domains are served is the SIP server's to know.
    """
    account, identity = view.account, request.parties.identity
    if not identity or account is None:
        return True
    names = (account.id, request.parties.user, *account.aliases)
    return identity in names or identity.partition("@")[0] in names


def proven(account: Account, credentials: Credentials | None) -> bool:
    """Whether the proof fits the account's service password; an account without one takes the empty password only (a card whose number is the secret)."""
    if credentials is None or credentials.login is Login.NONE:
        return True
    return credentials.verify(account.password or "")


def _life(account: Account, at: datetime) -> Refusal | None:
    refusal = REFUSED_STATUS.get(account.bill_status)
    if refusal is not None:
        return refusal
    if account.blocked:
        return Refusal.USER_DENIED
    if account.expiration_date is not None and at >= account.expiration_date:
        return Refusal.CARD_EXPIRED
    if account.activation_date is not None and at < account.activation_date:
        return Refusal.USER_DENIED
    return None


def _unused(view: View, account: Account, at: datetime) -> Refusal | None:
    """An account that was not used for too long; one with an open session is in use."""
    due = account.inactive_from
    return Refusal.USER_DENIED if due is not None and at >= due and view.session is None and not view.funds.outgoing + view.funds.incoming else None


def _payer(account: Account, at: datetime) -> Refusal | None:
    """Who pays for a beneficiary must be open itself; whether it has money is asked with the price."""
    payer = account.payer
    if payer is None:
        return None
    if payer.blocked or (payer.expiration_date is not None and at >= payer.expiration_date):
        return Refusal.USER_DENIED
    return _above(payer.bill_status)


def _chain(view: View) -> Refusal | None:
    """The customer and every reseller above it (PORTABILLING.md a.1: a blocked reseller stops all its subcustomers)."""
    if view.customer is not None and (refusal := _party(view.customer)):
        return refusal
    for reseller, _ in view.resellers:
        if refusal := _party(reseller):
            return refusal
    return None


def _party(customer: Customer) -> Refusal | None:
    return Refusal.USER_DENIED if customer.blocked else _above(customer.bill_status)


def _above(status: BillStatus) -> Refusal | None:
    """What the status of who stands above an account means: that is there, even where the other is closed."""
    refusal = REFUSED_STATUS.get(status)
    return Refusal.USER_DENIED if refusal is Refusal.INVALID_ACCOUNT else refusal
