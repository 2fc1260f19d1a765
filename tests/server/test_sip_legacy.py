"""Log-ins without qop (RFC 2069, as Linphone 4 makes them), which have no count: what can be replayed, from where and for how long."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater

from tests.server.phones import ALICE, BOB, DOMAIN, PASSWORD, Phone, SipCase, challenges, digest, status

_reactor: Any = reactor
TARGET = f"sip:{BOB}@{DOMAIN}"


async def proof_of(phone: Phone) -> str:
    """The answer to a challenge as such a phone gives it."""
    challenge = challenges(await phone.ask(phone.request("MESSAGE", TARGET, "Content-Type: text/plain", body=b"hi")))[-1]
    return digest({name: value for name, value in challenge.items() if name != "qop"}, ALICE, PASSWORD, "MESSAGE", TARGET)


async def sent(phone: Phone, proof: str, text: bytes, cseq: int) -> bytes:
    """The answer to a message with that proof, in a transaction of its own."""
    return await phone.ask(phone.request("MESSAGE", TARGET, "Content-Type: text/plain", f"Authorization: {proof}", body=text, cseq=cseq))


class LegacyLoginTests(SipCase):
    """A nonce without qop is of use for a minute."""

    async def test_repeated(self) -> None:
        """The same message again, whatever its text is now: 202 again, one charge, one delivery; the next message of the phone is another one."""
        alice, bob = self.world.phone(), self.world.phone(BOB)
        self.assertEqual(status(await bob.register()), 200)
        proof = await proof_of(alice)
        for text in (b"once", b"once", b"another text"):
            self.assertEqual(status(await sent(alice, proof, text, 7)), 202)
        self.assertEqual(status(await sent(alice, proof, b"next", 8)), 202)
        await self.world.until("select count(*) from messages where state = 'delivered'", 2)
        self.assertEqual(sorted(octets.partition(b"\r\n\r\n")[2] for octets in bob.requests), [b"next", b"once"])
        self.assertEqual(await self.world.one("select count(*) from xdr"), 2)

    async def test_elsewhere(self) -> None:
        """Who overheard it is at another address: a new challenge, and nothing is paid."""
        alice, thief = self.world.phone(), self.world.phone(interface="127.0.0.7")
        proof = await proof_of(alice)
        answer = await sent(thief, proof, b"send money", 7)
        self.assertEqual((status(answer), challenges(answer)[0]["stale"]), (401, "true"))
        wrong = proof.rpartition('response="')[0] + 'response="' + "0" * 32 + '"'
        self.assertEqual(status(await sent(alice, wrong, b"x", 8)), 401)
        self.assertEqual(await self.world.one("select count(*) from messages"), 0)


class LegacyTimeTests(SipCase):
    """A nonce without qop is of use for a second here."""

    settings = {"legacy_nonce_lifetime": "1s"}

    async def test_late(self) -> None:
        """When the time is over the log-in is stale, and the phone asks nobody for a password."""
        alice = self.world.phone()
        proof = await proof_of(alice)
        for cseq in range(10, 400):
            answer = await sent(alice, proof, b"x", cseq)
            if status(answer) != 202:
                break
            await deferLater(_reactor, 0.1)
        self.assertEqual((status(answer), challenges(answer)[0]["stale"]), (401, "true"))


class NoLegacyTests(SipCase):
    """Switched off."""

    settings = {"legacy_nonce_lifetime": "0"}

    async def test_refused(self) -> None:
        """Such an answer is no log-in; the phone gets a challenge with qop again."""
        alice = self.world.phone()
        answer = await sent(alice, await proof_of(alice), b"x", 7)
        self.assertEqual((status(answer), challenges(answer)[0]["qop"]), (401, "auth"))
