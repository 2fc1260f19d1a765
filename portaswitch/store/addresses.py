"""`IAddresses` on PostgreSQL: each call is one statement (schema/functions/ip_leases.sql), apart from money and its batches."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg2
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from portaswitch.errors import DatabaseDown
from portaswitch.interfaces.addresses import IAddresses
from portaswitch.model.lease import Holder, Want
from portaswitch.store.pool import Pool

TAKE = "select host(ip_lease_take(%s, %s, %s, %s, %s, %s, %s))"
RENEW = "select ip_lease_renew(%s, %s, %s, nullif(%s, '')::inet)"
FREE = "select ip_lease_free(%s, %s, %s, nullif(%s, '')::inet)"
FREE_NODE = "select ip_lease_free_node(%s, %s)"


@implementer(IAddresses)
class Addresses:
    """Leases with the connections of `pool`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def take(self, want: Want) -> Deferred[str | None]:
        """See `IAddresses.take`."""
        return self._one(TAKE, want.i_ip_pool, want.session_key, want.i_account, want.user, want.i_node, want.provisional, want.lasts)

    def renew(self, holder: Holder) -> Deferred[bool]:
        """See `IAddresses.renew`."""
        return self._one(RENEW, holder.i_env, holder.session_key, holder.user, holder.address)

    def free(self, holder: Holder) -> Deferred[bool]:
        """See `IAddresses.free`."""
        return self._one(FREE, holder.i_env, holder.session_key, holder.user, holder.address)

    def free_node(self, i_node: int, before: datetime) -> Deferred[int]:
        """See `IAddresses.free_node`."""
        return self._one(FREE_NODE, i_node, before)

    def _one(self, sql: str, *values: object) -> Deferred[Any]:
        return self._pool.query(sql, values).addCallbacks(lambda rows: rows[0][0], _down)


def _down(failure: Failure) -> Failure:
    """An error of the connection, as of the statement: the session has no answer, and asks again."""
    if failure.check(psycopg2.Error):
        return Failure(DatabaseDown(failure.getErrorMessage().strip()))
    return failure
