"""Usage of every kind against the whole server, sent by pyrad: octets with gigawords, sub-sessions, wireless access, content by the piece, and nonsense."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pyrad.dictionary import Dictionary

from portaswitch.store.secrets import Sealer
from tests.claims import claims
from tests.server.harness import ALIVE, DICTIONARY, START, STOP, WORLD, World, WorldCase, h323, ivr

MORE = """
ATTRIBUTE Session-Timeout 27 integer
ATTRIBUTE Acct-Input-Octets 42 integer
ATTRIBUTE Acct-Output-Octets 43 integer
ATTRIBUTE Acct-Input-Gigawords 52 integer
ATTRIBUTE Acct-Output-Gigawords 53 integer
VENDOR 3GPP2 5535
BEGIN-VENDOR 3GPP2
ATTRIBUTE 3GPP2-Correlation-Id 44 string
ATTRIBUTE 3GPP2-Session-Continue 48 integer
END-VENDOR 3GPP2
"""
#: Beside the calls an Internet service by the hour, one by the megabyte, wireless access and music by the piece, each at a node of its own.
SERVICES = ((111, "Hours", "Netaccess", "session-time", 1), (112, "Volume", "Netaccess", "octets", 1024), (113, "Hot spot", "Wifi", "session-time", 1),
            (114, "Music", "Quantity", "quantity", 1))  # fmt: skip
TARIFFS = """
insert into tariffs (i_tariff, i_env, name, currency, i_service, price_per) values
    (111, 1, 'Internet hours', 'CAD', 111, 3600), (112, 1, 'Internet volume', 'CAD', 112, 1), (113, 1, 'Hot spot hours', 'CAD', 113, 3600),
    (114, 1, 'Music Account', 'CAD', 114, 1);
insert into destinations (i_dest, i_env, prefix) values (111, 1, 'NETACCESS'), (114, 1, '|');
insert into rates (i_tariff, i_dest, price_first, price_n) values (111, 111, 3.60, 3.60), (112, 111, 0.001, 0.001), (113, 111, 3.60, 3.60), (114, 114, 1, 1);
insert into nodes (i_node, i_env, name, nas_ip, i_service) values
    (111, 1, 'hours', '192.0.2.111', 111), (112, 1, 'volume', '192.0.2.112', 112), (113, 1, 'hot spot', '192.0.2.113', 113),
    (114, 1, 'shop', '192.0.2.114', 114);
insert into accessibility (i_product, i_service, i_node, i_tariff) select 101, n, n, n from generate_series(111, 114) n;
"""
DEBIT, CREDIT = "10086610975", "442079460001"
MONEY = "select balance, held from accounts where i_account = "
XDRS = "select used_quantity, charged_quantity, charged_amount, split_order from xdr where storage = 'a' order by split_order"


def rows() -> str:
    """The world's rows and ours."""
    services = [
        f"insert into services (i_service, i_env, name, i_service_type, base, unit) select {n}, 1, '{name}', i_service_type, '{base}', {unit} "
        f"from service_types where name = '{kind}';"
        for n, name, kind, base, unit in SERVICES
    ]
    return WORLD + "".join(services) + TARIFFS


def node(number: int) -> tuple[str, str]:
    """The NAS of a service."""
    return ("NAS-IP-Address", f"192.0.2.{number}")


def volume(received: int, sent: int) -> tuple[tuple[str, int], ...]:
    """Octets of both directions with their gigawords."""
    return (
        ("Acct-Input-Octets", received % 2**32), ("Acct-Input-Gigawords", received >> 32),
        ("Acct-Output-Octets", sent % 2**32), ("Acct-Output-Gigawords", sent >> 32),
    )  # fmt: skip


