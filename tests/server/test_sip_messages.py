"""Charged messages between telephones, against the whole server: accepted, delivered, paid once; or refused, and nothing is paid."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from portaswitch.store.pool import Cursor, Pool
from tests.server.phones import ALICE, BOB, DOMAIN, MONEY, PASSWORD, POOR, Phone, SipCase, SipWorld, challenges, digest, headers, status
from tests.server.pools import until

CHARGES = "select failed, cli, cld, account_id, charged_quantity, charged_amount, rating_pattern, call_id from xdr where storage = 'a'"


class SipMessageTests(SipCase):
    """Phones of two accounts, one of them debit with 10.00."""

    async def test_charged_message(self) -> None:
        """Two phones register, one sends a text to the other: 202, the text arrives, one message is paid at the price of messages within the server."""
        alice, bob = self.world.phone(), self.world.phone(BOB)
        for phone in (alice, bob):
            self.assertEqual(status(await phone.register()), 200)
        arrives = bob.delivered()
        answer = await alice.message(BOB)
        self.assertEqual(answer.partition(b"\r\n")[0], b"SIP/2.0 202 Accepted")
        got = await arrives
        self.assertEqual(got.partition(b"\r\n")[0].decode(), f"MESSAGE sip:{BOB}@127.0.0.1:{bob.port} SIP/2.0")
        self.assertEqual(got.partition(b"\r\n\r\n")[2], b"hello world")
        self.assertEqual(headers(got, "Call-ID"), [f"{alice.call}~1o"])
        self.assertTrue(headers(got, "From")[0].startswith(f"<sip:{alice.user}@{DOMAIN}>;tag="))
        self.assertEqual(headers(got, "To"), [f"<sip:{BOB}@{DOMAIN}>"])
        await self.world.until("select state || '/' || charge || '/' || body from messages", "delivered/settled/\\x")
        self.assertEqual(await self.world.one(CHARGES), (False, alice.user, BOB, alice.user, 1, Decimal("0.02"), "MSG", alice.call))
        self.assertEqual(await self.world.one(MONEY), (Decimal("9.98"), Decimal(0)))
        self.assertEqual(await self.world.one("select (select count(*) from sessions) + (select count(*) from sessions_closed)"), 0)
        self.assertRegex(await self.world.one("select h323_conf_id from xdr where storage = 'a'"), "^sip-[0-9a-f]{40}$")

    async def test_waits_for_its_recipient(self) -> None:
        """Texts for a phone that is off wait, and come in their order when it registers; each is paid once, when it was accepted."""
        alice, bob = self.world.phone(), self.world.phone(BOB)
        for text in ("one", "two", "three"):
            self.assertEqual(status(await alice.message(BOB, text)), 202)
        await self.world.until("select count(*) from messages where charge = 'settled' and state = 'waiting' and next_try is null", 3)
        self.assertEqual(await self.world.one(MONEY), (Decimal("9.94"), Decimal(0)))
        self.assertEqual(status(await bob.register()), 200)
        await self.world.until("select count(*) from messages where state = 'delivered'", 3)
        self.assertEqual([octets.partition(b"\r\n\r\n")[2] for octets in bob.requests], [b"one", b"two", b"three"])
        self.assertEqual(await self.world.one("select count(*) from xdr"), 3)

    async def test_forked(self) -> None:
        """Every phone of the recipient gets the text; it is one message."""
        alice, phones = self.world.phone(), [self.world.phone(BOB) for _ in range(3)]
        for phone in phones:
            await phone.register()
        arrive = [phone.delivered() for phone in phones]
        self.assertEqual(status(await alice.message(BOB)), 202)
        for arrives in arrive:
            await arrives
        await self.world.until("select state || '/' || charge from messages", "delivered/settled")
        self.assertEqual(await self.world.one(CHARGES), (False, alice.user, BOB, alice.user, 1, Decimal("0.02"), "MSG", alice.call))

    async def test_retransmission(self) -> None:
        """The same request again, before and after its answer: the answer again, octet for octet, one charge, one delivery."""
        alice, bob = self.world.phone(), self.world.phone(BOB)
        await bob.register()
        target = f"sip:{BOB}@{DOMAIN}"
        proof = await proven(alice, target)
        octets = alice.request("MESSAGE", target, "Content-Type: text/plain", f"Authorization: {proof}", body=b"once")
        alice.got.clear()
        answer = alice.ask(octets)
        alice.send(octets)
        first = await answer
        for _ in range(3):
            self.assertEqual(await alice.ask(octets), first)
        self.assertEqual(set(alice.got), {first})
        await self.world.until("select state || '/' || charge from messages", "delivered/settled")
        self.assertEqual(len(bob.requests), 1)
        self.assertEqual(await self.world.one(MONEY), (Decimal("9.98"), Decimal(0)))

    async def test_lost_answer(self) -> None:
        """A phone that lost our 202 sends its request in a new transaction: 202 again, nothing is paid or sent twice."""
        alice, bob = self.world.phone(), self.world.phone(BOB)
        await bob.register()
        target = f"sip:{BOB}@{DOMAIN}"
        more = "Content-Type: text/plain", f"Authorization: {await proven(alice, target)}"
        for _ in range(3):
            self.assertEqual(status(await alice.ask(alice.request("MESSAGE", target, *more, body=b"once", cseq=7))), 202)
        await self.world.until("select state || '/' || charge from messages", "delivered/settled")
        self.assertEqual(len(bob.requests), 1)
        self.assertEqual(await self.world.one("select count(*) from xdr"), 1)

    async def test_lost_answer_and_restart(self) -> None:
        """The server was started again before the phone repeats its request: 202, paid and sent once; another message with that log-in is challenged."""
        alice, bob = self.world.phone(), self.world.phone(BOB)
        await bob.register()
        target = f"sip:{BOB}@{DOMAIN}"
        more = "Content-Type: text/plain", f"Authorization: {await proven(alice, target)}"
        self.assertEqual(status(await alice.ask(alice.request("MESSAGE", target, *more, body=b"once", cseq=7))), 202)
        await self.world.until("select state || '/' || charge from messages", "delivered/settled")
        await self.world.server.stopService()
        await self.world.start()
        self.assertEqual(status(await alice.ask(alice.request("MESSAGE", target, *more, body=b"once", cseq=7))), 202)
        answer = await alice.ask(alice.request("MESSAGE", target, *more, body=b"twice", cseq=8))
        self.assertEqual((status(answer), challenges(answer)[0]["stale"]), (401, "true"))
        await alice.message(BOB, "next")
        await self.world.until("select count(*) from messages where state = 'delivered'", 2)
        self.assertEqual([octets.partition(b"\r\n\r\n")[2] for octets in bob.requests], [b"once", b"next"])
        self.assertEqual(await self.world.one("select count(*) from xdr"), 2)

    async def held_up(self, phone: Phone, octets: bytes, meanwhile: Callable[[], Awaitable[None]]) -> bytes:
        """The answer to a message of Alice's whose charge waits until something has happened."""
        pool = Pool(reactor, self.world.dsn, size=1, name="lock")
        self.addCleanup(pool.close)
        await pool.start()
        answers: list[Deferred[bytes]] = []

        async def charging() -> bool:
            waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
            return bool(await self.world.one(waiting))

        async def locked(cursor: Cursor) -> None:
            await cursor.query("select i_account from accounts where i_account = 101 for update")
            answers.append(phone.ask(octets))
            await until(charging, "the charge")
            await meanwhile()

        await pool.transaction(locked)
        return await answers[0]

    async def test_sent_again_under_way(self) -> None:
        """A message that is sent in a new transaction while the first is being charged: both hear 202. With another proof it is none, and waits for nothing."""
        alice, target = self.world.phone(), f"sip:{BOB}@{DOMAIN}"
        proof = await proven(alice, target)
        first, again, forged = (
            alice.request("MESSAGE", target, "Content-Type: text/plain", f"Authorization: {told}", body=b"once", cseq=7)
            for told in (proof, proof, proof.rpartition('response="')[0] + 'response="' + "0" * 64 + '"')
        )
        answers: list[Deferred[bytes]] = []

        async def send() -> None:
            answers.append(alice.ask(again))
            self.assertEqual(status(await alice.ask(forged)), 401)

        self.assertEqual(status(await self.held_up(alice, first, send)), 202)
        self.assertEqual(status(await answers[0]), 202)
        self.assertEqual(await self.world.one("select (select count(*) from messages) + (select count(*) from xdr)"), 2)

    async def test_answered_while_stopping(self) -> None:
        """A message that is being charged when the server stops: its sender hears the 202 before the socket closes."""
        alice, target = self.world.phone(), f"sip:{BOB}@{DOMAIN}"
        octets = alice.request("MESSAGE", target, "Content-Type: text/plain", f"Authorization: {await proven(alice, target)}", body=b"last")
        stopped: list[Any] = []

        async def stop() -> None:
            stopped.append(self.world.server.stopService())

        self.assertEqual(status(await self.held_up(alice, octets, stop)), 202)
        await stopped[0]
        self.assertEqual(await self.world.one("select (select count(*) from messages) + (select count(*) from xdr)"), 2)

    async def test_replayed_login(self) -> None:
        """Somebody who overheard a log-in and uses it for another message gets a new challenge, whatever he changes."""
        alice, thief = self.world.phone(), self.world.phone()
        target = f"sip:{BOB}@{DOMAIN}"
        challenge = challenges(await alice.ask(alice.request("MESSAGE", target, "Content-Type: text/plain", body=b"hi")))[0]
        proof = digest(challenge, ALICE, PASSWORD, "MESSAGE", target, nc=2)
        self.assertEqual(status(await alice.ask(alice.request("MESSAGE", target, "Content-Type: text/plain", f"Authorization: {proof}", body=b"hi"))), 202)
        lower = digest(challenge, ALICE, PASSWORD, "MESSAGE", target, nc=1)
        for stolen in (proof, lower, proof.replace("nc=00000002", "nc=00000003")):
            answer = await thief.ask(thief.request("MESSAGE", target, "Content-Type: text/plain", f"Authorization: {stolen}", body=b"send money"))
            self.assertEqual(status(answer), 401)
        elsewhere = self.world.phone(interface="127.0.0.7")
        higher = digest(challenge, ALICE, PASSWORD, "MESSAGE", target, nc=9)
        answer = await elsewhere.ask(elsewhere.request("MESSAGE", target, "Content-Type: text/plain", f"Authorization: {higher}", body=b"from another address"))
        self.assertEqual((status(answer), challenges(answer)[0]["stale"]), (401, "true"))
        await self.world.until("select charge from messages", "settled")
        self.assertEqual(await self.world.one("select count(*) from xdr"), 1)

    async def test_forged_sender(self) -> None:
        """The log-in of one account does not open the address of another: 403, and nothing is held or kept."""
        alice = self.world.phone()
        target = f"sip:{BOB}@{DOMAIN}"
        more = ("Content-Type: text/plain",)
        for forged in (f"sip:{BOB}@{DOMAIN}", f"sip:{POOR}@{DOMAIN}", f"sip:nobody@{DOMAIN}"):
            self.assertEqual(status(await alice.with_digest("MESSAGE", target, *more, body=b"I am Bob", sender=forged)), 403)
        self.assertEqual(status(await alice.with_digest("MESSAGE", target, *more, body=b"hi", sender="sip:bob@elsewhere.example")), 403)
        self.assertEqual(await self.world.one("select count(*) from messages"), 0)
        self.assertEqual(await self.world.one(MONEY), (Decimal(10), Decimal(0)))

    async def test_refusals(self) -> None:
        """What is refused, with which status; nothing of it costs anything."""
        alice, poor = self.world.phone(), self.world.phone(POOR)
        plain = ("Content-Type: text/plain",)
        ours = f"sip:{BOB}@{DOMAIN}"

        async def told(phone: Phone, target: str, *more: str, body: bytes = b"hi") -> int:
            return status(await phone.with_digest("MESSAGE", target, *more, body=body))

        self.assertEqual(await told(alice, f"sip:19995550000@{DOMAIN}", *plain), 404)
        self.assertEqual(await told(alice, "sip:bob@elsewhere.example", *plain), 404)
        self.assertEqual(await told(alice, f"sip:{ALICE}@other.example", *plain), 404)  # another environment is another world
        self.assertEqual(await told(poor, ours, *plain), 402)
        self.assertRegex(await self.world.one("select h323_conf_id || history from xdr where failed"), "^sip-[0-9a-f]{40}refused: ")
        self.assertEqual(await told(alice, ours, "Content-Type: image/png"), 415)
        self.assertEqual(await told(alice, ours, "Content-Type: text/plain", "Content-Encoding: gzip"), 415)
        self.assertEqual(await told(alice, ours, *plain, "Require: teleport"), 420)
        self.assertEqual(await told(alice, ours, *plain, body=b"x" * 1301), 513)
        self.assertEqual(status(await self.world.phone(password="wrong").message(BOB)), 401)
        self.assertEqual(status(await self.world.phone("19995550000").message(BOB)), 401)
        octets = alice.request("MESSAGE", ours, *plain, body=b"hi").replace(b"Max-Forwards: 70", b"Max-Forwards: 0")
        self.assertEqual(status(await alice.ask(octets)), 483)
        octets = alice.request("MESSAGE", ours, f"Via: SIP/2.0/UDP 127.0.0.1:{self.world.udp};branch=z9hG4bKloop", *plain, body=b"hi")
        self.assertEqual(status(await alice.ask(octets)), 482)
        answer = await alice.ask(alice.request("SUBSCRIBE", ours))
        self.assertEqual((status(answer), headers(answer, "Allow")), (405, ["MESSAGE, OPTIONS, REGISTER"]))
        self.assertEqual(status(await alice.ask(alice.request("OPTIONS", ours))), 200)
        await self.world.pool.execute("update accounts set blocked = true where i_account = 101")
        self.assertEqual(await told(alice, ours, *plain), 403)
        left = "select (select count(*) from messages) + (select count(*) from sessions) + (select count(*) from xdr where not failed)"
        self.assertEqual(await self.world.one(left), 0)

    async def test_walls(self) -> None:
        """The same number in another environment is somebody else, who pays for itself."""
        other = self.world.phone(ALICE)
        other.domain = "other.example"
        self.assertEqual(status(await other.message(f"sip:{ALICE}@other.example")), 202)
        await self.world.until("select charge from messages", "settled")
        self.assertEqual(await self.world.one("select i_env || '/' || i_account from xdr where storage = 'a'"), "2/201")
        self.assertEqual(await self.world.one(MONEY), (Decimal(10), Decimal(0)))

    async def test_not_kept(self) -> None:
        """A message that could not be kept behind its hold is not accepted, and its hold is back; the next one is accepted, and paid once."""
        alice = self.world.phone()
        await self.world.pool.execute("alter table messages add constraint broken check (body <> 'x')")
        self.assertEqual(status(await alice.message(BOB, "x")), 500)
        self.flushLoggedErrors()
        self.assertEqual(await self.world.one(MONEY), (Decimal(10), Decimal(0)))
        await self.world.pool.execute("alter table messages drop constraint broken")
        self.assertEqual(status(await alice.message(BOB, "x")), 202)
        await self.world.until("select charge from messages", "settled")
        self.assertEqual(await self.world.one(MONEY), (Decimal("9.98"), Decimal(0)))

    async def test_notify(self) -> None:
        """A text of the server's own costs nobody anything, waits like others, and is sent once for its key."""
        bob = self.world.phone(BOB)
        service = self.world.server.sip
        assert service is not None
        for _ in range(2):
            self.assertTrue(await service.notifier.notify(1, BOB, "Your balance is low: 1,00 €", key="low/102/1"))
        self.assertFalse(await service.notifier.notify(1, "nobody", "x"))
        await bob.register()
        await self.world.until("select state || '/' || charge from messages", "delivered/free")
        self.assertEqual([octets.partition(b"\r\n\r\n")[2].decode() for octets in bob.requests], ["Your balance is low: 1,00 €"])
        self.assertEqual(await self.world.one("select count(*) from xdr"), 0)


