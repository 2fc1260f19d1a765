"""
The money laws of DESIGN.md 3 as checks on the books of a ReferenceLedger: of the books as they are, of one member that was applied, and of an answer.

Each raises AssertionError with what is wrong. Prices are taken from `rate` alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from portaswitch.billing.rating import rate
from portaswitch.billing.reserve import protection_of
from portaswitch.model.billing_model import BillingModel
from portaswitch.model.budget import NO_ITEM
from portaswitch.model.catalogue import Protection
from portaswitch.model.charge import Source, SourceKey, Usage, held
from portaswitch.model.discount import Drawn, total
from portaswitch.model.ledger import Change, Member
from portaswitch.model.money import ZERO
from portaswitch.model.party import NO_LIMITS, least, room
from portaswitch.model.request import AAARequest, Decision, Direction, Kind, UnitRequest
from portaswitch.model.session import Opened, Quota, Role, Session, Status
from portaswitch.model.xdr import Storage
from portaswitch.store.reference_books import Books, RowName
from tests.contract.world import CALLS, FAMILY, LIMIT, MESSAGE, PLANS


def price(quota: Quota, opened: Opened, units: int, leg: int = 0) -> Decimal:
    """What `units` base units cost by a leg, from the start of the session, with what discounts took off those that were settled."""
    return rate(quota.legs[leg].plan, () if leg else Drawn(quota.past), Usage(-(-units // opened.unit)), opened.started).figure


def payer(books: Books, i_account: int) -> int:
    """Whose money an account uses: its own, or its payer's."""
    return books.payers.get(i_account, i_account)


def left(books: Books, i_account: int) -> Decimal | None:
    """The room of an account (of a beneficiary its payer's) and, where its money is shared, of its customer; None: no limit."""
    account = books.accounts[payer(books, i_account)]
    customer = books.customers[account.i_customer]
    own = room(account.billing_model, books.funds[account.i_account], account.credit_limit)
    if account.billing_model is BillingModel.DEBIT:
        return own
    return least(own, room(account.billing_model, books.customer_funds[customer.i_customer], customer.credit_limit))


def only_frees(change: Change) -> bool:
    """
    A change that gives back what is held, and charges nothing. It may take effect each time that its key comes: an unlock has no row to remember its key
    in before its session has one, nor when other requests of the session came between; what it says is true whenever it is said, and no money moves by it.
    """
    return not change.debit and not change.xdrs and not change.once and change.hold <= ZERO and change.session is None


# -- the books ------------------------------------------------------------------------------------------------------------------------------------


def check_books(books: Books, opening: Books, paid: Mapping[int, Decimal]) -> None:
    """All laws that hold at any moment."""
    _check_balances(books, opening, paid)
    _check_holds(books)
    _check_counts(books)
    _check_sessions(books)
    _check_events(books)
    _check_counters(books)


def _check_counters(books: Books) -> None:
    """A counter holds what sessions hold of it, and has used what they took; no wallet gives what it has not."""
    held: defaultdict[RowName, Decimal] = defaultdict(Decimal)
    used: defaultdict[RowName, Decimal] = defaultdict(Decimal)
    for session in (*books.sessions.values(), *books.closed.values()):
        opened, keys = session.opened, [quota.holds for quota in session.quotas]
        pays = payer(books, opened.i_account)
        for key, amount in total(tuple([take for holds in keys for take in holds])).items():
            held[opened.i_customer, 0 if key.shared else pays, key] += amount
        if opened.i_customer == FAMILY and opened.service_type == "Voice":
            units = sum(stretch.units for quota in session.quotas for stretch in quota.past) * opened.unit
            used[opened.i_customer, pays, SourceKey(Source.COUNTER, CALLS)] += units
            used[opened.i_customer, 0, SourceKey(Source.COUNTER, LIMIT, True)] += units
    for name, row in books.counters.items():
        assert row.held == held.pop(name, ZERO) >= ZERO, f"{name}: held {row.held} is not what sessions hold"
        wallet = row.key.source is Source.WALLET
        if row.key.source is Source.COUNTER and row.key.i_source == NO_ITEM:
            spent = _spent(books, *name[:2], row.start)
            assert row.used == spent, f"{name}: spent {row.used}, xDRs since {row.start} say {spent}"
            continue
        assert row.used <= ZERO if wallet else row.used == used.pop(name, ZERO), f"{name}: used {row.used}"
    assert not any(held.values()) and not any(used.values()), f"no rows of {dict(held)}, {dict(used)}"


