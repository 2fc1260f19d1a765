"""
Digest log-ins of SIP (RFC 3261 22, RFC 7616, RFC 8760): challenges, what is answered to them, and whether that may be believed.

Nonces are signed, not stored: time, maker, random octets and a keyed hash (RFC 7693 2.9) of them, realm and source. A flood of requests without log-in then
costs no memory, and a nonce is of no use to another source. Only what has to be remembered is: the nonce count of a nonce with which someone has proven a
password, so that no proof counts twice. That memory is bounded; when it is full the oldest is forgotten, and with it every nonce of its age becomes stale, so
that forgetting never allows a replay.

Which counts were used with a nonce of another process of the same secret (the one before a restart) nobody here knows: it opens nothing. Yet it is known as
ours, so that who repeats a request that was accepted can be told so, and need not make a new one of it (RFC 7616 3.3 would have it try again at once).

Clients without qop (Linphone 4, RFC 2069) have no count: their nonces live for a minute only. A replay from the same source within it is possible, and is
caught where effects are kept by From, Call-ID and CSeq.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from enum import Enum
from hashlib import blake2b
from hmac import compare_digest
from secrets import token_bytes
from typing import Final

from portaswitch.model.value import dataclass
from portaswitch.wire.digest import Proof, sensible
from portaswitch.wire.sip import uri as uris
from portaswitch.wire.sip.grammar import encode, quoted
from portaswitch.wire.sip.message import Request
from portaswitch.wire.sip.values import credentials

#: Strongest first: the client answers the first challenge that it knows (RFC 8760 2.3).
ALGORITHMS: Final = ("SHA-256", "MD5")
#: Seconds for which a nonce behind its lifetime still stands for what was done with it: a client repeats its request for 64*T1 = 32 s (RFC 3261 17.1.2.2), and
#: another request in the place of one that it gives up for as long.
REPEATS: Final = 64
_NONCE: Final = re.compile(r"([0-9a-f]{8})([0-9a-f]{16})([0-9a-f]{32})")
_COUNT: Final = re.compile(r"[0-9A-Fa-f]{8}")
_LARGEST: Final = 0xFFFFFFFF


class Verdict(Enum):
    """What a log-in is worth: STALE wants a new challenge with stale=true (the password was right), WRONG one without."""

    PASSED = "passed"
    STALE = "stale"
    WRONG = "wrong"


class Standing(Enum):
    """What the nonce of a log-in is good for, before any password is looked at."""

    FRESH = "fresh"
    SPENT = "spent"  # it opens nothing: who was let in with it may only hear the same again
    OLD = "old"  # or not ours for this source


class Nonces:
    """
    Makes nonces and knows its own again. Times are whole seconds of a clock that processes with one secret share.

    :param secret: octets that nobody else knows. Processes that share it know each other's nonces, as spent ones.
    :param lifetime: seconds of a nonce with qop; `legacy` those without, 0 to refuse these.
    :param limit: how many nonces' counts are remembered.
    """

    def __init__(self, secret: bytes | None = None, lifetime: int = 300, legacy: int = 60, limit: int = 65536) -> None:
        self._secret = token_bytes(32) if secret is None else secret
        self.lifetime = lifetime
        self.legacy = legacy
        self._limit = limit
        self._maker = token_bytes(4).hex()
        self._counts: OrderedDict[str, int] = OrderedDict()  # a plain one takes ever longer to find its first
        self._floor = -1

    def fresh(self, realm: str, source: str, now: int) -> str:
        """A nonce for this source."""
        begun = f"{now & 0xFFFFFFFF:08x}{self._maker}{token_bytes(4).hex()}"
        return begun + self._seal(begun, realm, source)

    def age(self, nonce: str, realm: str, source: str, now: int) -> int | None:
        """Seconds since we (or who has our secret) made the nonce for this source; None when we didn't, or it is from the future."""
        found = _NONCE.fullmatch(nonce)
        if found is None or not compare_digest(self._seal(found[1] + found[2], realm, source), found[3]):
            return None
        age = (now - int(found[1], 16)) & 0xFFFFFFFF
        return age if age < 1 << 31 else None

    def counted(self, nonce: str, number: int, now: int) -> bool:
        """Whether this count of the nonce is larger than all before; it is remembered. For nonces that are ours, once the password was right."""
        if number <= self.seen(nonce):
            return False
        if nonce not in self._counts:
            self._forget(now)
            if int(nonce[:8], 16) <= self._floor:
                return False
        self._counts[nonce] = number
        return True

    def seen(self, nonce: str) -> int:
        """The largest count with which a password may have been proven, of a nonce that is ours; 0 for none, of one not known here the largest there is."""
        known = self._counts.get(nonce)
        if known is not None:
            return known
        return 0 if nonce[8:16] == self._maker and int(nonce[:8], 16) > self._floor else _LARGEST

    def _forget(self, now: int) -> None:
        """Make room for a nonce: the expired go, and while it is too little the oldest, with whose age all unknown ones become stale."""
        while self._counts:
            oldest = next(iter(self._counts))
            made = int(oldest[:8], 16)
            expired = now - made > self.lifetime
            if not expired and len(self._counts) < self._limit:
                return
            del self._counts[oldest]
            if not expired:
                self._floor = max(self._floor, made)

    def _seal(self, begun: str, realm: str, source: str) -> str:
        return blake2b(encode(f"{begun}\n{realm}\n{source}"), key=self._secret, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True, repr=False)
