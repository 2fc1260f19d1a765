"""API users in the database: who somebody is, by password or by token."""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.threads import deferToThread
from zope.interface import implementer

from portaswitch.errors import Overloaded
from portaswitch.interfaces.users import IUsers
from portaswitch.model.actor import Actor, Realm, Role
from portaswitch.store.passwords import hashed, matches, token_hash
from portaswitch.store.pool import Pool

#: Passwords that are tried at once, each of which has a processor for 50 ms, and tries that wait for their turn: whoever floods us with log-ins takes no more
#: than that from the requests of the network.
AT_ONCE: Final = 1
MOST_WAITING: Final = 100

_FIND: Final = """
select u.i_user, u.i_env, u.login, u.realm, u.role, coalesce(u.i_customer, 0), coalesce(u.i_account, 0), u.password
from api_users u join environments e using (i_env)
where {} and not u.blocked and coalesce(u.blocked_until < now(), true)
  and (u.allowed_from = '{{}}' or %(address)s::inet <<= any (u.allowed_from))
order by u.i_user limit 4
"""
#: A log-in may have an @ itself (alice@example.com): it is a name as it stands, or name@environment.
_BY_NAME: Final = _FIND.format("(u.login = %(whole)s or (u.login = %(login)s and e.name = %(environment)s))")
_BY_TOKEN: Final = _FIND.format("u.token = %(token)s")
#: Written at most once a minute: a program that asks all day is no load.
_CAME: Final = """
update api_users set last_login = now()
where i_user = %(user)s and (last_login is null or last_login < now() - interval '1 minute')
"""
#: Only the right password ends a row of wrong ones: a program that comes by its token all day gives nobody further guesses.
_KNEW: Final = "update api_users set failures = 0 where i_user = %(user)s and failures > 0"
_FAILED: Final = """
update api_users set failures = case when failures >= 9 then 0 else failures + 1 end,
                     blocked_until = case when failures >= 9 then now() + interval '5 minutes' else blocked_until end
where i_user = any (%(users)s)
"""


_NAMED: Final = """
select realm, role, coalesce(i_customer, 0), coalesce(i_account, 0), blocked from api_users where i_env = %(i_env)s and login = %(login)s
"""


async def rights_of(pool: Pool, i_env: int, login: str, by: Actor) -> Actor | None:
    """
    The actor that has the realm and the rights of an API user; in the audit it is `by`, who has them for the time of a command: '... as LOGIN'. None: there is
    no such user in the environment, or it is blocked. No password is asked: whoever holds the database can do more without.
    """
    rows = await pool.query(_NAMED, {"i_env": i_env, "login": login})
    if not rows or rows[0][4]:
        return None
    realm, role, i_customer, i_account, _ = rows[0]
    return Actor(f"{by.name} as {login}", i_env, Realm(realm), Role(role), i_customer, i_account)


@implementer(IUsers)
class Users:
    """Users by the connections of `pool`. Passwords are tried in a thread, one after the other: that takes 50 ms each by design."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._turns = DeferredSemaphore(AT_ONCE)
        self._nobody = hashed("nobody has this password")

    def by_password(self, login: str, password: str, address: str) -> Deferred[Actor | None]:
        """See `IUsers.by_password`."""
        return Deferred.fromCoroutine(self._by_password(login, password, address))

    def by_token(self, token: str, address: str) -> Deferred[Actor | None]:
        """See `IUsers.by_token`."""
        return Deferred.fromCoroutine(self._by_token(token, address))

    async def _by_password(self, login: str, password: str, address: str) -> Actor | None:
        name, _, environment = login.rpartition("@")
        rows = await self._pool.query(_BY_NAME, {"whole": login, "login": name, "environment": environment, "address": address})
        if not rows:
            # Somebody who is not there takes as long as a wrong password, so that names can't be guessed by the clock.
            await self._matches(password, self._nobody)
            return None
        for row in rows:
            if await self._matches(password, row[7]):
                await self._pool.execute(_KNEW, {"user": row[0]})
                return await self._welcome(row)
        await self._pool.execute(_FAILED, {"users": [row[0] for row in rows]})
        return None

    async def _matches(self, password: str, kept: str) -> bool:
        """Whether a password is the one of a hash. The thread has its time also when nobody waits for it any more. Errors: Overloaded."""
        if len(self._turns.waiting) >= MOST_WAITING:
            raise Overloaded("too many passwords are tried at the moment")
        await self._turns.acquire()
        answer: Deferred[bool] = Deferred(lambda _: None)

        def over(result: Any) -> None:
            self._turns.release()
            if not answer.called:
                answer.callback(result)

        _ = deferToThread(matches, password, kept).addBoth(over)
        return await answer

    async def _by_token(self, token: str, address: str) -> Actor | None:
        rows = await self._pool.query(_BY_TOKEN, {"token": token_hash(token), "address": address})
        return await self._welcome(rows[0]) if rows else None

    async def _welcome(self, row: tuple[Any, ...]) -> Actor:
        i_user, i_env, login, realm, role, i_customer, i_account, _ = row
        await self._pool.execute(_CAME, {"user": i_user})
        return Actor(f"api:{login}", i_env, Realm(realm), Role(role), i_customer, i_account, i_user)
