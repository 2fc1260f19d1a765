"""Charged messages between telephones, against the whole server: accepted, delivered, paid once; or refused, and nothing is paid."""

from __future__ import annotations

from decimal import Decimal

from tests.server.phones import BOB, DOMAIN, MONEY, SipCase, headers, status

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
        self.assertEqual(await self.world.one("select count(*) from sessions"), 0)