class Login:
    """A digest answer in our realm: the user's name as written, and the proof."""

    username: str
    proof: Proof


class Guard:
    """
    The realm of a server.

    :param algorithms: those that are offered, the strongest first; no other is believed.
    """

    def __init__(self, realm: str, nonces: Nonces, algorithms: Sequence[str] = ALGORITHMS) -> None:
        self.realm = realm
        self.nonces = nonces
        self.algorithms = tuple(algorithms)
        self._believed = frozenset(map(str.upper, algorithms))

    def challenge(self, source: str, now: int, stale: bool = False, proxy: bool = False) -> list[tuple[str, str]]:
        """The headers of a 401 (of a 407 for a proxy): one for each algorithm, each with its own nonce."""
        name, more = "Proxy-Authenticate" if proxy else "WWW-Authenticate", ", stale=true" if stale else ""
        realm = quoted(self.realm)
        return [
            (name, f'Digest realm={realm}, nonce="{self.nonces.fresh(self.realm, source, now)}", algorithm={algorithm}, qop="auth"{more}')
            for algorithm in self.algorithms
        ]

    def login(self, request: Request, proxy: bool = False) -> Login | None:
        """
        The first answer in the request that can be right: of this realm, of an algorithm that was offered, with qop auth or none. None for a request without,
        which is to be challenged, whatever else it has (RFC 4475 3.3.7).
        """
        for text in request.headers.lines("Proxy-Authorization" if proxy else "Authorization"):
            found = credentials(text)
            if found is None or found.scheme != "digest" or found.fields.get("realm") != self.realm:
                continue
            proof = self._proof(found.fields, request.method)
            if proof is not None:
                return Login(proof.username, proof)
        return None

    def _proof(self, fields: dict[str, str], method: str) -> Proof | None:
        get = fields.get
        qop, count, algorithm = get("qop", ""), get("nc", ""), get("algorithm", "MD5")
        if qop.lower() not in ("", "auth") or algorithm.upper() not in self._believed or (qop and not _COUNT.fullmatch(count)):
            return None
        named = get("username", ""), self.realm, get("nonce", ""), method, get("uri", ""), get("response", "")
        return sensible(Proof(*named, qop, algorithm.lower(), get("cnonce", ""), count))

    def verdict(self, login: Login, password: str | None, request: Request, source: str, now: int, also: Iterable[str] = ()) -> Verdict:
        """
        Whether the log-in proves this password for this request. A right answer with an old, foreign or used nonce is STALE.

        :param password: None for a user who isn't known or has none, for whom as much is computed; an empty one proves nothing either.
        :param also: other Request-URIs that the client may have meant: what it was before a proxy of ours changed it.
        """
        if not self.proves(login, password, request, also):
            return Verdict.WRONG
        fresh = self.standing(login, source, now) is Standing.FRESH
        return Verdict.PASSED if fresh and self.counts(login, now) else Verdict.STALE

    def counts(self, login: Login, now: int) -> bool:
        """Use the count of the nonce, of a log-in that has proven its password and is not old: False when it was used before."""
        proof = login.proof
        return not proof.qop or self.nonces.counted(proof.nonce, int(proof.count, 16), now)

    def proves(self, login: Login, password: str | None, request: Request, also: Iterable[str] = ()) -> bool:
        """Whether the log-in was made from this password for this request, whatever became of its nonce since; as :meth:`verdict`."""
        proof = login.proof
        right = proof.matches(password or "") and bool(password)
        return right and any(_same(proof.uri, target) for target in (request.target, *also))

    def standing(self, login: Login, source: str, now: int) -> Standing:
        """What the nonce is good for: no password is needed to say so (RFC 7616 3.3). SPENT is also one whose time is over while its client may repeat."""
        proof, nonces = login.proof, self.nonces
        lifetime = nonces.lifetime if proof.qop else nonces.legacy
        age = nonces.age(proof.nonce, self.realm, source, now)
        if age is None or age > lifetime + REPEATS or not (proof.qop or nonces.legacy):
            return Standing.OLD
        used = bool(proof.qop) and nonces.seen(proof.nonce) >= int(proof.count, 16)
        return Standing.SPENT if used or age > lifetime else Standing.FRESH

    def confirmation(self, login: Login, password: str) -> list[tuple[str, str]]:
        """Authentication-Info of a 2xx, by which the client sees that we know the password too (RFC 7616 3.5); none without qop."""
        proof = login.proof
        shown = proof.response_auth(password) if proof.qop else None
        return [] if shown is None else [("Authentication-Info", f'qop=auth, rspauth="{shown}", cnonce={quoted(proof.cnonce)}, nc={proof.count}')]


def _same(told: str, target: str) -> bool:
    """Whether the URI of a log-in is this Request-URI (RFC 7616 3.4.6)."""
    if told == target:
        return True
    one, other = uris.read(told), uris.read(target)
    return one is not None and other is not None and one.same(other)
