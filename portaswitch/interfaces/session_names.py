"""Names of sessions that a node did not hear, as endpoints look them up."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import Interface

from portaswitch.model.request import AAARequest


class ISessionNames(Interface):
    """Implemented by `store.session_names.SessionNames` on PostgreSQL."""

    def made_up(request: AAARequest) -> Deferred[str]:
        """
        The made-up name of the session that an accounting request is of: of its node and account, known by its Acct-Session-Id, or, for a Start, authorized
        from the same port and station and not begun by any other; '' where there is none or more than one. Errors: `DatabaseDown`.
        """
