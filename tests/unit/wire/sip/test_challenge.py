"""Digest log-ins: challenges, and what is believed of the answers."""

from __future__ import annotations

import re
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.digest import Proof, sensible
from portaswitch.wire.sip.challenge import REPEATS, Guard, Login, Nonces, Standing, Verdict
from portaswitch.wire.sip.message import Request
from portaswitch.wire.sip.values import credentials
from tests.unit.wire.sip.making import asked, telling

REALM, SOURCE, NOW = 'pbx "1"', "198.51.100.7", 1_790_000_000
TARGET = "sip:12065550019@pbx.example"
PASSED, STALE, WRONG = Verdict.PASSED, Verdict.STALE, Verdict.WRONG
FRESH, SPENT, OLD = Standing.FRESH, Standing.SPENT, Standing.OLD


class World:
    """A guard, and a client that answers its challenges."""

    def __init__(self, **settings: int) -> None:
        self.nonces = Nonces(b"a secret", **settings)
        self.guard = Guard(REALM, self.nonces)

    def nonce(self, algorithm: str = "MD5", now: int = NOW, source: str = SOURCE) -> str:
        """The nonce of the challenge of an algorithm."""
        for _, text in self.guard.challenge(source, now):
            found = credentials(text)
            assert found is not None
            if found.fields["algorithm"] == algorithm:
                return found.fields["nonce"]
        raise AssertionError(algorithm)

    def request(
        self, nonce: str, count: int | None = 1, algorithm: str = "MD5", password: str = "secret", uri: str = TARGET, realm: str = REALM, user: str = "alice"
    ) -> Request:
        """A MESSAGE with the log-in of a client; `count` None for one without qop."""
        proof = Proof(user, realm, nonce, "MESSAGE", uri, "", "" if count is None else "auth", algorithm.lower(), "c0ffee", f"{count or 0:08x}")
        more = "" if count is None else f', qop=auth, nc={count:08x}, cnonce="c0ffee"'
        escaped = realm.replace('"', '\\"')
        response = proof.computed(password)
        text = f'Digest username="{user}",realm="{escaped}", nonce="{nonce}", uri="{uri}", response="{response}", algorithm={algorithm}{more}'
        return asked(telling("hello", {}, f"Authorization: {text}"))

    def verdict(self, request: Request, now: int = NOW, source: str = SOURCE, password: str | None = "secret", *also: str) -> Verdict | None:
        """What the guard thinks of a request; None for no log-in."""
        login = self.guard.login(request)
        return None if login is None else self.guard.verdict(login, password, request, source, now, also)

    def standing(self, request: Request, now: int = NOW, source: str = SOURCE) -> Standing | None:
        """What its nonce is good for; None for no log-in."""
        login = self.guard.login(request)
        return None if login is None else self.guard.standing(login, source, now)


class ChallengeTests(SynchronousTestCase):
    """What is asked."""

    def test_strongest_first(self) -> None:
        """SHA-256 before MD5, a header and a nonce each, qop in quotes, the algorithm without (RFC 8760 2.3)."""
        (first, one), (second, other) = World().guard.challenge(SOURCE, NOW)
        self.assertEqual((first, second), ("WWW-Authenticate", "WWW-Authenticate"))
        form = 'Digest realm="pbx \\\\"1\\\\"", nonce="[0-9a-f]{56}", algorithm=%s, qop="auth"'
        self.assertRegex(one, f"^{form % 'SHA-256'}$")
        self.assertRegex(other, f"^{form % 'MD5'}$")
        self.assertEqual(len(set(re.findall("[0-9a-f]{56}", one + other))), 2)

    def test_stale_and_proxy(self) -> None:
        """stale without quotes; a proxy has a name of its own."""
        ((name, text), *_) = World().guard.challenge(SOURCE, NOW, stale=True, proxy=True)
        self.assertTrue(name == "Proxy-Authenticate" and text.endswith(", stale=true"))