def _spent(books: Books, i_customer: int, i_account: int, since: datetime | None) -> Decimal:
    """What the xDRs of an account and its beneficiaries since a time say, or those of all credit accounts of a customer (account 0)."""
    assert since is not None
    owing = [number for number, row in books.accounts.items() if row.i_customer == i_customer and row.billing_model is not BillingModel.DEBIT]
    whose = [i_account] if i_account else owing
    own = [row for row in books.xdrs if row.storage is Storage.ACCOUNT and row.bill_time >= since and payer(books, row.i_account) in whose]
    return sum([row.charged_amount for row in own], ZERO)


def _check_balances(books: Books, opening: Books, paid: Mapping[int, Decimal]) -> None:
    """balance = opening + payments - xDRs, to the last digit, of accounts with their beneficiaries, and of customers over their credit accounts."""
    charged: defaultdict[int, Decimal] = defaultdict(Decimal)
    for row in books.xdrs:
        if row.storage is Storage.ACCOUNT:
            charged[payer(books, row.i_account)] += row.charged_amount
    owed: defaultdict[int, Decimal] = defaultdict(Decimal)
    for number, account in books.accounts.items():
        moved = charged[number] - paid.get(number, ZERO)
        due = opening.funds[number].balance + account.billing_model.owes * moved
        assert books.funds[number].balance == due, f"account {number}: balance {books.funds[number].balance}, its xDRs say {due}"
        if account.billing_model is not BillingModel.DEBIT:
            owed[account.i_customer] += moved
    for number, funds in books.customer_funds.items():
        due = opening.customer_funds[number].balance + owed[number]
        assert funds.balance == due, f"customer {number}: balance {funds.balance}, its accounts' xDRs say {due}"
    parties: defaultdict[tuple[str, int], Decimal] = defaultdict(Decimal)
    for row in books.xdrs:
        if row.storage is Storage.CUSTOMER:
            parties["c", row.i_customer] += row.charged_amount
    assert dict(parties) == books.pending, f"pending charges {books.pending}, xDRs say {dict(parties)}"


def _check_holds(books: Books) -> None:
    """held is the sum of the sessions' holds, those of beneficiaries with their payers, on accounts and customers, and never negative."""
    accounts: defaultdict[int, Decimal] = defaultdict(Decimal)
    customers: defaultdict[int, Decimal] = defaultdict(Decimal)
    for session in books.sessions.values():
        accounts[payer(books, session.opened.i_account)] += session.held
        if session.opened.billing_model is not BillingModel.DEBIT:
            customers[session.opened.i_customer] += session.held
    for what, table, sums in ("account", books.funds, accounts), ("customer", books.customer_funds, customers):
        for number, funds in table.items():
            assert funds.held == sums[number] >= ZERO, f"{what} {number}: held {funds.held}, its sessions hold {sums[number]}"


def _check_counts(books: Books) -> None:
    """The counts of an account, and of a customer with a limit, are those of the open sessions by direction; a customer without one counts none."""
    for number, funds in books.funds.items():
        due = _ways(session for session in books.sessions.values() if session.opened.i_account == number)
        assert (funds.outgoing, funds.incoming) == due, f"account {number}: counts {funds}, has {due}"
    for number, funds in books.customer_funds.items():
        limited = books.customers[number].sessions != NO_LIMITS
        due = _ways(session for session in books.sessions.values() if limited and session.opened.i_customer == number)
        assert (funds.outgoing, funds.incoming) == due, f"customer {number}: counts {funds}, has {due}"


def _ways(sessions: Iterable[Session]) -> tuple[int, int]:
    ways = [session.opened.direction for session in sessions]
    return ways.count(Direction.OUTGOING), ways.count(Direction.INCOMING)


