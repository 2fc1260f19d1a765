"""What waits for a batch and what flies in one: the words of `billing.batch`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred

from portaswitch.metrics import Counter, Gauge
from portaswitch.model.discount import Rows
from portaswitch.model.ledger import Applied, Change, Failed, Member, Repeated, Short, Stale, View
from portaswitch.model.party import Funds
from portaswitch.model.request import AAARequest, Decision, Kind

BATCHES = Counter("portaswitch_batches_total", "Batches sent to the ledger")
MEMBERS = Counter("portaswitch_batch_members_total", "Members of batches by the ledger's verdict", ("verdict",))
ORPHANS = Counter("portaswitch_orphans_total", "Usage reported for accounts that nobody knows: look at the table orphans")
SUSPECTS = Counter("portaswitch_suspects_total", "Usage reports that can't be true and were set aside: look at the table orphans, reason impossible")
WAITING = Gauge("portaswitch_waiting_requests", "Requests that wait for a batch")

VERDICTS = {verdict: verdict.__name__.lower() for verdict in (Applied, Repeated, Stale, Short, Failed)}

#: Whom a request waits behind: its account's number, or the name under which it is looked for.
Lane = int | tuple[int, str]
#: Called with a request, what is told of it now, and the seconds since it came.
Told = Callable[[AAARequest, Decision, float], None]


@dataclass(slots=True)
class Waiting:
    """A request in the queue; `since` in seconds of the clock. From its first flight to its answer nothing else of its session (or key) may fly."""

    request: AAARequest
    session_key: str
    #: What no two members in flight may share: the session, of a one-shot the key; '' for what only reads.
    alone: str
    since: float
    done: Deferred[Decision]
    tries: int = 0
    withdrawn: bool = False
    #: The refusal that was decided, with the failed attempt that is to be kept before it is told.
    note: Change | None = None


@dataclass(slots=True)
class Aboard:
    """A member on its way: the account it was looked up by (0: by name or session), and the change that was decided, if any."""

    waiting: Waiting
    i_account: int
    change: Change | None


@dataclass(slots=True)
class Flight:
    """One batch: its members, and the money and sessions as they will be when it is applied."""

    members: list[Member] = field(default_factory=list)
    aboard: list[Aboard] = field(default_factory=list)
    funds: dict[int, Funds] = field(default_factory=dict)
    customer_funds: dict[int, Funds] = field(default_factory=dict)
    #: Counters and wallets of accounts, and those that customers share, where a member moves them.
    counters: dict[int, Rows] = field(default_factory=dict)
    shared_counters: dict[int, Rows] = field(default_factory=dict)
    lanes: list[Lane] = field(default_factory=list)
    #: Which departure it is, counted by the cache.
    departure: int = 0

    def foresee(self, change: Change, view: View) -> None:
        """Note how `change`, with `view` behind it, will leave the rows."""
        self.funds[change.i_account] = view.funds
        if change.shared or change.places.counted:
            self.customer_funds[change.i_customer] = view.customer_funds
        if change.counters:
            self.counters[change.i_account], self.shared_counters[change.i_customer] = view.counters.own, view.counters.shared

    def overlaid(self, view: View) -> View:
        """The view as the members so far will leave it."""
        account, customer = view.account, view.customer
        assert account is not None and customer is not None
        funds, customer_funds = self.funds.get(account.i_account), self.customer_funds.get(customer.i_customer)
        own, shared = self.counters.get(account.i_account), self.shared_counters.get(customer.i_customer)
        if funds is None and customer_funds is None and shared is None:
            return view
        counters = view.counters.standing(own, shared)
        return View(account, customer, funds or view.funds, customer_funds or view.customer_funds, view.session, view.resellers, counters)


def only_reads(request: AAARequest) -> bool:
    """An authentication that names no session: whatever is decided, nothing changes, so it is decided once, on the money as it is."""
    return request.kind is Kind.AUTH and not request.units and not request.login and request.number is None
