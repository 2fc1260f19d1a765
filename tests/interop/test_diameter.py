"""Diameter as others speak it: Erlang/OTP's client against the whole server, and Wireshark's opinion of every message that we send."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from twisted.internet.defer import Deferred

from portaswitch.model.actor import Actor
from portaswitch.model.session_task import TaskKind, Wish
from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.store.secrets import Sealer
from portaswitch.store.session_tasks import wish
from portaswitch.store.work import Books
from tests.claims import claims
from tests.interop.foreign import run_program
from tests.server.diameter_client import CARD, DiameterCase, initial, termination, update
from tests.server.diameter_octets import ACR, ASR, DPR, DWR, RAR, avp, ccr, ccr_body, cer, message, origin, subscriber
from tests.server.pools import pause
from tests.server.test_diameter import reply

ESCRIPT, TEXT2PCAP, TSHARK = "/usr/bin/escript", "/usr/bin/text2pcap", "/usr/bin/tshark"
CLIENT: Final = Path(__file__).parent / "erlang" / "gy_client.escript"
GIB: Final = 2**30
#: Data at 1.00 a GiB in rating group 100 for the prepaid card.
DATA: Final = """
insert into services (i_service, i_env, name, i_service_type, base)
    select 105, 1, 'Data', i_service_type, 'octets' from service_types where name = 'Data';
insert into tariffs (i_tariff, i_env, name, currency, i_service, price_per) values (105, 1, 'Data', 'CAD', 105, 1073741824);
insert into destinations (i_dest, i_env, prefix) values (105, 1, '100');
insert into rates (i_rate, i_tariff, i_dest, price_first, price_n) values (105, 105, 105, 1, 1);
insert into accessibility (i_product, i_service, i_tariff) values (101, 105, 105);
update accounts set balance = 1.5, opening_balance = 1.5 where i_account = 101;
update nodes set profile = 'huawei-ugw9811' where i_node = 201;
"""


class ErlangTests(DiameterCase):
    """OTP checks capabilities, lengths, types, flags and the grammar of each answer before its callbacks see it."""

    timeout = 300

    @claims("diameter-gy.1", "diameter-gy.3", "huawei-ugw9811.6")
    async def test_session(self) -> None:
        """CER, CCR-I, U to the last part and behind it, RAR after a top-up, U, T and DPR of a UGW: OTP finds nothing wrong, the books agree."""
        await self.world.stop()
        await self.world.pool.execute(DATA)
        await self.world.start(roles="radius, diameter, jobs", more=self.more)
        told = Deferred.fromCoroutine(run_program(ESCRIPT, str(CLIENT), str(self.port()), CARD, "100"))
        for _ in range(1200):
            row = await self.world.pool.query("select answer from sessions where final and last_key like '%/2'")
            if row or told.called:
                break
            await pause(0.05)
        desk = Desk(Books(self.world.pool, Sealer.load(self.world.folder / "secret.key"), ENTITIES))
        await desk.operate(Actor("test:root", 1), "account.topup", {"id": CARD, "amount": "5"})
        lines = [line for line in (await told).splitlines() if line]
        self.assertEqual(lines, [
            "CEA 2001", f"'I' 2001 [2001] [{GIB}] []", f"'U' 2001 [2001] [{GIB // 2}] [0]", "'U' 2001 [4012] [] [0]", "RAR of the session",
            f"'U' 2001 [2001] [{GIB}] []", "'T' 2001", "bye", "status 0",
        ])  # fmt: skip
        self.assertEqual(await self.world.one("select used_quantity, charged_amount from xdr"), (2 * GIB, 2))
        self.assertEqual(await self.world.one("select state_id > 0 from diameter_origins"), True)


class WiresharkTests(DiameterCase):
    """What the server sends, of every kind, in one capture."""

    timeout = 300

    async def test_nothing_malformed(self) -> None:
        """Answers, refusals with Failed-AVP, errors, requests of ours and the leave: tshark dissects all, and finds nothing wrong."""
        peer = await self.connect()
        octets = [(await peer.ask(cer())).octets]
        name = "pgw.example.com;1;1"
        asked = (
            initial(10, name), update(11, name, 1, 30), initial(12, "pgw.example.com;1;2", account="nobody"), initial(13, "pgw.example.com;1;3", called="999"),
            update(14, "pgw.example.com;1;4", 1, 30), ccr(15, avp(263, "pgw.example.com;1;5") + origin()),
            ccr(16, ccr_body("pgw.example.com;1;6", 1, 0, subscriber(CARD), avp(9999, b"?"))),
            ccr(17, ccr_body("pgw.example.com;1;7", 1, 0, avp(443, avp(450, b"\0")))), message(DWR, origin(), hop=18),
            message(ACR, avp(263, "a;1;1"), origin(), avp(283, "example.com"), flags=0xC0, application=3, hop=19), message(999, origin(), flags=0xC0, hop=20),
            initial(21, "pgw.example.com;1;8", requested=100_000),
        )  # fmt: skip
        for one in asked:
            octets.append((await peer.ask(one)).octets)
        for kind, code in ((TaskKind.RAR, RAR), (TaskKind.ASR, ASR)):
            await wish(self.world.pool, [Wish(kind, 1, 201, f"201/{name}", 101)])
            request = await peer.asked()
            self.assertEqual(request.code, code)
            octets.append(request.octets)
            peer.say(reply(request, 2001))
        for last in (termination(30, name, 2, 10), message(DPR, origin(), avp(273, 0), hop=31)):
            octets.append((await peer.ask(last)).octets)
        lines = [line.split("|") for line in await self.dissected(octets)]
        self.assertEqual([line[0] for line in lines], [str(int.from_bytes(one[5:8], "big")) for one in octets])
        self.assertEqual([line[1] for line in lines if line[1]], [])
        # Of what the experts say only what the client has made up itself: the missing AVP of 5005 without a value, the AVP 9999, the command 999.
        said = [(place, line[2].partition(",")[0]) for place, line in enumerate(lines) if line[2]]
        self.assertEqual(said, [(6, "Data is empty"), (7, "Unknown AVP 9999 (vendor=Reserved)"), (11, "Unknown command")])

    async def dissected(self, messages: Iterable[bytes]) -> list[str]:
        """A line for each message: its command, and what Wireshark's experts say against it."""
        dump, capture = self.world.folder / "messages.txt", self.world.folder / "messages.pcap"
        dump.write_text("".join(f"0000 {' '.join(f'{octet:02x}' for octet in one)}\n\n" for one in messages))
        made = await run_program(TEXT2PCAP, "-q", "-T", "3868,40000", str(dump), str(capture))
        self.assertIn("status 0", made)
        fields = ("-T", "fields", "-E", "separator=|", "-e", "diameter.cmd.code", "-e", "_ws.malformed", "-e", "_ws.expert.message")
        read = await run_program(TSHARK, "-n", "-r", str(capture), "-d", "tcp.port==3868,diameter", *fields)
        *lines, status = read.splitlines()
        self.assertEqual(status, "status 0")
        return [line for line in lines if "|" in line]
