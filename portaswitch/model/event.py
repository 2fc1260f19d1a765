"""
A provisioning event: what happened to an entity of the database, as a handler gets it (DESIGN.md 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from portaswitch.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """
    One event. `i_event` rises with time and is the key by which a receiver knows a repetition. `type` is as in the catalogue ('Account/ID/Changed'),
    `entity` names whose order counts ('account:17', 'customer:4', 'did:4420'), `variables` are in the catalogue's order; a secret is a reference.
    `i_env` None: an event without environment.
    """

    i_event: int
    type: str
    entity: str
    variables: Mapping[str, str | None]
    created: datetime
    i_env: int | None = None

    @property
    def i_account(self) -> int:
        """The account it is about; 0: none."""
        kind, _, number = self.entity.partition(":")
        return int(number) if kind == "account" else 0
