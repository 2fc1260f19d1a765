"""What a REGISTER makes of the contacts of an account (RFC 3261 10.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from twisted.internet.defer import Deferred
from zope.interface import implementer

from portaswitch.interfaces.messages import ILocations, IRegistrar
from portaswitch.metrics import Counter
from portaswitch.model.message import Contact
from portaswitch.model.registration import Bound, NotBound, Registration, Terms

REGISTRATIONS = Counter("portaswitch_sip_registrations_total", "Registrations of accounts that have proven who they are", ("result",))


class _Refused(Exception):
    """Leaves the change of contacts without one."""

    def __init__(self, why: NotBound) -> None:
        super().__init__(why.value)
        self.why = why


@implementer(IRegistrar)
class Registrar:
    """Keeps contacts in `locations`; `now` is the wall clock (aware UTC)."""

    def __init__(self, locations: ILocations, now: Callable[[], datetime], terms: Terms) -> None:
        self._locations, self._now, self._terms = locations, now, terms

    def register(self, asked: Registration) -> Deferred[Bound | NotBound]:
        """See `IRegistrar.register`."""
        return Deferred.fromCoroutine(self._register(asked))

    async def _register(self, asked: Registration) -> Bound | NotBound:
        try:
            done = await self._locations.bind(asked.i_account, lambda known: bound(asked, known, self._now(), self._terms))
        except _Refused as refused:
            REGISTRATIONS.inc(refused.why.value.replace(" ", "-"))
            return refused.why
        REGISTRATIONS.inc("removed" if asked.everything or not done.contacts else "bound" if asked.wishes else "asked")
        return done


def bound(asked: Registration, known: Sequence[Contact], now: datetime, terms: Terms) -> list[Contact]:
    """
    The contacts of the account behind a REGISTER; `known` are those before it. A request of the same Call-ID that is not newer than what it would change is
    out of order (10.3 step 7); nothing is changed then, nor when one of its contacts can't be bound.
    """
    if asked.everything:
        for contact in known:
            _in_order(asked, contact)
        return []
    left = list(known)
    for wish in asked.wishes:
        seconds = _lasting(wish.seconds, terms)
        before = next((contact for contact in left if asked.same(contact.uri, wish.contact.uri)), None)
        if before is not None:
            _in_order(asked, before)
            left.remove(before)
        if seconds:
            until = now + timedelta(seconds=seconds)
            left.append(replace(wish.contact, i_account=asked.i_account, call_id=asked.call_id, cseq=asked.cseq, expires=until))
    if len(left) > max(terms.most, len(known)):
        raise _Refused(NotBound.TOO_MANY)
    return left


def _lasting(seconds: int | None, terms: Terms) -> int:
    """How long a contact is bound: what is asked for, within the terms; 0 removes it."""
    if seconds is None:
        return terms.usual
    if 0 < seconds < terms.shortest:
        raise _Refused(NotBound.TOO_BRIEF)
    return min(seconds, terms.longest)


def _in_order(asked: Registration, before: Contact) -> None:
    if before.call_id == asked.call_id and asked.cseq <= before.cseq:
        raise _Refused(NotBound.OUT_OF_ORDER)