class ChargedOnDeliveryTests(SipCase):
    """sip.charge: delivered."""

    settings = {"charge": "delivered", "max_waiting": "2"}

    async def test_delivered_or_not(self) -> None:
        """Held until its fate is known: delivered it is charged; refused for good its money is back, with an xDR of nothing."""
        alice, bob = self.world.phone(), self.world.phone(BOB)
        self.assertEqual(status(await alice.message(BOB)), 202)
        self.assertEqual(await self.world.one(MONEY), (Decimal(10), Decimal("0.02")))
        await bob.register()
        await self.world.until("select string_agg(state || '/' || charge, ' ') from messages", "delivered/settled")
        self.assertEqual(await self.world.one(MONEY), (Decimal("9.98"), Decimal(0)))
        bob.answers = 488
        self.assertEqual(status(await alice.message(BOB)), 202)
        await self.world.until("select state || '/' || charge || '/' || status from messages where i_message > 1", "failed/settled/488")
        self.assertEqual(await self.world.one(MONEY), (Decimal("9.98"), Decimal(0)))
        nothing = await self.world.one(f"select failed, charged_amount, disconnect_cause from xdr where call_id = '{alice.call}'")
        self.assertEqual(nothing, (True, Decimal(0), 21))

    async def test_busy_is_not_for_good(self) -> None:
        """A phone that can't take it now keeps it waiting, and held; it is tried again."""
        alice, bob = self.world.phone(), self.world.phone(BOB)
        await bob.register()
        bob.answers = 480
        self.assertEqual(status(await alice.message(BOB)), 202)
        await self.world.until("select state || '/' || charge || '/' || status from messages", "waiting/held/480")
        bob.answers = 200
        await self.world.pool.execute("update messages set next_try = now()")
        await self.world.until("select state || '/' || charge from messages", "delivered/settled")
        self.assertEqual({headers(octets, "Call-ID")[0] for octets in bob.requests}, {f"{alice.call}~1o"})

    async def test_quota_and_expiry(self) -> None:
        """Two may wait, the third is refused and its hold is back; what is too old ends, and is paid back."""
        alice = self.world.phone()
        answers = [status(await alice.message(BOB, "x", "Expires: 3600")) for _ in range(3)]
        self.assertEqual(answers, [202, 202, 480])
        await self.world.until("select held from accounts where i_account = 101", Decimal("0.04"))
        await self.world.pool.execute("update messages set expires = now()")
        await self.world.until("select count(*) from messages where state = 'expired' and charge = 'settled' and body = ''", 2)
        self.assertEqual(await self.world.one(MONEY), (Decimal(10), Decimal(0)))