def _check_sessions(books: Books) -> None:
    """A session is charged what rating says of its use, in as many pieces as there are; while it is open, no more than that; when over, it holds nothing."""
    charged: defaultdict[tuple[str, Storage], Decimal] = defaultdict(Decimal)
    for row in books.xdrs:
        charged[row.h323_conf_id, row.storage] += row.charged_amount
    for session in (*books.sessions.values(), *books.closed.values()):
        over = session.status is not Status.OPEN
        assert not (over and session.held), f"{session.key} is over and holds {session.held}"
        for role, storage in (Role.ACCOUNT, Storage.ACCOUNT), (Role.CUSTOMER, Storage.CUSTOMER):
            due = sum((_due(session, quota, role) for quota in session.quotas), ZERO)
            kept = sum((quota.charged[place] for quota in session.quotas for place, leg in enumerate(quota.legs) if leg.role is role), ZERO)
            told = charged[session.opened.session, storage]
            right = told == kept and (told == due if over else told <= due)
            assert right, f"{session.key} {session.status.name}: {role.name} charged {told}, rating says {due}"


def _due(session: Session, quota: Quota, role: Role) -> Decimal:
    return sum((price(quota, session.opened, quota.used, place) for place, leg in enumerate(quota.legs) if leg.role is role), ZERO)


def _check_events(books: Books) -> None:
    """Every one-shot that was answered is charged once, and no other."""
    due: defaultdict[int, list[Decimal]] = defaultdict(list)
    for decision in books.keys.values():
        due[decision.facts.i_account].append(_message(decision))
    told: defaultdict[int, list[Decimal]] = defaultdict(list)
    for row in books.xdrs:
        if not row.h323_conf_id and row.storage is Storage.ACCOUNT:
            told[row.i_account].append(row.charged_amount)
    assert {number: sorted(each) for number, each in due.items()} == {number: sorted(each) for number, each in told.items()}, f"events {due}, xDRs {told}"


def _message(decision: Decision) -> Decimal:
    return PLANS[MESSAGE].price_n * (decision.grants[0].units or 0)


# -- one member -----------------------------------------------------------------------------------------------------------------------------------


def check_applied(before: Books, after: Books, member: Member) -> None:
    """What must hold of a change that was just applied to `before`."""
    change, request = member.change, member.request
    assert change is not None
    old = before.session(member.session_key)
    if old is None or change.once:
        named = before.names.get((request.origin.i_env, request.parties.user))
        assert named == change.i_account, f"{request.key}: charged to account {change.i_account}, but {request.parties.user} is {named}"
    else:
        assert old.status is not Status.CLOSED, f"{request.key}: the session is over, and nothing may change it"
        assert old.opened.i_account == change.i_account, f"{request.key}: charged to account {change.i_account}, not its session's"
    room_left = left(after, change.i_account)
    _check_places(after, change, old)
    if change.session is None and not change.once:
        assert not (change.debit or change.hold or change.parties) and len(change.xdrs) == bool(change.attempt), f"{request.key}: more than a note"
    elif change.session is None:
        assert room_left is None or room_left >= ZERO, f"{request.key}: the event was not covered, room {room_left}"
    elif change.session.status is Status.OPEN:
        _check_grants(change, change.session, request, room_left)
        _check_cover(change, change.session, old, request, room_left)


def _check_places(after: Books, change: Change, old: Session | None) -> None:
    """A session that opened by an authorization has a place within every limit; others take theirs, since they are there already."""
    opened = change.session
    if opened is None or old is not None or opened.status is not Status.OPEN or not change.decision.grants:
        return
    account, customer = after.accounts[change.i_account], after.customers[change.i_customer]
    incoming = opened.opened.direction is Direction.INCOMING
    for who, limits, funds in (
        (account.id, account.sessions, after.funds[change.i_account]),
        (customer.name, customer.sessions, after.customer_funds[change.i_customer]),
    ):
        way, count = (limits.incoming, funds.incoming) if incoming else (limits.outgoing, funds.outgoing)
        assert limits.total is None or funds.outgoing + funds.incoming <= limits.total, f"{who}: {funds} with {limits}"
        assert way is None or count <= way, f"{who}: {funds} with {limits}"