class UsageTests(WorldCase):
    """Each test has a server and a database of its own."""

    async def _begin(self) -> None:
        self.world = await World.made(rows())
        self.world.dictionary = Dictionary(io.StringIO(DICTIONARY + MORE))

    async def auth(self, *pairs: Any) -> Any:
        """One Access-Request."""
        return await self.world.exchange(self.world.packet("auth", (*pairs, ("User-Password", ""))))

    async def acct(self, status: int, *pairs: Any) -> None:
        """One Accounting-Request; it must be answered."""
        self.assertEqual((await self.world.exchange(self.world.packet("acct", (*pairs, ("Acct-Status-Type", status))))).code, 5)

    async def age(self, seconds: int) -> None:
        """The open sessions began that long ago; the server reads them anew, since their version is another."""
        await self.world.pool.execute(f"update sessions set started = started - interval '{seconds} s', version = version + 1")

    @claims("radius-internet.1", "radius-internet.5")
    async def test_octets(self) -> None:
        """Authorization, Start, Alives and Stop of a session by volume: gigawords count, an hour's use is charged at the Alive, the rest at the Stop."""
        session = (node(112), ("User-Name", CREDIT), ("Acct-Session-Id", "81707b87"))
        await self.world.pool.execute("update accounts set credit_limit = 100000 where i_account = 102")
        await self.world.pool.execute("update customers set credit_limit = null")
        self.assertEqual((await self.auth(*session)).code, 2)
        await self.acct(START, *session)
        await self.acct(ALIVE, *session, ("Acct-Session-Time", 60), *volume(1000, 24))
        self.assertEqual(await self.world.pool.query(XDRS), [])
        await self.age(3600)
        for _ in range(2):
            await self.acct(ALIVE, *session, ("Acct-Session-Time", 3660), *volume(2**32 + 1024, 2**33 - 1024))
        self.assertEqual(await self.world.pool.query(XDRS), [(3 * 2**32, 3 * 2**22, Decimal("12582.91200"), 0)])
        for _ in range(2):
            await self.acct(STOP, *session, ("Acct-Session-Time", 3725), *volume(2**32 + 2048, 2**33))
        self.assertEqual((await self.world.pool.query(XDRS))[1:], [(3 * 2**32 + 2048, 2, Decimal("0.00200"), 1)])
        self.assertEqual(await self.world.one(MONEY + "102"), (Decimal("12582.91400"), Decimal(0)))

    async def test_name_again(self) -> None:
        """A restarted NAS uses a session id again: that one's user is charged for it, and no repetition of either is charged."""
        now = int(datetime.now(UTC).timestamp())
        name = (node(111), ("Acct-Session-Id", "00000001"))
        first = (*name, ("User-Name", DEBIT), ("Acct-Session-Time", 60), ("Event-Timestamp", now - 86400))
        second = (*name, ("User-Name", CREDIT), ("Acct-Session-Time", 90), ("Event-Timestamp", now))
        await self.acct(STOP, *first)
        await self.world.pool.execute("update sessions_closed set updated = updated - interval '1 day', version = version + 1")
        for asked in (second, first, second, first):
            await self.acct(STOP, *asked)
        charges = await self.world.pool.query("select i_account, used_quantity, charged_amount from xdr where storage = 'a' order by used_quantity")
        self.assertEqual(charges, [(101, 60, Decimal("0.06000")), (102, 90, Decimal("0.09000"))])
        self.assertEqual(await self.world.pool.query("select count(*), count(distinct session_key) from sessions_closed"), [(2, 2)])

    async def test_hours(self) -> None:
        """The same packets of a service by the hour: the seconds count."""
        session = (node(111), ("User-Name", DEBIT), ("Acct-Session-Id", "81707b87"))
        self.assertEqual((await self.auth(*session)).code, 2)
        await self.acct(START, *session)
        await self.acct(ALIVE, *session, ("Acct-Session-Time", 60), *volume(2**32, 2**33))
        await self.acct(STOP, *session, ("Acct-Session-Time", 100), *volume(2**33, 2**33))
        self.assertEqual(await self.world.pool.query(XDRS), [(100, 100, Decimal("0.10000"), 0)])

    @claims("cisco-pdsn.2")
    async def test_sub_sessions(self) -> None:
        """Two handovers: the sum of all three sub-sessions in one xDR at the end."""
        shared = (node(111), ("User-Name", DEBIT), ("3GPP2-Correlation-Id", "0000A1B2"))
        for number, seconds, goes_on in ((1, 60, 1), (2, 90, 1), (3, 30, 0)):
            part = (*shared, ("Acct-Session-Id", str(number)))
            await self.acct(START, *part)
            await self.acct(ALIVE, *part, ("Acct-Session-Time", seconds // 2))
            self.assertEqual(await self.world.pool.query(XDRS), [])
            await self.acct(STOP, *part, ("Acct-Session-Time", seconds), ("3GPP2-Session-Continue", goes_on))
        self.assertEqual(await self.world.pool.query(XDRS), [(180, 180, Decimal("0.18000"), 0)])
        self.assertEqual(await self.world.one(MONEY + "101"), (Decimal("9.82000"), Decimal(0)))

    @claims("mikrotik.5", "mr15.wifi.1", "mr15.wifi.5")
    async def test_wifi_debit(self) -> None:
        """All funds are taken when the access is authorized, and turned into time; a repeated authorization and an early Stop change nothing."""
        session = (node(113), ("User-Name", DEBIT), ("Acct-Session-Id", "w1"))
        for _ in range(2):
            leave = await self.auth(*session)
            self.assertEqual((leave.code, leave["Session-Timeout"]), (2, [10000]))
            self.assertEqual(await self.world.one(MONEY + "101"), (Decimal(0), Decimal(0)))
        await self.acct(START, *session)
        await self.acct(ALIVE, *session, ("Acct-Session-Time", 60))
        await self.acct(STOP, *session, ("Acct-Session-Time", 100))
        self.assertEqual(await self.world.pool.query(XDRS), [(10000, 10000, Decimal("10.00000"), 0)])
        self.assertEqual(await self.world.one(MONEY + "101"), (Decimal(0), Decimal(0)))
        refused = await self.auth(*session[:2], ("Acct-Session-Id", "w2"))
        self.assertEqual((refused.code, ivr(refused)["ErrorExplanation"]), (3, "zero_balance"))

    @claims("mikrotik.4", "mr15.wifi.3", "mr15.wifi.4")
    async def test_wifi_credit(self) -> None:
        """The limit follows from the funds (2.00) and the rate; nothing is taken; the real duration is charged at the end."""
        session = (node(113), ("User-Name", CREDIT), ("Acct-Session-Id", "w1"))
        leave = await self.auth(*session)
        self.assertEqual((leave.code, leave["Session-Timeout"]), (2, [2000]))
        self.assertEqual(await self.world.one(MONEY + "102"), (Decimal(0), Decimal(0)))
        await self.acct(START, *session)
        await self.acct(STOP, *session, ("Acct-Session-Time", 100))
        self.assertEqual(await self.world.pool.query(XDRS), [(100, 100, Decimal("0.10000"), 0)])

    @claims("mr15.wifi.2")
    async def test_wifi_login(self) -> None:
        """Refused without an account, with a wrong password, and without a rating entry for wireless access at this access point."""
        sealer = Sealer.load(self.world.folder / "secret.key")
        await self.world.pool.execute("update accounts set h323_password = %s, revision = revision + 1 where i_account = 102", (sealer.seal("sesame"),))

        async def code(user: str, password: str, session: str) -> int:
            pairs = (node(113), ("User-Name", user), ("Acct-Session-Id", session), ("User-Password", password))
            return int((await self.world.exchange(self.world.packet("auth", pairs))).code)

        self.assertEqual([await code("4711", "sesame", "l1"), await code(CREDIT, "opens", "l2"), await code(CREDIT, "sesame", "l3")], [3, 3, 2])
        await self.world.stop()
        await self.world.pool.execute("delete from accessibility where i_node = 113")
        await self.world.start()
        self.assertEqual(await code(CREDIT, "sesame", "l4"), 3)

    @claims("mr15.service-types.1", "mr15.event-based-billing.1", "mr15.event-based-billing.2")
    async def test_every_kind(self) -> None:
        """A call, an Internet session and wireless access by their seconds, data by octets, a song by the piece: each is charged, for its service."""
        call = (("NAS-IP-Address", "164.9.9.100"), ("Called-Station-Id", "8210"), ("h323-conf-id", "A5D3B74C 0 0 1"), ("h323-call-origin", "originate"))
        await self.acct(STOP, *call, ("User-Name", CREDIT), ("Acct-Session-Time", 60))
        await self.acct(STOP, node(111), ("User-Name", CREDIT), ("Acct-Session-Id", "hours"), ("Acct-Session-Time", 100), *volume(2**20, 2**20))
        await self.acct(STOP, node(112), ("User-Name", CREDIT), ("Acct-Session-Id", "octets"), ("Acct-Session-Time", 100), *volume(10240, 10240))
        await self.acct(STOP, node(113), ("User-Name", CREDIT), ("Acct-Session-Id", "wifi"), ("Acct-Session-Time", 200))
        song = (("Called-Station-Id", "JAZZ"), ("h323-conf-id", "A5D3B74C 0 0 2"), ("h323-call-origin", "originate"), ("h323-ivr-out", "Used-Service-Unit:2"))
        await self.acct(STOP, node(114), ("User-Name", CREDIT), *song, ("Acct-Session-Time", 3175))
        told = await self.world.pool.query(
            "select s.name, t.name, x.charged_quantity, x.charged_amount from xdr x join services s using (i_service) join tariffs t using (i_tariff) "
            "where x.storage = 'a' order by x.i_service"
        )
        self.assertEqual(told, [
            ("Voice calls", "PrepaidCard", 60, Decimal("0.02")), ("Hours", "Internet hours", 100, Decimal("0.1")),
            ("Volume", "Internet volume", 20, Decimal("0.02")), ("Hot spot", "Hot spot hours", 200, Decimal("0.2")), ("Music", "Music Account", 2, Decimal(2)),
        ])  # fmt: skip

    @claims("mr15.service-types.3", "mr15.service-types.6", "mr15.event-based-billing.3")
    async def test_types_and_entries(self) -> None:
        """Types of services are there without configuration; of two entries of a product the one for the service that is used names the tariff of its xDR."""
        types = [name for (name,) in await self.world.pool.query("select name from service_types order by i_service_type")]
        self.assertLessEqual({"Session", "Data", "Voice", "Netaccess", "Quantity", "Wifi", "Dialup", "Msg", "Conference"}, set(types))
        session = (node(111), ("User-Name", CREDIT), ("Acct-Session-Time", 100))
        await self.acct(STOP, *session, ("Acct-Session-Id", "one"))
        await self.world.stop()
        await self.world.pool.execute(
            "insert into tariffs (i_tariff, i_env, name, currency, i_service, price_per) values (115, 1, 'Night', 'CAD', 111, 3600);"
            "insert into rates (i_tariff, i_dest, price_first, price_n) values (115, 111, 7.20, 7.20);"
            "update accessibility set i_tariff = 115 where i_node = 111"
        )
        await self.world.start()
        await self.acct(STOP, *session, ("Acct-Session-Id", "two"))
        rows = await self.world.pool.query("select i_tariff, charged_amount from xdr where storage = 'a' order by i_tariff")
        self.assertEqual(rows, [(111, Decimal("0.1")), (115, Decimal("0.2"))])

    @claims("radius-content.1", "radius-content.2", "radius-content.3")
    async def test_content(self) -> None:
        """Example 07: a named item is authorized by funds, DURATION is what can be bought, one unit is charged and not 3175 seconds; without funds refused."""
        download = (node(114), ("User-Name", DEBIT), ("Called-Station-Id", "JAZZ"), ("h323-conf-id", "A5D3B74C D26411DC 98D5001D 090C82FA"))
        leave = await self.auth(*download)
        self.assertEqual((leave.code, ivr(leave)["DURATION"], h323(leave, "h323-credit-time"), ivr(leave)["Tariff"]), (2, "10", "10", "Music Account"))
        times = (("h323-connect-time", "07:18:43.965 GMT Mon Feb 6 2008"), ("h323-disconnect-time", "08:11:38.965 GMT Mon Feb 6 2008"))
        used = (("Acct-Session-Time", 3175), ("h323-call-origin", "originate"), ("h323-ivr-out", "Used-Service-Unit:1"))
        for _ in range(2):
            await self.acct(STOP, *download, *times, *used)
        self.assertEqual(await self.world.pool.query(XDRS), [(1, 1, Decimal("1.00000"), 0)])
        self.assertEqual(await self.world.one(MONEY + "101"), (Decimal("9.00000"), Decimal(0)))
        await self.world.pool.execute("update accounts set balance = 0.5, opening_balance = 1.5 where i_account = 101")
        refused = await self.auth(*download[:3], ("h323-conf-id", "A5D3B74C D26411DC 98D5001D 090C82FB"))
        self.assertEqual((refused.code, ivr(refused)["ErrorExplanation"]), (3, "insufficient_balance"))

    async def test_impossible(self) -> None:
        """A Stop of more seconds than have passed: answered, not charged, its hold freed, kept once for an operator."""
        session = (node(111), ("User-Name", DEBIT), ("Acct-Session-Id", "i1"))
        self.assertEqual((await self.auth(*session)).code, 2)
        for _ in range(2):
            await self.acct(STOP, *session, ("Acct-Session-Time", 10**9))
        self.assertEqual(await self.world.one(MONEY + "101"), (Decimal(10), Decimal(0)))
        kept = await self.world.one("select reason, session_key, request::json ->> 'why' from orphans")
        self.assertEqual(kept, ("impossible", "111/i1", "it used more seconds than have passed"))
        self.assertEqual(await self.world.one("select failed, charged_amount, history from xdr"), (True, 0, f"set aside: {kept[2]}"))