class PeerTests(SipCase):
    """A message centre outside, at 127.0.0.9."""

    async def _begin(self) -> None:
        self.world = await SipWorld.made()
        self.centre = self.world.phone("smsc", interface="127.0.0.9")
        await self.world.server.stopService()
        peers = f"{{smsc: {{address: 127.0.0.9, port: {self.centre.port}, domains: [smsc.example], prefixes: ['44']}}}}"
        await self.world.start(peers=peers)

    async def test_off_net(self) -> None:
        """A number of nobody goes to the peer of its prefix, at the price of its destination; the peer's vendor is owed its part."""
        alice = self.world.phone()
        arrives = self.centre.delivered()
        self.assertEqual(status(await alice.message("442079460001")), 202)
        got = await arrives
        self.assertEqual(got.partition(b"\r\n")[0].decode(), f"MESSAGE sip:442079460001@127.0.0.9:{self.centre.port} SIP/2.0")
        await self.world.until("select state || '/' || charge from messages", "delivered/settled")
        charged = await self.world.one("select cld, charged_amount, rating_pattern from xdr where storage = 'a'")
        self.assertEqual(charged, ("442079460001", Decimal("0.1"), "442079460001"))
        self.assertEqual(await self.world.one("select i_vendor, charged_amount from xdr where storage = 'v'"), (101, Decimal("0.01")))
        self.assertEqual(status(await alice.message("sip:desk@smsc.example")), 403)  # nothing prices it

    async def test_no_relay(self) -> None:
        """Nobody else's domain is served, and no number without a way."""
        alice = self.world.phone()
        for target in ("sip:1@198.51.100.1", f"sip:33155500000@{DOMAIN}", "sip:x@127.0.0.9.example;maddr=127.0.0.1"):
            self.assertEqual(status(await alice.message(target)), 404)
        self.assertEqual(self.centre.requests, [])


async def proven(phone: Phone, target: str) -> str:
    """An Authorization for one MESSAGE to `target`."""
    asked = await phone.ask(phone.request("MESSAGE", target, "Content-Type: text/plain", body=b"?"))
    return digest(challenges(asked)[0], phone.user, phone.password, "MESSAGE", target)
