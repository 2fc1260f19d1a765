"""Debian's osmo-hlr, provisioned by a running server: a SIM card that is assigned, swapped, moved, renumbered, suspended, and goes with its account."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.server.espf import EspfCase

PROGRAM = "/usr/bin/osmo-hlr"
#: Its ports are fixed, so it gets an address of its own; 4259 is CTRL.
CONFIG = """
line vty
 bind {0}
ctrl
 bind {0}
hlr
 gsup
  bind ip {0}
"""
#: The product has Internet access too, which is packet service.
INTERNET = """
insert into services (i_service, i_env, name, i_service_type, base)
    select 104, 1, 'Internet', i_service_type, 'session-time' from service_types where name = 'Netaccess';
insert into tariffs (i_tariff, i_env, name, currency, i_service) values (103, 1, 'Internet', 'CAD', 104);
insert into accessibility (i_product, i_service, i_tariff) values (101, 104, 103);
"""
CARD, LINE = "10086610975", "442079460001"
FIRST, SECOND = "999700000000011", "999700000000012"
KEYS = {"ki": "00112233445566778899aabbccddeeff", "opc": "ffeeddccbbaa99887766554433221100"}


class OsmoHlrTests(EspfCase):
    """The daemon that runs networks."""

    timeout = 240

    async def prepare(self) -> None:
        """A daemon with an empty database, and a server that provisions it."""
        self.address = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
        await self.begin(f"hlr: {{{{class: OsmoHLR, environment: 1, address: '{self.address}:4259'}}}}", sql=INTERNET)
        if not Path(PROGRAM).exists():
            self.fail(f"{PROGRAM} is not installed: .ci/packages lists what these tests need")
        self.database_file = self.folder / "hlr.db"
        (self.folder / "hlr.cfg").write_text(CONFIG.format(self.address))
        arguments = [PROGRAM, "-c", str(self.folder / "hlr.cfg"), "-l", str(self.database_file)]
        with open(self.folder / "hlr.log", "wb") as log:
            daemon = subprocess.Popen(arguments, cwd=self.folder, stdout=log, stderr=log, env={**os.environ, "LC_ALL": "C"})
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.kill)
        for imsi in (FIRST, SECOND):
            await self.operate("sim.add", imsi=imsi, **KEYS)
        await self.enable("hlr")

    def known(self) -> Any:
        """What the daemon has in its database: IMSI, number, circuit and packet service, and whether the keys are the card's."""
        with closing(sqlite3.connect(f"file:{self.database_file}?mode=ro", uri=True)) as connection:
            rows = connection.execute("select s.imsi, s.msisdn, s.nam_cs, s.nam_ps, a.k, a.opc from subscriber s left join auc_3g a on a.subscriber_id = s.id")
            return sorted((imsi, number, cs, ps, (k, opc) == (KEYS["ki"], KEYS["opc"])) for imsi, number, cs, ps, k, opc in rows)

    async def becomes(self, *subscribers: tuple[str, str, bool]) -> None:
        """The daemon comes to know exactly these: IMSI, number, served or not; nothing is parked on the way."""
        await self.until(self.nothing_waits)
        self.assertEqual(await self.db.query("select event_type, status, attempts, last_error from event_notifications join event_queue using (i_event)"), [])
        self.assertEqual(self.known(), [(imsi, number, on, on, True) for imsi, number, on in subscribers])

    async def nothing_waits(self) -> bool:
        """Whether no event is on its way, but for those that are parked."""
        return not await self.db.query("select 1 from event_notifications where status = 'pending' limit 1")

    async def test_life_of_a_card(self) -> None:
        """Each step arrives as the daemon's own database says; each is done again by a replay, which changes nothing."""
        await self.prepare()
        await self.operate("sim.assign", imsi=FIRST, account=CARD)
        await self.becomes((FIRST, CARD, True))
        await self.operate("sim.swap", imsi=FIRST, to=SECOND)
        await self.becomes((SECOND, CARD, True))
        await self.operate("account.change", id=CARD, rename="10086610976")
        await self.becomes((SECOND, "10086610976", True))
        await self.operate("account.suspend", id="10086610976")
        await self.becomes((SECOND, "10086610976", False))
        await self.operate("account.unsuspend", id="10086610976")
        await self.becomes((SECOND, "10086610976", True))
        await self.operate("sim.release", imsi=SECOND)
        await self.operate("sim.assign", imsi=SECOND, account=LINE)
        await self.operate("sim.assign", imsi=FIRST, account="10086610976")
        await self.becomes((FIRST, "10086610976", True), (SECOND, LINE, True))
        await self.operate("account.close", id="10086610976")
        await self.becomes((SECOND, LINE, True))
        evctl = self.evctl
        numbers = [number for (number,) in await self.db.query("select distinct i_event from event_history")]
        self.assertGreater(await evctl.replay(await evctl.find("hlr"), await evctl.which(numbers, "", "", None, None)), 7)
        await self.becomes((SECOND, LINE, True))
