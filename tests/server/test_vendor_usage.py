"""What a vendor has counted for an account, read when somebody looks: the command on a configuration, and Jasper on the other end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installed

from tests.claims import claims
from tests.server.database import new_state_dir
from tests.server.desks import CARD, LINE, DeskCase
from tests.server.test_cli import Command
from tests.simulators.core import Fault
from tests.simulators.jasper import Jasper

reactor: Any = installed
IMSI, ICCID = "999700000000031", "8999970000000000031"


class UsageTests(DeskCase):
    """The line has a SIM card that Jasper knows."""

    timeout = 180

    async def prepare(self) -> None:
        """The card, Jasper, and a configuration with the handler."""
        await super().prepare()
        await self.do("sim.add", imsi=IMSI, iccid=ICCID)
        await self.do("sim.assign", imsi=IMSI, account=LINE)
        self.jasper = Jasper(reactor, plans=("Office",))
        self.device = self.jasper.add(ICCID, IMSI, LINE)
        port = reactor.listenTCP(0, self.jasper.factory(), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        folder = Path(new_state_dir())
        self.config = folder / "portaswitch.yaml"
        url = f"http://127.0.0.1:{port.getHost().port}/rws/api/v1"
        handler = {"class": "Jasper", "environment": 1, "url": url, "user": "api-user", "password": "made-up-key", "blocking_product": "none"}
        others = {"lima": {"class": "LIMADispatcher", "environment": 1, "url": url}}
        handlers = {"jasper": handler, **others}
        self.config.write_text(json.dumps({"state_dir": str(folder), "database": self.dsn, "espf": {"handlers": handlers}}))
        self.config.chmod(0o600)

    def asked(self, *words: str) -> Command:
        """The command, which runs."""
        return Command("--config", str(self.config), *words)

    async def looked(self) -> Any:
        """What somebody sees who looks at the line."""
        status, out, err = await self.asked("--json", "evctl", "handler", "usage", "jasper", LINE).ended
        self.assertEqual((status, err), (0, ""), out)
        return json.loads(out)

    @claims("jasper.6")
    async def test_month(self) -> None:
        """Data, messages and calls of the month as Jasper has them at that moment, and a notice once the quota is exceeded; nothing is asked but that."""
        self.device.usage.update({"ctdDataUsage": 4_000_000, "ctdSMSUsage": 3, "ctdVoiceUsage": 65, "ctdSessionCount": 2})
        told = await self.looked()
        self.assertEqual((told["data_octets"], told["messages"], told["call_seconds"], told["notice"]), (4_000_000, 3, 65, ""))
        self.assertEqual((told["iccid"], told["status"]), (ICCID, "INVENTORY"))
        self.device.usage.update({"ctdDataUsage": 5_000_000, "overageLimitReached": True})
        told = await self.looked()
        self.assertEqual((told["data_octets"], told["notice"]), (5_000_000, "the quota is exceeded"))
        status, out, _ = await self.asked("evctl", "handler", "usage", "jasper", LINE).ended
        self.assertEqual((status, "5000000" in out, "the quota is exceeded" in out), (0, True, True))
        self.assertEqual(set(self.jasper.operations), {"usage"})

    async def test_busy(self) -> None:
        """Who is turned away because Jasper is busy with somebody else asks again, and is answered when it is not."""
        self.jasper.faults.on(Fault.BUSY, 2)
        self.assertEqual((await self.looked())["iccid"], ICCID)
        self.assertEqual((len(self.jasper.received), self.jasper.operations), (3, ["usage"]))

    async def test_refused(self) -> None:
        """Each says in one line why there is nothing to see: an account that there is not, one without a card, a vendor that does not tell, a wrong key."""
        for words, told in (
            (("jasper", "nobody"), "there is no account nobody"), (("jasper", CARD), f"account {CARD} has no SIM card"),
            (("lima", LINE), "LIMADispatcher does not tell what is used"), (("none", LINE), "there is no handler none"),
        ):  # fmt: skip
            status, _, err = await self.asked("evctl", "handler", "usage", *words).ended
            self.assertEqual((status, told in err), (1, True), err)
        self.jasper.key = "another one"
        status, _, err = await self.asked("evctl", "handler", "usage", "jasper", LINE).ended
        self.assertEqual((status, "401" in err), (1, True), err)
