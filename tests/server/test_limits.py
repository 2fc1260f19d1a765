"""Who may have a session at all, against the whole server: limits of simultaneous sessions, the login of a card, failed xDRs, wrong passwords."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from portaswitch.store.audit import audit
from tests.server.harness import WorldCase, h323, ivr
from tests.server.test_spine import AUTHENTICATE, AUTHORIZE, CONF, NODE, ORIGINATE

COUNTS = "select open_outgoing, open_incoming, locked_by from accounts where i_account = {}"
FAILED = "select h323_conf_id, i_account, history, charged_amount from xdr where failed order by id"


def of(session: str, pairs: Any) -> list[Any]:
    """The same of another session."""
    return [("h323-conf-id", session) if pair[0] == "h323-conf-id" else pair for pair in pairs]


def call(number: int, called: str = "4420") -> list[Any]:
    """An authorization by the credit account."""
    return [NODE, ("User-Name", "442079460001"), ("User-Password", ""), ("Called-Station-Id", called), ("h323-conf-id", f"{number:08X} 0 0 0")]


class LimitTests(WorldCase):
    """Each test has a server and a database of its own."""

    async def auth(self, pairs: Any) -> Any:
        """One Access-Request."""
        return await self.world.exchange(self.world.packet("auth", pairs))

    def told(self, answer: Any) -> tuple[int, str | None, str]:
        """Code, return code and word of an answer."""
        return answer.code, h323(answer, "h323-return-code"), ivr(answer).get("ErrorExplanation", "")

    async def test_account(self) -> None:
        """Five calls at the same time of an account that may have two."""
        await self.five("update accounts set max_sessions = 2 where i_account = 102")

    async def test_customer(self) -> None:
        """Five calls at the same time of a customer that may have two."""
        await self.five("update customers set max_sessions = 2 where i_customer = 101")

    async def five(self, limit: str) -> None:
        """Two are let in, three are told why not and leave their xDRs, and in the end nothing is open."""
        await self.world.pool.execute(limit)
        answers = await gatherResults([Deferred.fromCoroutine(self.auth(call(number))) for number in range(5)])
        self.assertEqual(sorted([self.told(answer) for answer in answers], key=str), [(2, "0", "")] * 2 + [(3, "3", "call_limit_exceeded")] * 3)
        self.assertEqual(await self.world.one(COUNTS.format(102)), (2, 0, None))
        self.assertEqual(await self.world.one("select count(*) from xdr where failed and history = 'refused: call_limit_exceeded (3)'"), 3)
        for number in (place for place, answer in enumerate(answers) if answer.code == 2):
            await self.world.exchange(self.world.packet("acct", [*call(number)[:2], *call(number)[3:], ("Acct-Status-Type", 2), ("Acct-Session-Time", 5)]))
        self.assertEqual(await self.world.one(COUNTS.format(102)), (0, 0, None))
        await self.agreed()

    async def test_reseller_slack(self) -> None:
        """A reseller's customers are refused as near to its limit as the configuration says."""
        await self.world.pool.execute(
            "insert into customers (i_customer, i_env, i_customer_type, name, currency, credit_limit, balance, opening_balance) overriding system value "
            "values (301, 1, 2, 'Reseller', 'CAD', 100, 99, 99); update customers set i_parent = 301 where i_customer = 101"
        )
        self.assertEqual(self.told(await self.auth(call(1))), (2, "0", ""))
        await self.world.stop()
        await self.world.start(limits={"reseller_slack": "1.00"})
        self.assertEqual(self.told(await self.auth(call(2))), (3, "6", "credit_limit"))

    async def agreed(self) -> None:
        """The books are in order."""
        await self.world.stop()
        self.assertEqual([finding.law for finding in (await audit(self.world.pool)).findings if finding.differ], [])

    async def test_login(self) -> None:
        """A card that is logged in is in use for every other session, until its call is over."""
        other = f"{CONF[:-1]}7"
        self.assertEqual(self.told(await self.auth(AUTHENTICATE)), (2, "0", ""))
        self.assertEqual(await self.world.one(COUNTS.format(101)), (0, 0, f"101/{CONF}"))
        for refused in AUTHENTICATE, AUTHORIZE:
            self.assertEqual(self.told(await self.auth(of(other, refused))), (3, "3", "account_in_use"))
        self.assertEqual(self.told(await self.auth(AUTHORIZE)), (2, "0", ""))
        self.assertEqual(self.told(await self.auth(of(other, AUTHENTICATE))), (3, "3", "account_in_use"))
        await self.world.exchange(self.world.packet("acct", ORIGINATE))
        self.assertEqual(await self.world.one(COUNTS.format(101)), (0, 0, None))
        self.assertEqual(self.told(await self.auth(of(other, AUTHENTICATE))), (2, "0", ""))

    async def test_failed(self) -> None:
        """A refused authorization leaves one xDR however often it is asked; an authentication, nobody's account and a wrong password leave none."""
        await self.world.pool.execute("update accounts set bill_status = 'S' where i_account = 101")
        for pairs in AUTHORIZE, AUTHORIZE, of("A 0 0 0", AUTHORIZE), AUTHENTICATE, call(1, "33"), [("User-Name", "999"), *call(2)[2:], NODE]:
            self.assertEqual((await self.auth(pairs)).code, 3)
        self.assertEqual((await self.auth([*AUTHORIZE[:4], ("User-Password", "wrong"), AUTHORIZE[-1]])).code, 3)
        rows = [tuple(row) for row in await self.world.pool.query(FAILED)]
        suspended, blocked = "refused: user_suspended (7)", "refused: cld_blocked (9)"
        self.assertEqual(rows, [(CONF, 101, suspended, 0), ("A 0 0 0", 101, suspended, 0), ("00000001 0 0 0", 102, blocked, 0)])
        await self.agreed()

    async def test_wrong_passwords(self) -> None:
        """Ten wrong passwords from one number, and the next one is not looked at; another number is."""
        wrong = [("User-Password", "wrong") if pair[0] == "User-Password" else pair for pair in AUTHENTICATE]
        told = [self.told(await self.auth(wrong)) for _ in range(11)]
        self.assertEqual(told, [(3, "2", "invalid_password")] * 10 + [(3, "10", "retries_exceeded")])
        self.assertEqual(self.told(await self.auth(AUTHENTICATE)), (3, "10", "retries_exceeded"))
        elsewhere = [("Calling-Station-Id", "1") if pair[0] == "Calling-Station-Id" else pair for pair in AUTHENTICATE]
        self.assertEqual(self.told(await self.auth(elsewhere)), (2, "0", ""))

    async def test_barred(self) -> None:
        """Call barring of an account, and of its customer, by their features."""
        await self.world.pool.execute(
            "update accounts set service_flags = '~~~~~~~~~~~~Y' where i_account = 101;"
            "insert into service_attribute_values (i_env, i_attribute, i_account, value) values (1, 23, 101, '{826,900}');"
            "insert into service_attribute_values (i_env, i_attribute, i_customer, value) values (1, 23, 101, '{44}')"
        )
        self.assertEqual(self.told(await self.auth(AUTHORIZE)), (3, "9", "cld_barred"))
        self.assertEqual(self.told(await self.auth(call(1))), (2, "0", ""))
        await self.world.pool.execute("update customers set service_flags = '~~~~~~~~~~~~Y' where i_customer = 101")
        self.assertEqual(self.told(await self.auth(call(2))), (3, "9", "cld_barred"))
        await self.world.pool.execute("update accounts set service_flags = '' where i_account = 101")
        self.assertEqual(self.told(await self.auth(AUTHORIZE)), (2, "0", ""))

    async def test_barred_by_the_product(self) -> None:
        """An account whose flag says so has the barring of its product, or that of its customer, and no other's."""
        await self.world.pool.execute(
            "insert into service_attribute_values (i_env, i_attribute, i_product, value) values (1, 23, 101, '{826}');"
            "insert into service_attribute_values (i_env, i_attribute, i_customer, value) values (1, 23, 101, '{44}');"
            "update products set service_flags = '------------Y'; update customers set service_flags = '------------Y';"
            "update accounts set service_flags = '------------~'"
        )
        await self.world.stop()
        await self.world.start()  # with the product as it is now
        self.assertEqual(self.told(await self.auth(AUTHORIZE)), (3, "9", "cld_barred"))
        self.assertEqual(self.told(await self.auth(call(1))), (2, "0", ""))
        await self.world.pool.execute("update accounts set service_flags = '------------^'")
        self.assertEqual(self.told(await self.auth(of("B 0 0 0", AUTHORIZE))), (2, "0", ""))
        self.assertEqual(self.told(await self.auth(call(2))), (3, "9", "cld_barred"))
