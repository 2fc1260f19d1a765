"""
Failed attempts: the xDR that a refused authorization leaves with its cause (DESIGN.md 3.5; spec/xdr.yaml, storage AccountFail).

One a session: whoever asks again for the same session adds none (the ledger looks for it under the account's lock). None where nobody is there to read it (an
unknown account), where it was not the account that asked (no or a wrong proof), and where the session has begun: its end has its own xDR.
"""

from __future__ import annotations

from portaswitch.billing import access
from portaswitch.model.catalogue import Catalogue
from portaswitch.model.ledger import Change, View
from portaswitch.model.money import ZERO
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Decision, Kind, Operation
from portaswitch.model.xdr import Storage, Xdr

#: Refusals that say nothing about the account: whoever asked has not shown to be it.
STRANGERS = frozenset((Refusal.INVALID_ACCOUNT, Refusal.INVALID_CARD, Refusal.INVALID_PASSWORD, Refusal.RETRIES_EXCEEDED, Refusal.INVALID_ARGUMENT))


def failed(view: View, request: AAARequest, decision: Decision, catalogue: Catalogue) -> Change | None:
    """The change that keeps a refused attempt; None where none is kept. Its decision is the refusal."""
    account, customer = view.account, view.customer
    if decision.refusal is None or decision.refusal in STRANGERS or not request.units:
        return None
    # Of events those count that name their session and would have been charged.
    if request.kind is not Kind.AUTH and (request.kind is not Kind.EVENT or not request.session or request.operation is not Operation.DEBIT):
        return None
    if account is None or customer is None or view.session is not None:
        return None
    row = _xdr(view, request, decision.refusal, catalogue)
    return Change(
        request.key, decision, account.i_account, account.revision, customer.i_customer, customer.revision, False, account.billing_model.owes, xdrs=(row,),
        attempt=request.session, i_payer=account.payer.i_account if account.payer is not None else 0,
    )  # fmt: skip


def _xdr(view: View, request: AAARequest, refusal: Refusal, catalogue: Catalogue) -> Xdr:
    account = view.account
    assert account is not None
    found, parties, kept = access.find(view, request, catalogue), request.parties, request.kept
    way = None if isinstance(found, Refusal) else found
    plan = catalogue.tariffs[way.entry.i_tariff].find(way.number, request.at) if way is not None else None
    return Xdr(
        i_env=account.i_env, storage=Storage.ACCOUNT, failed=True, h323_conf_id=request.session, call_id=kept.get("call_id", ""), cli=parties.calling,
        cld=parties.called, connect_time=request.at, disconnect_time=request.at, bill_time=request.received, disconnect_cause=None, used_quantity=0,
        account_id=account.id, i_account=account.i_account, i_dest=plan.i_dest if plan else 0, i_dest_group=plan.i_dest_group if plan else 0,
        i_tariff=way.entry.i_tariff if way else 0, i_rate=plan.i_rate if plan else 0, charged_quantity=0, charged_amount=ZERO,
        history=f"refused: {refusal.word} ({refusal.return_code})", peak_level=0, i_vendor=0, i_service=way.service.i_service if way else 0,
        i_accessibility=way.entry.i_accessibility if way else 0, i_customer=account.i_customer, h323_incoming_conf_id=kept.get("incoming_conf_id", ""),
        rating_pattern=way.number if way else "", subscriber_ip=kept.get("subscriber_ip", ""), split_order=0, billing_model=account.billing_model.xdr,
        i_node=request.origin.i_node,
    )  # fmt: skip
