"""Who uses the API, as its endpoints see it."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import Interface

from portaswitch.model.actor import Actor


class IUsers(Interface):
    """Implemented by `store.users.Users`."""

    def by_password(login: str, password: str, address: str) -> Deferred[Actor | None]:
        """
        The user of that name and password who may come from `address`; None when there is none, whatever the reason (the same answer after the same time).

        `login` is 'name', or 'name@environment' where several environments have one of that name. Ten wrong passwords in a row lock a user out for five
        minutes. Errors: `DatabaseDown`, `Overloaded` when too many passwords are tried already.
        """

    def by_token(token: str, address: str) -> Deferred[Actor | None]:
        """The user of that API token; None when there is none. Errors: `DatabaseDown`."""
