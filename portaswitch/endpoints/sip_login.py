"""
The entrance: a request's digest answer is proven against the account's service password by the core, which alone knows it.

    no answer, or one to a nonce that isn't ours or is old      > 401 (stale=true for the latter): no account is looked at
    else AUTH without units: password, state of the account, identity > in, or 401 / 403
    a nonce (or a count of it) that may have been there before  > the answer may only be repeated, nothing new is done
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from portaswitch.endpoints.sip import Passing, Reply
from portaswitch.endpoints.sip_credentials import DigestVerify
from portaswitch.endpoints.sip_domains import Domains
from portaswitch.endpoints.sip_map import status_of, to_login
from portaswitch.endpoints.sip_throttle import Throttle
from portaswitch.interfaces.billing import IBilling
from portaswitch.metrics import Counter
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Kind, Origin, Parties
from portaswitch.wire.sip.challenge import Guard, Login, Standing, Verdict
from portaswitch.wire.sip.grammar import printable
from portaswitch.wire.sip.message import Request

LOGINS = Counter("portaswitch_sip_logins_total", "Digest log-ins", ("result",))
#: A log-in's user name and identity are no longer than ids are.
LONGEST = 256


@dataclass(frozen=True, slots=True)
class Entered:
    """Somebody who has proven who it is; `repeated`: with a log-in that may have been there before."""

    id: str
    origin: Origin
    account: str
    i_account: int
    login: Login
    source: str
    repeated: bool
    confirmation: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody who says who it is: `accounts` are what the user name may mean, `repeated`: the log-in may have been there before."""

    id: str
    origin: Origin
    accounts: tuple[str, ...]
    identity: str
    login: Login
    source: str
    repeated: bool
    verify: DigestVerify
    at: datetime


class Entrance:
    """`now` is the wall clock (aware UTC), `prefix` begins the ids of its requests."""

    def __init__(self, billing: IBilling, guard: Guard, domains: Domains, throttle: Throttle, now: Callable[[], datetime], prefix: str = "s") -> None:
        self._billing, self._guard, self._domains, self._throttle, self._now = billing, guard, domains, throttle, now
        self._prefix, self._number = prefix, 0

    def claim(self, request: Request, origin: Origin, identity: str, source: str, also: Iterable[str] = ()) -> Claim | Reply:
        """
        The log-in of a request that wants to be `identity` (user@domain), not proven yet, or the challenge to one that can't be. `source` is its address,
        `also` other Request-URIs of its log-in.
        """
        now = self._now()
        seconds = int(now.timestamp())
        login = self._guard.login(request)
        if login is None or len(login.username) > LONGEST or len(identity) > LONGEST:
            return Passing(401, self._challenge(source, seconds, "none"))
        standing = self._guard.standing(login, source, seconds)
        if standing is Standing.OLD:
            return Passing(401, self._challenge(source, seconds, "stale"))
        self._number += 1
        repeated = standing is Standing.SPENT
        verify = DigestVerify(self._guard, login, request, seconds, also, repeated)
        accounts = self._domains.accounts(printable(login.username), identity.rpartition("@")[2])
        return Claim(f"{self._prefix}{self._number}", origin, accounts, identity, login, source, repeated, verify, now)

    async def proven(self, claim: Claim) -> Entered | Reply:
        """Have a log-in proven, or say why it is not."""
        for account in claim.accounts:
            decision = await self._billing.handle(to_login(claim.id, claim.origin, account, claim.identity, claim.source, claim.verify, claim.at))
            if decision.refusal is not Refusal.INVALID_ACCOUNT:
                break
        if decision.refusal is not None:
            return self.refused(claim, decision.refusal)
        LOGINS.inc("repeated" if claim.repeated else "ok")
        return Entered(
            claim.id, claim.origin, account, decision.facts.i_account, claim.login, claim.source, claim.repeated, claim.verify.confirmation,
        )  # fmt: skip

    def refused(self, claim: Claim, refusal: Refusal) -> Reply:
        """What the sender of a log-in hears that the core refused."""
        source, seconds = claim.source, int(claim.at.timestamp())
        status, phrase = status_of(refusal)
        if status != 401:
            LOGINS.inc("refused")
            return Reply(status, phrase=phrase)
        if claim.verify.verdict is Verdict.STALE:
            return Reply(401, self._challenge(source, seconds, "stale"))
        self._throttle.wrong(source)
        return Reply(401, self._challenge(source, seconds, "wrong"))

    def passed(self) -> None:
        """A log-in was proven together with what its sender wanted."""
        LOGINS.inc("ok")

    def again(self, source: str) -> Reply:
        """The challenge to a log-in that is right and was used before."""
        return Reply(401, self._challenge(source, int(self._now().timestamp()), "stale"))

    def _challenge(self, source: str, seconds: int, result: str) -> tuple[tuple[str, str], ...]:
        LOGINS.inc(result)
        return tuple(self._guard.challenge(source, seconds, stale=result == "stale"))


def watched(claim: Claim, session: str = "", called: str = "") -> AAARequest:
    """What a trace knows a log-in by: id and session of what the core is asked."""
    parties = Parties(claim.accounts[0], claim.identity.partition("@")[0], called)
    return AAARequest(Kind.AUTH, claim.id, claim.origin, session, "", parties, claim.at, claim.at)
