"""Qualution: quotas that are used up are told at once, by the API that events are posted to, and only when the last plan on the same use is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from twisted.internet import reactor
from twisted.web.server import Site

from portaswitch.administration.handlers import Evctl
from portaswitch.config.settings import load_text
from portaswitch.model.actor import Actor
from portaswitch.store.database import Database
from portaswitch.store.hints import Hints
from portaswitch.store.secrets import Sealer
from tests.claims import claims
from tests.server.espf import Vendor
from tests.server.harness import STOP, WORLD, World, WorldCase
from tests.server.pools import until

_reactor: Any = reactor
USER, OTHER, TEXTS = "442079460001", "10086610975", "192.0.2.115"
EXCEEDED = "Account/Service/QuotaExceeded"
#: Domestic texts at 0.05: 100 by the product, 50 more by an add-on of one of the accounts.
ROWS = """
insert into services (i_service, i_env, name, i_service_type, base) select 115, 1, 'Texts', i_service_type, 'quantity' from service_types where name = 'Msg';
insert into tariffs (i_tariff, i_env, name, currency, i_service, price_per) values (115, 1, 'Texts', 'CAD', 115, 1);
insert into rates (i_tariff, i_dest, price_first, price_n) values (115, 102, 0.05, 0.05);
insert into nodes (i_node, i_env, name, nas_ip, i_service) values (115, 1, 'smsc', '192.0.2.115', 115);
insert into accessibility (i_product, i_service, i_tariff) values (101, 115, 115);
insert into vd_plans (i_vd_plan, i_env, name, currency) values (1, 1, 'Hundred', 'CAD'), (2, 1, 'Fifty', 'CAD');
insert into vd_dgs (i_vd_dg, i_vd_plan, i_service, kind, counted_in, exclusive) values (1, 1, 115, 'quota', 'units', true), (2, 2, 115, 'quota', 'units', true);
insert into vd_thresholds (i_vd_dg, threshold, discount, forbidden) values (1, 0, 100, false), (1, 100, 0, true), (2, 0, 100, false), (2, 50, 0, true);
update products set i_vd_plan = 1 where i_product = 101;
insert into products (i_product, i_env, name, currency, i_vd_plan, addon_priority) values (102, 1, 'More texts', 'CAD', 2, 10);
insert into account_addons (i_env, i_account, i_product) values (1, 102, 102);
"""


class QualutionTests(WorldCase):
    """A server with the roles of RADIUS and events, and Qualution, which the test plays."""

    async def _begin(self) -> None:
        self.vendor = Vendor()
        port = _reactor.listenTCP(0, Site(self.vendor), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        sender = f"{{class: EventSender, environment: 1, url: 'http://127.0.0.1:{port.getHost().port}/quota', allow_private: true}}"
        handlers = f"espf: {{handlers: {{qualution: {sender}}}}}\n"
        self.world = await World.made(WORLD + ROWS, roles="radius, jobs, espf", more=handlers)
        hints = Hints(_reactor, self.world.pool)
        self.addCleanup(hints.close)
        database = Database(_reactor, self.world.folder, "")
        database.pool, database.hints, database.sealer = self.world.pool, hints, Sealer.load(self.world.folder / "secret.key")
        evctl = Evctl(database, load_text(f"state_dir: {self.world.folder}\ndatabase: 'dbname=none'\n{handlers}"), Actor("test:root", 1))
        row = await evctl.find("qualution")
        await evctl.subscribe(row, row.events, False)
        await evctl.subscribe(row, [EXCEEDED], True)
        await evctl.enable(row, True)

    async def send(self, user: str, number: int, texts: int) -> None:
        """Texts to a domestic number, one report."""
        pairs = (
            ("NAS-IP-Address", TEXTS), ("User-Name", user), ("Called-Station-Id", "447700900123"), ("h323-conf-id", f"A5D3B74C 0 0 {number}"),
            ("h323-call-origin", "originate"), ("Acct-Status-Type", STOP), ("h323-ivr-out", f"Used-Service-Unit:{texts}"),
        )  # fmt: skip
        self.assertEqual((await self.world.exchange(self.world.packet("acct", pairs))).code, 5)

    @claims("qualution.1", "qualution.2", "qualution.3")
    async def test_after_the_last(self) -> None:
        """100 texts and 50 more: told after 150, at once, and not after 100; who has the 100 alone, by the same product, is told after those."""
        await self.send(USER, 1, 100)
        await self.send(USER, 2, 49)
        self.assertEqual((self.vendor.asked, await self.world.pool.query("select 1 from event_queue")), ([], []))
        await self.send(USER, 3, 1)
        await until(lambda: self.vendor.asked, "the first notice")
        await self.send(OTHER, 4, 99)
        await self.send(OTHER, 5, 1)
        await until(lambda: len(self.vendor.asked) == 2, "the second notice")
        told = [(body["event_type"], *[body["variables"][name] for name in ("i_account", "i_service", "i_vd_dg")]) for _, _, body in self.vendor.asked]
        self.assertEqual(told, [(EXCEEDED, "102", "115", "1"), (EXCEEDED, "101", "115", "1")])
        self.assertEqual(await self.world.pool.query("select sum(charged_amount) from xdr"), [(Decimal(0),)])