def _check_grants(change: Change, session: Session, request: AAARequest, room_left: Decimal | None) -> None:
    """A grant's price is held, and all that is held was there: so the sum of the grants never exceeds the funds."""
    asked = {unit.key: unit for unit in request.units}
    for quota, grant in ((quota, grant) for grant in change.decision.grants for quota in session.quotas if quota.key == grant.key):
        protection = protection_of(session.opened.policy, session.opened.billing_model, asked.get(grant.key, UnitRequest()))
        if grant.units is None or grant.refusal is not None or protection is Protection.NONE:
            continue
        assert grant.units > 0, f"{request.key}: a grant of nothing"
        due = ZERO if session.opened.i_customer == FAMILY else price(quota, session.opened, quota.granted) - quota.charged[0]
        assert quota.granted >= quota.used + grant.units, f"{request.key}: granted {grant.units} from {quota.used}, kept {quota.granted}"
        assert held(quota.holds) >= due, f"{request.key}: granted {quota.granted} for {due}, held {held(quota.holds)}"
        assert room_left is None or room_left >= ZERO, f"{request.key}: granted {grant.units} beyond the funds, room {room_left}"


def _check_cover(change: Change, session: Session, old: Session | None, request: AAARequest, room_left: Decimal | None) -> None:
    """Reports never lower a hold (only an unlock does), and hold more than the use costs only where it is there."""
    before = {quota.key: quota for quota in old.quotas} if old is not None else {}
    for quota in session.quotas:
        kept = before.get(quota.key)
        assert kept is None or quota.used >= kept.used, f"{request.key}: use went back"
        if kept is not None and request.kind in (Kind.START, Kind.UPDATE):
            paid = quota.charged[0] - kept.charged[0]
            assert held(quota.holds) + paid >= held(kept.holds), f"{request.key}: a report lowered the hold by more than it charged"
    if request.kind is Kind.AUTH or change.hold <= ZERO or room_left is None or room_left >= ZERO:
        return
    for quota in session.quotas:
        cost = price(quota, session.opened, quota.used) - quota.charged[0]
        most = max(cost, held(before[quota.key].holds) if quota.key in before else ZERO)
        assert held(quota.holds) <= most, f"{request.key}: holds {held(quota.holds)} for a use of {cost} with room {room_left}"


# -- answers --------------------------------------------------------------------------------------------------------------------------------------


def check_answer(books: Books, request: AAARequest, decision: Decision) -> None:
    """An answered request's effect is in the ledger, and a key that the ledger knows has the answer that it keeps."""
    session = books.session(f"{request.origin.i_node}/{request.session}") if request.session else None
    if request.kind is Kind.EVENT:
        if request.key in books.keys or decision.accepted:
            assert books.keys.get(request.key) == decision, f"{request.key}: answered {decision}, kept {books.keys.get(request.key)}"
        return
    if session is not None and session.last_key == request.key:
        assert session.answer == decision, f"{request.key}: answered {decision}, kept {session.answer}"
    if request.kind is Kind.AUTH and decision.accepted and decision.grants:
        assert session is not None, f"{request.key}: granted without a session"
    if request.kind in (Kind.UPDATE, Kind.STOP) and request.units and request.key not in books.orphans:
        assert session is not None, f"{request.key}: usage without a session"
        _check_reported(session, request)


def _check_reported(session: Session, request: AAARequest) -> None:
    if session.status is Status.CLOSED and session.last_key != request.key:
        return  # it was over already: what comes behind its Stop is answered, and counts no more
    used = {quota.key: quota.used for quota in session.quotas}
    for unit in request.units:
        assert used.get(unit.key, 0) >= (unit.used or 0), f"{request.key}: {unit.used} used of {unit.key}, kept {used}"
    # Behind the Stop of a leg that nobody answered the same session may have another one: of wires that don't number requests, and with one unit told, of 0.
    unanswered = request.number is None and [unit.used for unit in request.units] == [0]
    over = (Status.CLOSED, Status.PROVISIONAL) if unanswered else (Status.CLOSED,)
    assert request.kind is not Kind.STOP or session.status in over, f"{request.key}: stopped, but {session.status.name}"


def nothing_held(books: Books) -> bool:
    """True when no row holds anything."""
    funds = all(row.held == ZERO for row in (*books.funds.values(), *books.customer_funds.values()))
    return funds and all(row.held == ZERO for row in books.counters.values())

