"""
The guide's examples (tests/spec/examples/radius 01, 02, 03, 07, 08) against the whole server with config/demo.yaml, sent by pyrad: each printed message gets
the printed answer, attribute by attribute and in order, and what is used is charged once.

Departures from what is printed, and why: `DIFFERENT`, and the docstrings of the tests.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from decimal import Decimal
from hashlib import md5
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import yaml

from portaswitch.administration import load_file
from portaswitch.model.actor import Actor
from portaswitch.store.audit import audit
from portaswitch.store.secrets import Sealer
from tests.claims import claims
from tests.server.harness import World, WorldCase
from tests.server.loads import DEMO, quiet

EXAMPLES = Path(__file__).parents[1] / "spec" / "examples" / "radius"
#: What the examples have beyond the other tests' dictionary; no Unknown-Attribute is in it.
MORE = """
ATTRIBUTE NAS-Port 5 integer
ATTRIBUTE Framed-Protocol 7 integer
ATTRIBUTE Framed-IP-Address 8 ipaddr
ATTRIBUTE Class 25 octets
ATTRIBUTE Session-Timeout 27 integer
ATTRIBUTE Idle-Timeout 28 integer
ATTRIBUTE Acct-Input-Octets 42 integer
ATTRIBUTE Acct-Output-Octets 43 integer
ATTRIBUTE Acct-Authentic 45 integer
ATTRIBUTE Acct-Input-Packets 47 integer
ATTRIBUTE Acct-Output-Packets 48 integer
ATTRIBUTE Acct-Terminate-Cause 49 integer
ATTRIBUTE Acct-Input-Gigawords 52 integer
ATTRIBUTE Acct-Output-Gigawords 53 integer
ATTRIBUTE NAS-Port-Type 61 integer
ATTRIBUTE Acct-Interim-Interval 85 integer
ATTRIBUTE NAS-Port-Id 87 string
ATTRIBUTE Digest-Response 103 string
ATTRIBUTE Digest-Realm 104 string
ATTRIBUTE Digest-Nonce 105 string
ATTRIBUTE Digest-Method 108 string
ATTRIBUTE Digest-URI 109 string
ATTRIBUTE Digest-Algorithm 111 string
ATTRIBUTE Digest-Username 115 string
ATTRIBUTE Ascend-Xmit-Rate 255 integer
VALUE Service-Type Login-User 1
VALUE Service-Type Framed-User 2
VALUE Framed-Protocol PPP 1
VALUE NAS-Port-Type Async 0
VALUE NAS-Port-Type Ethernet 15
VALUE Acct-Status-Type Start 1
VALUE Acct-Status-Type Stop 2
VALUE Acct-Status-Type Alive 3
VALUE Acct-Authentic RADIUS 1
VALUE Acct-Terminate-Cause Lost-Carrier 2
VENDOR Mikrotik 14988
BEGIN-VENDOR Mikrotik
ATTRIBUTE Mikrotik-Realm 9 string
END-VENDOR Mikrotik
BEGIN-VENDOR Cisco
ATTRIBUTE h323-incoming-conf-id 35 string
END-VENDOR Cisco
"""
#: Sent as pairs of Cisco-AVPair, as gateways and SIP servers do.
PAIRS = ("h323-ivr-out", "call-id", "remote-media-address", "h323-session-protocol")
#: Octets of an attribute that the guide's log had no name for.
UNKNOWN = re.compile(r'attr \{(\d+), (\d+), \d+, (\d+), "(.*)"\}')
#: Printed attributes that are answered otherwise, by example and name: the value here (None: not at all), and why.
DIFFERENT: dict[tuple[str, str], tuple[str | None, str]] = {
    ("02", "PortaBilling_Seed"): ("PortaBilling_Seed:2912511541", "echoed, as in the guide's SIP example; here the guide prints another one"),
    ("07", "Message-Authenticator"): (None, "first of all attributes, as RFC 3579 and CVE-2024-3596 want it, and of the packet's own octets"),
}
CODES = {2: "Access-Accept", 3: "Access-Reject", 5: "Accounting-Response"}
CARD, SIP, DEBIT, CREDIT, USER = "10086610975", "380441234567", "0101", "0102", "GP4899@ibhighspeed.co.za"
MONEY = "select balance, held from accounts where id = '%s'"
CHARGES = "select account_id, used_quantity, charged_quantity, charged_amount, not failed from xdr where storage = 'a' order by id"

Pairs = list[tuple[str, str]]


def printed(number: str) -> list[tuple[str, Pairs]]:
    """The messages of an example: the packet's name, and its attributes as printed."""
    (path,) = EXAMPLES.glob(f"{number}_*.yaml")
    document: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return [(message["packet"], [(item["name"], item["value"]) for item in message["attributes"]]) for message in document["messages"]]


