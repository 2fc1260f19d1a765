"""Instant messages on their way, and where their recipients can be reached; free of any wire's words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from portaswitch.model.request import Credentials, Origin
from portaswitch.model.value import dataclass


class State(StrEnum):
    """What has become of a message."""

    WAITING = "waiting"  # accepted, and not delivered yet
    DELIVERED = "delivered"
    FAILED = "failed"  # refused for good by whom it is for
    EXPIRED = "expired"  # its time was over before it could be delivered


class Charge(StrEnum):
    """Where the money of a message is."""

    HELD = "held"  # set aside; what becomes of the message decides
    COMMIT = "commit"  # to be charged
    RELEASE = "release"  # to be given back
    SETTLED = "settled"  # charged or given back
    FREE = "free"  # the server's own: nobody pays


@dataclass(frozen=True, slots=True)
class Contact:
    """
    One place where an account can be reached, as a REGISTER bound it.

    `uri` is the contact as written; `transport` (UDP, TCP, TLS), `host` and `port` are where messages for it go; `listener` is the socket of ours by which it
    came. A connection is known to its process only: `worker` names that process and `flow` the connection; both are '' for datagrams. `q` in thousandths.
    `edge` ('' none): host and port of the edge node by which alone it can be reached.
    """

    i_account: int
    uri: str
    transport: str
    host: str
    port: int
    listener: str
    call_id: str
    cseq: int
    expires: datetime
    worker: str = ""
    flow: str = ""
    q: int = 1000
    edge: str = ""
    user_agent: str = ""
    i_contact: int = 0


@dataclass(frozen=True, slots=True)
class Callee:
    """An account that was addressed, its contacts that are in force, and how many messages wait for it (counted no further than it matters)."""

    i_account: int
    id: str
    contacts: tuple[Contact, ...] = ()
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Text:
    """
    A message that was accepted.

    `sender` and `recipient` are user@domain; `i_recipient` 0: outside, by way of the peer of that name. `account` is the id of the account that pays ('': the
    server's own message), `key` the name under which it is paid and kept once. `call_id` is the sender's. `attempts` counts tries of delivery.
    """

    i_env: int
    i_node: int
    key: str
    account: str
    sender: str
    recipient: str
    i_recipient: int
    content_type: str
    body: bytes
    call_id: str
    created: datetime
    expires: datetime
    charge: Charge = Charge.HELD
    peer: str = ""
    attempts: int = 0
    i_message: int = 0


@dataclass(frozen=True, slots=True)
class Fate:
    """
    What an attempt to deliver the message of that key has come to. `status` is the last answer of the recipient's side, 0 none; `delay` seconds to the next
    attempt, None: it waits until its recipient registers.
    """

    key: str
    state: State
    charge: Charge
    status: int = 0
    delay: int | None = None


class Kept(StrEnum):
    """What the store says to a new message."""

    STORED = "stored"
    REPEATED = "repeated"  # it is there already
    FULL = "full"  # too many wait for its recipient


@dataclass(frozen=True, slots=True)
class Draft:
    """
    A message as its sender wants it sent.

    `account` is who sends, by the name that it has given, `others` what that may mean else; `credentials` prove it. `calling` and `called` are numbers as the
    xDR shows them; `names` the ids that an account of ours might have to be its recipient (none: an address outside); `peer` who carries it where there is no
    such account ('': nobody), `peer_address` is the peer's, by which its vendor is known. `source` is the sender's address, `seconds` how long the message is
    of use (0: it does not say).
    """

    id: str
    origin: Origin
    key: str
    account: str
    sender: str
    calling: str
    recipient: str
    called: str
    names: tuple[str, ...]
    content_type: str
    body: bytes
    call_id: str
    source: str
    seconds: int = 0
    peer: str = ""
    peer_address: str = ""
    others: tuple[str, ...] = ()
    credentials: Credentials | None = None


class Answer(StrEnum):
    """What becomes of a message that billing has not refused."""

    ACCEPTED = "accepted"
    UNKNOWN = "unknown"  # nobody has that address
    FULL = "full"  # too many wait for its recipient


class Occasion(StrEnum):
    """Why the server sends a text of its own."""

    QUOTA = "quota"  # the percentage of an item is used at which its subscriber is to be told
    BALANCE = "balance"  # a charge has brought the balance below the one that is low
    TOPUP = "topup"  # the account was paid for


@dataclass(frozen=True, slots=True)
class Notice:
    """What the account of that id is to be told: `told` are the facts that the text may name."""

    i_notice: int
    occasion: Occasion
    i_env: int
    account: str
    told: Mapping[str, str]
