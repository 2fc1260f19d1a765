"""Who may bring a price list into a tariff."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from portaswitch.interfaces.work import IBooks, IWork
from portaswitch.model.actor import Actor, Realm
from portaswitch.model.operation import NotPermitted, NotThere
from portaswitch.operations.entities_catalogue import TARIFF


def permit(books: IBooks, actor: Actor, tariff: str, destinations: bool = False) -> Deferred[None]:
    """
    Fires when the actor may: it has the tariff's privilege and reaches the tariff (a reseller those that it manages). To add `destinations` on the way, which
    are the environment's, takes an administrator.

    Errors: NotPermitted; NotThere, which says no more of a tariff of somebody else than of one that is not there.
    """
    return Deferred.fromCoroutine(_permit(books, actor, tariff, destinations))


async def _permit(books: IBooks, actor: Actor, tariff: str, destinations: bool) -> None:
    if not actor.may(TARIFF.privilege) or actor.in_self_care:
        raise NotPermitted([f"rate.upload: you may not do that; it takes the privilege {TARIFF.privilege}"])

    async def found(work: IWork) -> bool:
        return await work.find(TARIFF, tariff) is not None

    if not await books.work(actor, found):
        raise NotThere([f"no tariff {tariff} in environment {actor.i_env}: see `portaswitch tariff list`"])
    if destinations and actor.realm is not Realm.ADMIN:
        raise NotPermitted(["new destinations are the environment's, and administrators add them: upload the list without --destinations-add"])
