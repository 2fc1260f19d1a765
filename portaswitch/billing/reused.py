"""
Names that are used again: a NAS that has restarted counts its Acct-Session-Ids from the beginning, within the days for which a session that is over takes late
and repeated reports (DESIGN.md 3.5).

A report whose session began clearly behind the last that was heard of the one of that name is of another session, perhaps of another user: the elder leaves
the name (`ILedger.release_name`), and the report is decided as one of a session never seen. In doubt it is the elder's: better a call for nothing than one
that is charged twice. So only a node's own clock counts, and not where it runs ahead of ours (`AAARequest.begun`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from portaswitch.model.request import AAARequest, Kind
from portaswitch.model.session import Session, Status

USAGE: Final = frozenset((Kind.START, Kind.UPDATE, Kind.STOP))
#: How far behind the end of a session another one of its name begins at least: its Stop may come again from a clock that is wrong by some minutes, and behind
#: a failed attempt its user tries again. When a node has restarted, which we heard of by our own clock, its next sessions begin at once.
BEHIND: Final = timedelta(minutes=5)
BEHIND_RESTART: Final = timedelta(seconds=30)
RESTARTED: Final = f"{Kind.ON_OFF.value}/"
"""How the keys begin by which `core` closes the sessions of a node that has restarted."""
ELDER: Final = "elder_until"
"""Among what a session keeps: when the last was heard of the one that had its name before."""


def is_another(session: Session | None, request: AAARequest) -> bool:
    """Whether a report that names `session`, which is over, is of another one that has got its name."""
    begun = request.begun
    if session is None or session.status is Status.OPEN or begun is None or request.number is not None or request.kind not in USAGE or not request.units:
        return False
    # By the node's clock as by ours: a connect time that is wrong by its zone is so in each repetition.
    heard = session.updated if session.connected is None else max(session.updated, session.connected)
    return begun > heard + (BEHIND_RESTART if session.last_key.startswith(RESTARTED) else BEHIND)


def following(request: AAARequest, elder: Session) -> AAARequest:
    """The report as that of a session which has got the name of `elder`."""
    return replace(request, kept={**request.kept, ELDER: elder.updated.isoformat()})


def is_elders(session: Session, request: AAARequest) -> bool:
    """Whether a report that names `session` is a late one of the session that had its name before: it began before that one's end."""
    if request.begun is None or request.kind not in USAGE or request.number is not None:
        return False
    until = session.opened.kept.get(ELDER)
    return until is not None and request.begun <= datetime.fromisoformat(until)


def left_name(elder: Session) -> str:
    """The key in the store of a session that has left its name."""
    return f"{elder.key}~{elder.updated:%Y%m%d%H%M%S}"
