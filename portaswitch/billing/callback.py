"""
The first leg of a callback is paid by what became of the second one: where that was not connected, by the rating entry with the access code CALLBACK_FAIL
(spec/radius.yaml, PortaBilling_CallbackHistory), whose tariff may well ask nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from portaswitch.billing import access
from portaswitch.model.catalogue import Catalogue
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest
from portaswitch.model.session import Leg, Quota, Role, Session

CODE: Final = "CALLBACK_FAIL"
CONNECTED: Final = "OK"


def billed(view: View, session: Session, request: AAARequest, catalogue: Catalogue) -> Session:
    """
    The session as its accounting has it billed: the very same one unless that tells of a callback whose second leg was not connected, and the product has an
    entry for those. What was charged already stays as it was.
    """
    if request.kept.get("callback", CONNECTED) == CONNECTED or view.account is None:
        return session
    opened, product = session.opened, catalogue.products.get(view.account.i_product)
    entry = None if product is None else access.choose(product, opened.service_type, opened.i_node, CODE, catalogue)
    if product is None or entry is None or entry.access_code != CODE:
        return session
    way = access.Access(product, catalogue.services[entry.i_service], entry, opened.number)
    legs = access.legs(view, way, opened.started, catalogue, opened.session)
    if isinstance(legs, Refusal):
        return session
    quotas = tuple([quota if quota.pieces else _by(quota, legs) for quota in session.quotas])
    return replace(session, opened=replace(opened, i_accessibility=entry.i_accessibility), quotas=quotas)


def _by(quota: Quota, legs: tuple[Leg, ...]) -> Quota:
    """The quota key with other legs; a vendor that is known already stays."""
    legs += tuple([leg for leg in quota.legs if leg.role is Role.VENDOR])
    return replace(quota, legs=legs, charged=(ZERO,) * len(legs))