def changed(pairs: Pairs, **values: str) -> Pairs:
    """The attributes with other values; `_` stands for the hyphen in their names."""
    return [(name, values.get(name.replace("-", "_"), value)) for name, value in pairs]


def octets_of(description: str) -> tuple[Any, bytes]:
    """The key and the octets of an Unknown-Attribute: 'attr {vendor, number, tag, length, "octets"}'."""
    found = UNKNOWN.search(description)
    assert found is not None, description
    vendor, number, length = map(int, found.groups()[:3])
    value = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), found[4]).encode("latin-1")
    assert len(value) == length, description
    return (vendor, number) if vendor else number, value


def digest(pairs: Pairs, password: str) -> Pairs:
    """The attributes with the digest of another password (RFC 2617 3.2.2.1, without qop)."""
    get = dict(pairs).__getitem__
    secret = f"{get('Digest-Username')}:{get('Digest-Realm')}:{password}"
    first, second = (md5(text.encode()).hexdigest() for text in (secret, f"{get('Digest-Method')}:{get('Digest-URI')}"))
    return changed(pairs, Digest_Response=md5(f"{first}:{get('Digest-Nonce')}:{second}".encode()).hexdigest())


def attributes(octets: bytes, dictionary: Any) -> Iterator[tuple[str, bytes]]:
    """Name and octets of each attribute of a packet, in its order, those of vendors one by one; Cisco's pairs by the name inside."""
    names = {attribute.code: name for name, attribute in dictionary.attributes.items() if not attribute.vendor}
    cisco = {attribute.code: name for name, attribute in dictionary.attributes.items() if attribute.vendor == "Cisco"}
    place = 20
    while place < len(octets):
        code, length = octets[place], octets[place + 1]
        value = octets[place + 2 : place + length]
        place += length
        if code != 26:
            yield names[code], value
            continue
        assert value[:4] == (9).to_bytes(4, "big") and value[5] == len(value) - 4, value
        name = cisco[value[4]]
        yield name.replace("Cisco-AVPair", value[6:].split(b"=")[0].decode()), value[6:].partition(b"=")[2]


async def demo_world(*more: Path) -> World:
    """A server with what config/demo.yaml says, and then these catalogue files."""
    world = await World.made("insert into environments values (1, 'Demo', 'CAD')")
    await world.stop()
    database = SimpleNamespace(pool=world.pool, sealer=Sealer.load(world.folder / "secret.key"))
    for path in (DEMO, *more):
        await load_file(cast(Any, database), str(path), Actor("test:root", 1), quiet)
    await world.start()
    return world


