"""What the server sends to phones, read by tshark: all of it is SIP, and nothing of it is malformed or odd."""

from __future__ import annotations

import os
import struct
from collections import Counter
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.utils import getProcessOutputAndValue

from tests.server.phones import BOB, DOMAIN, PASSWORD, POOR, SipCase, challenges, digest, response, status
from tests.server.test_sip_registrar import Line

TSHARK = "/usr/bin/tshark"
#: Ports of the recorded datagrams: tshark knows SIP by the first.
SIP, PHONE = 5060, 40000
#: A file of packets that begin with their IP header (pcap, LINKTYPE_RAW).
FILE = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
#: Warnings and errors of tshark's dissectors (PI_WARN).
ODD = "_ws.malformed || _ws.expert.severity >= 0x600000"


def packet(octets: bytes) -> bytes:
    """A datagram from the server to a phone as a record of the file; a UDP checksum of 0 is none."""
    udp = struct.pack("!HHHH", SIP, PHONE, 8 + len(octets), 0) + octets
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes((127, 0, 0, 1)), bytes((127, 0, 0, 2)))
    return struct.pack("<IIII", 0, 0, len(header) + len(udp), len(header) + len(udp)) + header + udp


def segments(pieces: list[bytes]) -> list[bytes]:
    """What a phone has read of a connection, as records of TCP segments one behind the other; a checksum of 0 is not looked at."""
    records, at = [], 1
    for octets in pieces:
        tcp = struct.pack("!HHIIBBHHH", SIP, PHONE, at, 1, 0x50, 0x18, 65535, 0, 0) + octets
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, bytes((127, 0, 0, 1)), bytes((127, 0, 0, 2)))
        records.append(struct.pack("<IIII", 0, 0, len(header) + len(tcp), len(header) + len(tcp)) + header + tcp)
        at += len(octets)
    return records


class OctetsTests(SipCase):
    """Phones that register, send, take, and are refused."""

    async def read(self, datagrams: list[bytes], shown: str, *fields: str) -> list[str]:
        """The fields of the datagrams that a filter of tshark shows."""
        return await self.dissect([packet(octets) for octets in datagrams], shown, *fields)

    async def dissect(self, packets: list[bytes], shown: str, *fields: str) -> list[str]:
        """The fields of the packets that a filter of tshark shows."""
        if not Path(TSHARK).exists():
            self.fail(f"{TSHARK} is not installed: .ci/packages lists what these tests need")
        path = self.world.folder / "sent.pcap"
        path.write_bytes(FILE + b"".join(packets))
        words = ["-n", "-r", str(path), "-Y", shown, "-T", "fields", *[word for field in fields for word in ("-e", field)]]
        out, err, code = await getProcessOutputAndValue(TSHARK, words, env={**os.environ, "HOME": str(self.world.folder)}, reactor=reactor)
        self.assertEqual(code, 0, err)
        return str(out, "utf-8").splitlines()

    async def exchanges(self) -> list[bytes]:
        """All that phones have got of exchanges of every kind."""
        alice, bob, poor = self.world.phone(), self.world.phone(BOB), self.world.phone(POOR)
        plain, target = ("Content-Type: text/plain",), f"sip:{BOB}@{DOMAIN}"
        self.assertEqual(status(await alice.message(BOB, "kept, «ünïcode»")), 202)
        for phone in (alice, bob):
            self.assertEqual(status(await phone.register()), 200)
        self.assertEqual(status(await alice.message(BOB)), 202)
        await self.world.until("select count(*) from messages where state = 'delivered'", 2)
        await alice.register(seconds=0)
        await poor.message(BOB)
        await alice.message("19995550000")
        for more, body in (((*plain, "Require: teleport"), b"x"), (("Content-Type: image/png",), b"x"), (plain, b"x" * 1301)):
            await alice.with_digest("MESSAGE", target, *more, body=body)
        for method in ("OPTIONS", "SUBSCRIBE", "PUBLISH"):
            await alice.ask(alice.request(method, target))
        await alice.ask(alice.request("MESSAGE", target, "Contact", body=b"a header without a colon"))
        return [octets for phone in (alice, bob, poor) for octets in phone.got]

    async def test_nothing_odd(self) -> None:
        """Each datagram is one SIP message with the method or status that it has here; no warning, no error."""
        datagrams = await self.exchanges()
        read = await self.read(datagrams, "sip", "sip.Method", "sip.Status-Code")
        wanted = [("MESSAGE\t" if octets.startswith(b"MESSAGE") else f"\t{status(octets)}") for octets in datagrams]
        self.assertEqual(read, wanted)
        self.assertTrue({"\t200", "\t202", "\t401", "\t402", "\t404", "\t405", "\t415", "\t420", "\t513", "\t400", "MESSAGE\t"} <= set(read), Counter(read))
        self.assertEqual(await self.read(datagrams, ODD, "frame.number", "_ws.expert.message"), [])

    async def test_connection(self) -> None:
        """
        What goes out by a connection, however it is cut into segments: whole messages by their Content-Length, nothing odd. Within TLS the same is sent.
        """
        line: Line = await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", self.world.tcp), Line())
        bob, alice = self.world.phone(BOB), self.world.phone()
        aor, contact = f"sip:{BOB}@{DOMAIN}", f"Contact: <sip:{BOB}@10.0.0.1:5060;transport=tcp>"

        def over_tcp(*more: str) -> bytes:
            return bob.request("REGISTER", f"sip:{DOMAIN}", contact, *more, to=aor).replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")

        line.send(over_tcp())
        challenge = await line.next()
        line.send(over_tcp(f"Authorization: {digest(challenges(challenge)[0], BOB, PASSWORD, 'REGISTER', f'sip:{DOMAIN}')}"))
        registered = await line.next()
        self.assertEqual([status(octets) for octets in (await alice.message(BOB, "ünïcode " * 100), registered)], [202, 200])
        got = await line.next()
        line.send(response(got, 200))
        await self.world.until("select state from messages", "delivered")
        await line.end()
        whole = challenge + registered + got
        for size in (len(whole), 1000, 77):
            packets = segments([whole[at : at + size] for at in range(0, len(whole), size)])
            read = await self.dissect(packets, "sip", "sip.Method", "sip.Status-Code")
            self.assertEqual("\n".join(read).replace(",", "\n").split(), ["401", "200", "MESSAGE"] if size < len(whole) else ["MESSAGE", "401", "200"], size)
            self.assertEqual(await self.dissect(packets, ODD, "frame.number", "_ws.expert.message"), [])

    async def test_is_seen(self) -> None:
        """The filter finds what is malformed: a header without a colon."""
        start = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\n"
        rest = b"Call-ID: c\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n"
        self.assertEqual(await self.read([start + rest, start + b"Contact\r\n" + rest], ODD, "frame.number"), ["2"])
