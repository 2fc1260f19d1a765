"""
`AAARequest` and `Decision`: what every endpoint asks the billing core, and what it is told.

A request is free of any wire's words: RADIUS, Diameter and SIP map to the same values, so that the same use is charged the same to the last digit
whatever wire it came by (DESIGN.md 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from portaswitch.model.refusal import Refusal
from portaswitch.model.value import dataclass
from portaswitch.model.verify import Verify

if TYPE_CHECKING:
    from portaswitch.model.message import Text


class Kind(StrEnum):
    """What is asked. The names are RADIUS' where it has one, Diameter's else."""

    AUTH = "auth"  # who is this, may they, for how long (Access-Request, CCR-I)
    START = "start"  # the session began
    UPDATE = "update"  # it goes on, with what it used so far (Alive, CCR-U)
    STOP = "stop"  # it is over, with what it used (Stop, CCR-T)
    EVENT = "event"  # one use without a session (IEC, a message, a voucher)
    EXPIRE = "expire"  # nobody spoke for the session in time (the sweeper)
    ON_OFF = "on_off"  # the node restarted: its sessions are dead (Accounting-On/Off, a risen Origin-State-Id)


class Base(StrEnum):
    """Rating bases: in what a use is counted (PortaBilling_Authorize base, CC-Time, CC-Total-Octets, CC-Service-Specific-Units)."""

    TIME = "session-time"  # seconds
    QUANTITY = "quantity"  # pieces
    OCTETS = "octets"  # octets, both directions together unless the service says otherwise


class QuotaKey(NamedTuple):
    """
    Names one quota of a session: (Rating-Group, Service-Identifier) of RFC 8506; both 0 where the wire has one quota only. A tuple, as it is hashed and
    compared some twenty times a request.
    """

    rating_group: int = 0
    service_identifier: int = 0


WHOLE = QuotaKey()


class Counting(StrEnum):
    """Since when the use of a quota key is counted that a wire reports."""

    TOTAL = "total"  # since the session began (RADIUS)
    DELTA = "delta"  # since the key's last report (Used-Service-Unit of RFC 8506); the core adds them up (`billing.numbered`)


class Report(StrEnum):
    """Why usage is reported for a quota key."""

    INTERIM = "interim"  # more may follow
    FINAL = "final"  # this key is over (Stop, CCR-T, Reporting-Reason FINAL)


@dataclass(frozen=True, slots=True)
class UnitRequest:
    """
    What is asked and reported for one quota key, in units of `base`.

    `used` and `counters` are cumulative for the session or, where `counting` says so, deltas; None means nothing reported.
    `requested`: None nothing asked, 0 "as much as you think right", else the most units wanted. `minimum`: the least units worth granting; given by clients
    that can re-authorize, which is what permits slices (DESIGN.md 3.3). `counters` are the cumulative figures of a wire that reports in several bases at once
    (seconds and octets of an Internet session): the one of the session's own base counts, `used` only where there are none. `most_funds`: the most money to
    hold.
    `begins`: when the use will begin (None: now); `ends`: when the client thinks that the most units will be used up, for the expiry of what is held.
    `alternatives`: the same asked in other bases by a client that can count in several (PortaBilling_Authorize, repeated); the session's base picks
    (`in_base`). `rated`: what the key is rated by, where it is not what the session is (a rating group is a destination of the tariff); '' else. `later`:
    how much of the use came behind a change of prices (Tariff-Change-Usage), where the client tells.
    """

    key: QuotaKey = WHOLE
    base: Base = Base.TIME
    requested: int | None = None
    minimum: int | None = None
    used: int | None = None
    report: Report = Report.INTERIM
    counters: Mapping[Base, int] = field(default_factory=dict)
    most_funds: Decimal | None = None
    begins: datetime | None = None
    ends: datetime | None = None
    alternatives: tuple[UnitRequest, ...] = ()
    counting: Counting = Counting.TOTAL
    rated: str = ""
    later: Mapping[Base, int] = field(default_factory=dict)

    def reported(self, base: Base) -> int | None:
        """The cumulative use in `base`; None: nothing reported. A wire that reports by counters reports nothing in a base that has none."""
        return self.counters.get(base) if self.counters else self.used

    def in_base(self, base: Base) -> UnitRequest:
        """What is asked in `base`: this one or that of its alternatives; this one where the client did not ask in `base`."""
        if not self.alternatives or self.base is base:
            return self
        return next((other for other in self.alternatives if other.base is base), self)


@dataclass(frozen=True, slots=True)
class Origin:
    """The node a request came from: its row id, environment (a wall: DESIGN.md 3.11) and profile of quirks."""

    i_node: int
    i_env: int
    name: str = ""


class Login(StrEnum):
    """How the user proves who they are."""

    NONE = "none"  # nothing to prove: accounting, or a client allowed to say Ignore_Password
    PAP = "pap"
    CHAP = "chap"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """
    The proof in a request.

    `verify` answers whether the account's service password is the right one; the endpoint gives it, since the arithmetic is the wire's.
    """

    login: Login
    verify: Verify

    def __repr__(self) -> str:
        return f"Credentials({self.login.value})"


@dataclass(frozen=True, slots=True)
class Parties:
    """
    Who takes part, as the wire names them, untranslated.

    `user` is the account id that is to be found (User-Name, Subscription-Id, From); `calling` and `called` are as dialled; `redirecting` diverted the call.
    `identity`: the address that the user wants to use, where that is to be authorized too (SIP-AOR: user@host, or a number), '' where it is not.
    `others`: further ids of the same user, tried in this order where nobody has the one before (a Subscription-Id each: number, IMSI, SIP address).
    """

    user: str
    calling: str = ""
    called: str = ""
    redirecting: str = ""
    identity: str = ""
    others: tuple[str, ...] = ()


class Operation(StrEnum):
    """What an EVENT asks for (Requested-Action, RFC 8506 8.41)."""

    DEBIT = "debit"  # charge it now
    REFUND = "refund"  # give back what a session was charged, or a part of it
    BALANCE = "balance"  # are the funds there?
    PRICE = "price"  # what would it cost?


class Direction(StrEnum):
    """Which way a session goes, seen from its account; limits are kept for each."""

    OUTGOING = "outgoing"
    INCOMING = "incoming"


class Refusing(StrEnum):
    """What is refused when nothing that a session asks for at its beginning can be granted."""

    SESSION = "session"  # it does not begin
    KEYS = "keys"  # the keys alone: its client goes on with it (RFC 8506 7: the Result-Code of the answer decides, not those of its groups)


class Lock(StrEnum):
    """PortaBilling_Session: what happens to the lock that a session has on its account."""

    DEFAULT = "default"
    LOCK = "lock"
    NOLOCK = "nolock"
    UNLOCK = "unlock"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class AAARequest:
    """
    One question to the core.

    `session` names the session within the node ('' for a request without one); `key` is the idempotency key of DESIGN.md 3.4, the same for every
    retransmission; `leg` tells the parts of one session apart (RADIUS: call-origin and call-type). `at` is the time of the event (aware UTC; Event-Timestamp
    or receipt, minus Acct-Delay-Time), `received` the time of receipt. `service` is the service type asked for, '' where the node's default counts.
    `access_code` picks the rating entry. `kept` are attributes that travel to the session row and the xDR (call-id, subscriber_ip, disconnect_cause ...).
    `lock_seconds`: how long at most the session's lock and holds shall stay (None: as the policy says). `access_node`: the node by which the user came, where
    another one asks (PortaOne-Access-Info; 0: the asking one). `login`: the session within the node in which a user logs in, before anything is authorized
    ('': none is known, as at a registration); `session` stays empty then. `number`: its number within the session, of wires that number them
    (CC-Request-Number): such a session begins with an AUTH and with nothing else, and each number counts once. `operation`: of an EVENT. `text`: the
    message that is kept, in the same transaction, when the request is accepted. `refusing`: of a numbered AUTH. `begun`: when its session began by its node's
    own clock, as a report tells it (None: it does not, or by a clock that can't be believed).
    """

    kind: Kind
    id: str
    origin: Origin
    session: str
    key: str
    parties: Parties
    at: datetime
    received: datetime
    units: tuple[UnitRequest, ...] = ()
    credentials: Credentials | None = None
    leg: str = ""
    service: str = ""
    access_code: str = ""
    lock: Lock = Lock.DEFAULT
    connected: datetime | None = None
    kept: Mapping[str, str] = field(default_factory=dict)
    direction: Direction = Direction.OUTGOING
    lock_seconds: int | None = None
    access_node: int = 0
    login: str = ""
    number: int | None = None
    operation: Operation = Operation.DEBIT
    text: Text | None = None
    refusing: Refusing = Refusing.SESSION
    begun: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """
    The answer for one quota key.

    `units` None means that nothing limits the use. `expires` is when the hold behind the grant ends. `last` says that no further grant will follow
    (Final-Unit-Indication, no re-authorization). `retained` are units asked for and held back. A key may be refused alone: `refusal`.
    """

    key: QuotaKey
    base: Base
    units: int | None
    expires: datetime | None = None
    last: bool = False
    retained: int = 0
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One way to reach the called party (SIP routing, a later issue fills it)."""

    host: str
    cld: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What answers tell about the account, in the account's own currency; absent (None or '') where not known or not asked for."""

    account_id: str = ""
    i_account: int = 0
    billing_model: int | None = None
    currency: str = ""
    language: str = ""
    product: str = ""
    tariff: str = ""
    balance: Decimal | None = None
    available: Decimal | None = None
    breakage: Decimal | None = None
    complete_number: str = ""
    rated_number: str = ""
    reseller_number: str = ""
    limited: bool = True  # False: an account without any limit (return code 13 instead of 0, spec/examples/radius/07)
    more: Mapping[str, str] = field(default_factory=dict)  # further facts by the names of docs/templates.rst, as they are told


NO_FACTS = Facts()


@dataclass(frozen=True, slots=True)
class Decision:
    """What the core decided: grants (one per quota key), or a refusal of the whole; `facts` for the answer's attributes, `routes` where routing was asked."""

    grants: tuple[Grant, ...] = ()
    refusal: Refusal | None = None
    facts: Facts = NO_FACTS
    routes: tuple[Route, ...] = ()

    @property
    def accepted(self) -> bool:
        """True when the request as a whole was not refused."""
        return self.refusal is None
