"""
Occupancy: the places that sessions take, and the login lock of an account (spec/radius.yaml: call_limit_exceeded, account_in_use, PortaBilling_Session).

Places. Every open session of an account is counted in its row, by direction, whatever limits there are, so that a limit set later is right. A customer's
sessions are counted only while it has a limit, since counting locks its row. A limit refuses a session that asks for its first authorization; one that is
already happening (a Start, an Alive) takes its place all the same, and a re-authorization takes none.

Login lock. A debit account whose money goes whole to one session logs in once: an authentication that names its session (h323-conf-id) locks the account for
`LOGIN` seconds, and the session's authorizations prolong that to the end of what they hold. Freed by the end of the session, by `unlock`, and by time. Only
a login sets the lock by itself: two authorizations without one meet in the funds (funds_locked), not here.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from portaswitch.model.billing_model import BillingModel
from portaswitch.model.catalogue import Protection, ServicePolicy
from portaswitch.model.ledger import FREELY, LockStep, Occupancy, View
from portaswitch.model.party import NO_LIMITS, Customer, Funds, SessionLimits
from portaswitch.model.request import AAARequest, Direction, Lock
from portaswitch.model.session import Session, Status

#: Seconds from a login to the first authorization that a lock waits for.
LOGIN = 300
COUNTED = Occupancy(counted=True)
CHECKED = Occupancy(step=LockStep.KEEP)
#: What an authorization does with the lock, by PortaBilling_Session.
STEPS = {
    Lock.DEFAULT: LockStep.KEEP,
    Lock.LOCK: LockStep.TAKE,
    Lock.NOLOCK: LockStep.LEAVE,
    Lock.UNLOCK: LockStep.CLEAR,
    Lock.IGNORE: LockStep.IGNORE,
}
#: Steps that another session's lock stands against.
GUARDED = frozenset((Lock.DEFAULT, Lock.NOLOCK))


def locker(request: AAARequest) -> str:
    """The session that a request asks the lock for: its own, or the one in which a user logs in; '' none."""
    name = request.session or request.login
    return f"{request.origin.i_node}/{name}" if name else ""


def in_use(view: View, request: AAARequest) -> bool:
    """True when another session has the account's login lock and the request respects it. The lock of a view is a live one."""
    return view.funds.locked_by != "" and request.lock in GUARDED and locker(request) not in ("", view.funds.locked_by)


def full(view: View, direction: Direction) -> bool:
    """True when one more session of `direction` has no place, with the account or with its customer."""
    account, customer = view.account, view.customer
    if account is None or customer is None or (account.sessions is NO_LIMITS and customer.sessions is NO_LIMITS):
        return False
    return _full(account.sessions, view.funds, direction) or _full(customer.sessions, view.customer_funds, direction)


def _full(limits: SessionLimits, funds: Funds, direction: Direction) -> bool:
    most, now = (limits.incoming, funds.incoming) if direction is Direction.INCOMING else (limits.outgoing, funds.outgoing)
    return (limits.total is not None and funds.outgoing + funds.incoming >= limits.total) or (most is not None and now >= most)


def happening(customer: Customer) -> Occupancy:
    """What a change means that no limit may refuse."""
    return FREELY if customer.sessions is NO_LIMITS else COUNTED


def authorized(view: View, request: AAARequest, expires: datetime) -> Occupancy:
    """What an authorization means whose session is held until `expires`: it needs a place where it opens the session, and the lock not to be another's."""
    account, customer, own = view.account, view.customer, view.funds.locked_by == locker(request)
    assert account is not None and customer is not None
    limited = account.sessions is not NO_LIMITS or customer.sessions is not NO_LIMITS
    if request.lock is Lock.DEFAULT and not own and not limited:
        return CHECKED
    step = STEPS[request.lock]
    until = _until(request, expires) if step is LockStep.TAKE or (step is LockStep.KEEP and own) else None
    return Occupancy(customer.sessions is not NO_LIMITS, account.sessions, customer.sessions, step, until)


def login(view: View, request: AAARequest, policy: ServicePolicy | None) -> Occupancy | None:
    """What an authentication does with the lock (`policy`: of the service that the account would use, None: none); None where nothing changes."""
    me, locked, step = locker(request), view.funds.locked_by, STEPS[request.lock]
    if step is LockStep.KEEP:
        step = LockStep.SEIZE if _once(view, policy) else LockStep.IGNORE
    if not me or step is LockStep.IGNORE or (step is LockStep.CLEAR and not locked) or (step is LockStep.LEAVE and locked != me):
        return None
    until = _until(request, request.received + timedelta(seconds=LOGIN))
    return Occupancy(step=step, until=until if step in (LockStep.SEIZE, LockStep.TAKE) else None, locker=me)


def released(view: View) -> Occupancy:
    """What the end of a leg that says unlock does with the lock: the session's own is freed."""
    return replace(happening(view.customer), step=LockStep.FREE) if view.customer is not None else FREELY


def _once(view: View, policy: ServicePolicy | None) -> bool:
    """True for a debit account whose money goes whole to one session."""
    account = view.account
    return account is not None and account.billing_model is BillingModel.DEBIT and policy is not None and policy.protection in (None, Protection.WHOLE)


def _until(request: AAARequest, otherwise: datetime) -> datetime:
    return otherwise if request.lock_seconds is None else request.received + timedelta(seconds=request.lock_seconds)


def moved(before: Session | None, after: Session | None) -> int:
    """1 where a session opens, -1 where it ends, else 0."""
    if after is None:
        return 0
    return (after.status is Status.OPEN) - (before is not None and before.status is Status.OPEN)


def behind(funds: Funds, request: AAARequest, places: Occupancy, after: Session | None) -> str:
    """Who has the lock behind a change that was applied."""
    me, step = places.locker or locker(request), places.step
    if step is LockStep.SEIZE or step is LockStep.TAKE:
        return me
    freed = step in (LockStep.LEAVE, LockStep.FREE) or (after is not None and after.status is not Status.OPEN)
    return "" if step is LockStep.CLEAR or (freed and funds.locked_by == me) else funds.locked_by
