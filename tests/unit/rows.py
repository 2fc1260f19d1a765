"""Sessions as their rows have them."""

from __future__ import annotations

from portaswitch.model.request import Direction
from portaswitch.model.session import Session
from portaswitch.store import documents


def read_back(session: Session, first: Session | None = None) -> Session:
    """
    The session as a process knows it that has only its row: written as the store does, and read.

    :param first: its first version, with which the row was inserted; None: what that said can be told from any
    """
    opened = session.opened
    return documents.session_of({
        "opened": documents.opened_text(first or session), "state": documents.state_text(session), "i_env": opened.i_env, "i_node": opened.i_node,
        "i_account": opened.i_account, "i_customer": opened.i_customer, "service": opened.service_type, "cli": opened.cli, "cld": opened.cld,
        "started": opened.started.isoformat(), "session_key": session.key, "version": session.version, "status": session.status.value,
        "expires": session.expires.isoformat(), "updated": session.updated.isoformat(), "last_key": session.last_key,
        "answer": documents.decision_text(session.answer), "incoming": opened.direction is Direction.INCOMING,
    })  # fmt: skip
