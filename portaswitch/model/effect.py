"""
What an event handler yields to change something of ours: effects, applied in the transaction that marks its notification done (DESIGN.md 5.6).

An event that an effect causes is not sent back to the handler that caused it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from portaswitch.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Effect:
    """Something of ours that changes."""


@dataclass(frozen=True, slots=True)
class AssignAlias(Effect):
    """The account gets this alias; nothing where it has it."""

    alias: str


@dataclass(frozen=True, slots=True)
class AssignCustomField(Effect):
    """A custom field of the account gets a value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class AssignRemoteId(Effect):
    """The vendor's own id of the entity, kept in its remote record."""

    remote_id: str


@dataclass(frozen=True, slots=True)
class AssignStatus(Effect):
    """The provisioning status of a group (HSS, PCRF ...): OK, IN_PROGRESS, RETRY or FAILED, as the ESPF API sets it."""

    group: str
    status: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class ChangeProduct(Effect):
    """The account gets another main product, by name."""

    product: str


@dataclass(frozen=True, slots=True)
class Emit(Effect):
    """One event more for one entity ('account:17'). For internal handlers."""

    type: str
    entity: str
    variables: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class FanOut(Effect):
    """
    One event of `type` for every account below `scope` ('customer:4' and the customers below it, 'product:7' as product or add-on, 'site:3', 'subscriber:9'
    of the person, 'access_policy:5' as its own, its product's or an add-on's), in pages, resumable; at most one a notification. `variables` are added to the
    account's own (i_env, i_account). `funded`: only accounts whose funds are the customer's (credit accounts without a limit of their own). `receivers`: 'all'
    that are subscribed to the type (internal dispatchers), or 'self', the handler that yields it: an event about a customer becomes one about each of its
    accounts.
    """

    type: str
    scope: str
    variables: Mapping[str, str | None] = field(default_factory=dict)
    funded: bool = False
    receivers: str = "all"


@dataclass(frozen=True, slots=True)
class EndSessions(Effect):
    """
    A task for every live session of `entity` ('account:17', 'customer:4'): `kind` 'disconnect' (PoD, ASR), 'change' (CoA) or 'reauthorize' (RAR, CoA), as
    the endpoint of the session can; `arguments` for a change.
    """

    kind: str
    entity: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note(Effect):
    """Text for the attempt's line in provisioning.log: for handlers that log, and for debugging."""

    text: str