class VerdictTests(SynchronousTestCase):
    """What is believed."""

    def test_right(self) -> None:
        """Both algorithms, with qop; the client sees that we know the password too."""
        for algorithm in ("SHA-256", "MD5"):
            world = World()
            request = world.request(world.nonce(algorithm), algorithm=algorithm)
            self.assertEqual(world.verdict(request), PASSED)
            login = world.guard.login(request)
            assert login is not None
            shown = replace(login.proof, method="").computed("secret")
            told = f'qop=auth, rspauth="{shown}", cnonce="c0ffee", nc=00000001'
            self.assertEqual((login.username, world.guard.confirmation(login, "secret")), ("alice", [("Authentication-Info", told)]))

    def test_counts(self) -> None:
        """Each count once, and rising; a gap is no fault, a replay is stale, another nonce has its own."""
        world = World()
        nonce = world.nonce()
        self.assertEqual(
            [world.verdict(world.request(nonce, count)) for count in (1, 2, 2, 1, 9, 5, 10)], [PASSED, PASSED, STALE, STALE, PASSED, STALE, PASSED]
        )
        self.assertEqual(world.verdict(world.request(world.nonce())), PASSED)
        self.assertEqual(world.verdict(world.request(world.nonce(), 0)), STALE)

    def test_wrong(self) -> None:
        """A wrong password, no such user, another Request-URI, another method: wrong, and the nonce's count isn't used up."""
        world = World()
        nonce = world.nonce()
        self.assertEqual(world.verdict(world.request(nonce, password="guess")), WRONG)
        for none in (None, ""):
            self.assertEqual(world.verdict(world.request(nonce, password=""), password=none), WRONG)
        self.assertEqual(world.verdict(world.request(nonce, uri="sip:other@pbx.example")), WRONG)
        self.assertEqual(world.verdict(world.request(nonce, uri="sip:other@pbx.example"), NOW, SOURCE, "secret", "sip:other@PBX.example"), PASSED)
        self.assertEqual(world.verdict(world.request(nonce, 2, uri=TARGET.replace("1", "%31").replace("pbx", "PBX"))), PASSED)
        request = world.request(nonce, 3)
        other = Request(request.headers, request.body, request.known, "OPTIONS", request.target, request.uri)
        self.assertEqual(world.verdict(other), WRONG)

    def test_old_and_foreign(self) -> None:
        """A right answer to an old nonce, to one of another source, realm, secret or from the future: stale, so that the client asks nobody for a password."""
        world = World(lifetime=300)
        self.assertEqual([world.verdict(world.request(world.nonce(now=NOW - age))) for age in (0, 300, 301, -5)], [PASSED, PASSED, STALE, STALE])
        self.assertEqual(world.verdict(world.request(world.nonce(source="203.0.113.9"))), STALE)
        self.assertEqual(world.verdict(world.request(Nonces(b"another").fresh(REALM, SOURCE, NOW))), STALE)
        self.assertEqual(world.verdict(world.request(world.nonces.fresh("other", SOURCE, NOW))), STALE)
        for nonce in ("x", "0" * 56, world.nonce().upper(), world.nonce()[:-1], "\u00e4"):
            self.assertEqual(world.verdict(world.request(nonce)), STALE, nonce)
        self.assertEqual(world.verdict(world.request("x", password="guess")), WRONG)

    def test_without_qop(self) -> None:
        """RFC 2069's way, as Linphone 4 does it: a minute, from the same source; not at all where it is switched off."""
        world = World()
        nonce = world.nonce()
        request = world.request(nonce, None)
        self.assertEqual([world.verdict(request, NOW + age) for age in (0, 60, 61)], [PASSED, PASSED, STALE])
        self.assertEqual(world.verdict(request, NOW, "203.0.113.9"), STALE)
        login = world.guard.login(request)
        assert login is not None
        self.assertEqual(world.guard.confirmation(login, "secret"), [])
        strict = World(legacy=0)
        self.assertEqual(strict.verdict(strict.request(strict.nonce(), None)), STALE)

    def test_bounded(self) -> None:
        """The memory of counts is bounded, and what is forgotten can't be replayed."""
        world = World(limit=3)
        asked_once = [world.request(world.nonce(now=NOW + age)) for age in range(6)]
        self.assertEqual([world.verdict(one, NOW + 10) for one in asked_once], [PASSED] * 6)
        self.assertEqual([world.verdict(one, NOW + 10) for one in asked_once], [STALE] * 6)
        self.assertLessEqual(len(world.nonces._counts), 3)
        self.assertEqual(world.verdict(world.request(world.nonce(now=NOW + 400)), NOW + 400), PASSED)
        self.assertEqual(len(world.nonces._counts), 1)  # the expired are gone

    def test_another_process(self) -> None:
        """A nonce of another process with our secret, as the one before a restart: it opens nothing, whatever its count, and is known as ours."""
        before, after = World(), World()
        nonce = before.nonce()
        self.assertEqual(before.verdict(before.request(nonce)), PASSED)
        for count in (1, 2, 0xFFFFFFFF):
            request = before.request(nonce, count)
            self.assertEqual((after.standing(request), after.verdict(request)), (SPENT, STALE))
        self.assertEqual(after.standing(before.request(nonce), source="203.0.113.9"), OLD)
        self.assertEqual(after.standing(before.request(nonce), NOW + 300 + REPEATS + 1), OLD)
        self.assertEqual(after.standing(before.request(nonce, None)), FRESH)  # without qop there is no count that could be known
        self.assertEqual(after.verdict(after.request(after.nonce())), PASSED)

    def test_standing(self) -> None:
        """Spent: a count that was there, one of those that were forgotten, and the first minute behind the lifetime, in which a client still repeats."""
        world = World(lifetime=300, legacy=60, limit=1)
        first, second = world.request(world.nonce()), world.request(world.nonce(now=NOW + 1))
        self.assertEqual((world.standing(first), world.verdict(first), world.standing(first)), (FRESH, PASSED, SPENT))
        self.assertEqual((world.verdict(second, NOW + 1), world.standing(first, NOW + 1)), (PASSED, SPENT))
        late = world.request(world.nonce(now=NOW + 2))
        self.assertEqual([world.standing(late, NOW + 2 + age) for age in (300, 301, 300 + REPEATS, 301 + REPEATS)], [FRESH, SPENT, SPENT, OLD])
        legacy = world.request(world.nonce(), None)
        self.assertEqual([world.standing(legacy, NOW + age) for age in (60, 61, 60 + REPEATS, 61 + REPEATS)], [FRESH, SPENT, SPENT, OLD])

    def test_no_login(self) -> None:
        """What can't be right for any password is no log-in: another realm or scheme, an algorithm or qop that wasn't offered, fields missing, twice or odd."""
        world = World()
        good = world.request(world.nonce()).headers.first("Authorization")
        assert good is not None
        for old, new in (
            ("algorithm=MD5", "algorithm=MD5-sess"), ("algorithm=MD5", "algorithm=SHA-512-256"), ("qop=auth", "qop=auth-int"), ("nc=00000001", "nc=1"),
            ("nc=00000001", "nc=+0000001"),
            ('cnonce="c0ffee"', 'x="y"'), ('username="alice"', 'user="alice"'), ('username="alice"', 'username=""'),
            ('realm="', 'realm="x'),
            ("Digest ", "Basic "), ("nc=00000001", "nc=00000001, nc=00000002"), ('uri="', 'uri="" , x="'),
        ):  # fmt: skip
            self.assertIn(old, good)
            self.assertIsNone(world.verdict(asked(telling("hello", {}, f"Authorization: {good.replace(old, new)}"))), new)
        self.assertIsNone(world.verdict(asked(telling())))
        both = asked(telling("hello", {}, 'Authorization: Digest realm="other"', f"Authorization: {good}"))
        self.assertEqual(world.verdict(both), PASSED)
        self.assertIsNone(world.guard.login(both, proxy=True))

    def test_invalid_octets(self) -> None:
        """Octets that are no UTF-8 in any field are a wrong answer, no failure."""
        world = World()
        request = asked(
            telling("hello", {}, f'Authorization: Digest username="\udcff",realm="pbx \\"1\\"",nonce="\udcfe",uri="{TARGET}\udc80",response="\udcff"')
        )
        self.assertEqual(world.verdict(request), WRONG)
        self.assertIsNone(sensible(Proof("a", "r", "n", "MESSAGE", "u", "x", algorithm="akav1-md5")))
        self.assertNotIn("secret", repr(Login("a", Proof("a", "r", "n", "M", "u", "secret"))))