class ExampleTests(WorldCase):
    """Each test has a server of its own, with what config/demo.yaml says."""

    async def _begin(self) -> None:
        self.world = await demo_world()
        self.world.dictionary.ReadDictionary(io.StringIO(MORE))

    async def send(self, kind: str, pairs: Pairs) -> tuple[str, list[tuple[str, str]], bytes]:
        """One message as the equipment sends it: the answer's name, its attributes in order (less the signature and Class), and its Class."""
        packet = self.world.packet(kind, ())
        for name, value in pairs:
            self.add(packet, name, value)
        octets = await self.world.raw(kind, packet.RequestPacket())
        self.assertTrue(packet.VerifyReply(packet.CreateReply(packet=octets), octets))
        told = list(attributes(octets, self.world.dictionary))
        self.assertEqual([name for name, _ in told[:1]], ["Message-Authenticator"] if kind == "auth" else [])
        named = b"".join(value for name, value in told if name == "Class")
        texts = [(name, self.text(name, value)) for name, value in told if name not in ("Class", "Message-Authenticator")]
        return CODES[packet.CreateReply(packet=octets).code], texts, named

    def add(self, packet: Any, name: str, value: str) -> None:
        """Add a printed attribute to pyrad's packet."""
        if name == "Unknown-Attribute":
            key, octets = octets_of(value)
            packet.setdefault(key, []).append(octets)
        elif name == "Password":
            packet.AddAttribute("User-Password", packet.PwCrypt(value))
        elif name in PAIRS or name.startswith("PortaOne-"):
            packet.AddAttribute("Cisco-AVPair", f"{name}={value}")
        elif name.startswith("h323-"):
            packet.AddAttribute(name, f"{name}={value}")
        else:
            kind = self.world.dictionary.attributes[name].type
            packet.AddAttribute(name, int(value) if kind in ("integer", "date") and value.isdigit() else value)

    def text(self, name: str, value: bytes) -> str:
        """An answer's value as the guide prints it."""
        kind = self.world.dictionary.attributes[name].type if name in self.world.dictionary.attributes else "string"
        if kind == "integer":
            return str(int.from_bytes(value, "big"))
        return ".".join(map(str, value)) if kind == "ipaddr" else value.decode()

    async def asked(self, number: str, request: Pairs, answer: tuple[str, Pairs]) -> None:
        """The request gets that answer, all of it and in this order, less what `DIFFERENT` explains."""
        code, told, _ = await self.send("auth", request)
        self.assertEqual((code, told), (answer[0], list(self.expected(number, answer[1]))))

    def expected(self, number: str, pairs: Pairs) -> Iterator[tuple[str, str]]:
        """The printed attributes as they are told here."""
        for name, value in pairs:
            inner = value.partition(":")[0] if name == "h323-ivr-in" else name
            there, why = DIFFERENT.get((number, inner), (value, ""))
            self.assertTrue(why == "" or there != value, "no difference any more")
            if there is not None:
                yield name, there

    async def report(self, pairs: Pairs) -> None:
        """An accounting message, answered by a bare Accounting-Response; twice, as a NAS does that missed it."""
        for _ in range(2):
            self.assertEqual((await self.send("acct", pairs))[:2], ("Accounting-Response", []))

    async def books(self, *charges: tuple[Any, ...]) -> None:
        """Exactly these charges, nothing set aside, and every law of the books holds."""
        self.assertEqual(await self.world.pool.query(CHARGES), list(charges))
        self.assertEqual(await self.world.one("select count(*) from orphans"), 0)
        self.assertEqual([finding.law for finding in (await audit(self.world.pool)).findings if finding.differ], [])

    @claims("radius-voice.2")
    async def test_01_failed_login(self) -> None:
        """Nobody's number at a SIP server."""
        (_, request), answer = printed("01")
        await self.asked("01", request, answer)
        self.assertEqual(await self.world.one("select count(*) from sessions"), 0)

    @claims("radius-voice.3", "radius-voice.12")
    async def test_02_failed_outgoing_call(self) -> None:
        """A blocked number. The guide's password is not known: its digest is refused, and made anew for the demo's it gets the printed answer."""
        (_, request), answer = printed("02")
        await self.asked("02", digest(request, "demo-pass-sip"), answer)
        code, told, _ = await self.send("auth", request)
        self.assertEqual((code, ("h323-return-code", "2") in told, ("h323-ivr-in", "ErrorExplanation:invalid_password") in told), ("Access-Reject", True, True))
        self.assertEqual(await self.world.one(MONEY % SIP), (Decimal(0), Decimal(0)))

    @claims("radius-voice.4", "radius-voice.5", "radius-voice.6")
    async def test_03_prepaid_card(self) -> None:
        """Two questions, and the two legs of one call, charged once."""
        (_, who), hello, (_, where), leave, (_, outgoing), (_, incoming) = printed("03")
        await self.asked("03", who, hello)
        await self.asked("03", where, leave)
        self.assertEqual(await self.world.one(MONEY % CARD), (Decimal(10), Decimal(10)))
        await self.report(outgoing)
        await self.report(incoming)
        self.assertEqual(await self.world.one(MONEY % CARD), (Decimal("9.97633"), Decimal(0)))
        await self.books((CARD, 71, 71, Decimal("0.02367"), True))
        self.assertEqual(await self.world.one("select charged_amount from xdr where storage = 'c'"), Decimal("0.01775"))

    @claims("radius-content.1", "radius-content.2", "radius-content.3")
    async def test_07_music_debit(self) -> None:
        """The answer for a debit account. One unit is charged, and not the 3175 seconds that the accounting tells too."""
        (_, request), _, answer, (_, used) = printed("07")
        await self.asked("07", request, answer)
        await self.report(used)
        self.assertEqual(await self.world.one(MONEY % DEBIT), (Decimal(27), Decimal(0)))
        await self.books((DEBIT, 1, 1, Decimal(3), True))

    async def test_07_music_credit(self) -> None:
        """The answer for a credit account without a limit. The guide's account is 0101 in both answers; the demo has it twice, and this one is 0102."""
        (_, request), answer, _, (_, used) = printed("07")
        await self.asked("07", changed(request, User_Name=CREDIT), answer)
        await self.report(changed(used, User_Name=CREDIT))
        self.assertEqual(await self.world.one(MONEY % CREDIT), (Decimal(3), Decimal(0)))
        await self.books((CREDIT, 1, 1, Decimal(3), True))

    @claims("mikrotik.6", "mikrotik.7", "radius-internet.1")
    async def test_08_internet(self) -> None:
        """
        The printed answer is lost: it must be an accept with what the demo gives. Start, Alive and Stop are one session and one charge, by octets. They
        come with the Class of the accept, which RFC 2865 5.25 wants and which the lost answer can't show.
        """
        (_, request), _, *reports = printed("08")
        code, told, named = await self.send("auth", request)
        self.assertEqual((code, told), ("Access-Accept", [("Framed-IP-Address", "41.213.82.27"), ("Acct-Interim-Interval", "600")]))
        self.assertTrue(named)
        self.assertEqual(await self.world.one(MONEY % USER), (Decimal(15), Decimal("0.5")))
        for _, pairs in reports:
            await self.report([*pairs, ("Class", named.decode())])
        octets = 2668094 + 65615636
        await self.books((USER, octets, -(-octets // 1024), Decimal("0.32561"), True))
        self.assertEqual(await self.world.one(MONEY % USER), (Decimal("14.67439"), Decimal(0)))
        self.assertEqual(await self.world.one("select count(*) from sessions"), 0)

    async def test_08_without_class(self) -> None:
        """
        Exactly what is printed: accounting that does not return Class is joined to the log-in by its port, and charged once too, in pieces because its Start is
        years old. Nothing stays held.
        """
        (_, request), _, *reports = printed("08")
        await self.send("auth", request)
        for _, pairs in reports:
            await self.report(pairs)
        charges = await self.world.pool.query(CHARGES)
        self.assertEqual(charges[-1][1], 2668094 + 65615636)
        self.assertEqual(sum(charge[3] for charge in charges), Decimal("0.32561"))
        await self.books(*charges)
        self.assertEqual(await self.world.one(MONEY % USER), (Decimal("14.67439"), Decimal(0)))
