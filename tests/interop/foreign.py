"""An access point with subscribers who have a password, and foreign programs that are run against it; one that is not installed fails its test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.utils import getProcessOutputAndValue

from portaswitch.store.secrets import Sealer
from tests.server.harness import SECRET, WORLD, World, WorldCase

USER, PASSWORD = "anna", "pa55word"
#: A WiFi access point (0.06 a minute, by the minute) and a credit account; its node is named by address or by NAS-Identifier.
INTERNET = """
insert into services (i_service, i_env, name, i_service_type, base) values (104, 1, 'WiFi', 6, 'session-time');
insert into tariffs (i_tariff, i_env, name, currency, i_service) values (103, 1, 'WiFi', 'CAD', 104);
insert into destinations (i_dest, i_env, prefix) values (103, 1, 'NETACCESS');
insert into rates (i_rate, i_tariff, i_dest, interval_first, interval_n, price_first, price_n) values (104, 103, 103, 60, 60, 0.06, 0.06);
insert into accessibility (i_product, i_service, i_tariff) values (101, 104, 103);
insert into nodes (i_node, i_env, name, nas_ip, nas_identifier, i_service) values (102, 1, 'ap', '10.7.0.2', 'ap', 104);
insert into accounts (i_account, i_env, id, i_customer, i_product, billing_model, currency, credit_limit)
    values (103, 1, 'anna', 101, 101, 1, 'CAD', 2);
update radius_clients set i_node = 102;
"""


class ForeignCase(WorldCase):
    """Tests whose client is a program that nobody here wrote."""

    async def _begin(self) -> None:
        self.world = world = await World.made(WORLD)
        await world.stop()
        await world.pool.execute(INTERNET)
        sealed = Sealer.load(world.folder / "secret.key").seal(PASSWORD)
        await world.pool.execute("update accounts set h323_password = %s where i_account = 103", (sealed,))
        await world.start()

    async def run_program(self, program: str, *arguments: str, stdin: str = "") -> str:
        """What a program prints, and its exit status in the last line."""
        return await run_program(program, *arguments, stdin=stdin)

    async def radclient(self, port: str, command: str, attributes: str) -> str:
        """What radclient prints of one request; it sends nothing again."""
        place = f"127.0.0.1:{self.world.port(port)}"
        return await self.run_program("/usr/bin/radclient", "-x", "-r", "1", "-t", "3", place, command, SECRET.decode(), stdin=attributes)


async def run_program(program: str, *arguments: str, stdin: str = "") -> str:
    """What a program prints, and its exit status in the last line; AssertionError where it is not installed."""
    if not Path(program).exists():
        raise AssertionError(f"{program} is not installed: .ci/packages lists what these tests need")
    out, err, status = await getProcessOutputAndValue(program, arguments, env=os.environ, reactor=_reactor, stdinBytes=stdin.encode())
    return f"{out.decode(errors='replace')}{err.decode(errors='replace')}\nstatus {status}"


_reactor: Any = reactor
