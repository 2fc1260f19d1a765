"""Access policies, pools and static addresses through `load`, in the database and in the compiled catalogue."""

from __future__ import annotations

from twisted.internet import reactor

from portaswitch.errors import ConfigError
from portaswitch.model.access_policy import LevelName, Speed
from portaswitch.model.catalogue import Catalogue
from portaswitch.model.loading import Count, Section
from portaswitch.store.catalogue import CatalogueStore
from tests.server.loads import LoadTestCase

STATIC = "select value, revision from service_attribute_values v join accounts a using (i_account) where a.id = 'user1@demo.example'"


class AccessLoadTests(LoadTestCase):
    """The demo's own, and changes of them."""

    async def compiled(self) -> Catalogue:
        """What the server would read."""
        store = CatalogueStore(self.pool, reactor, self.sealer.open)
        await store.reload()
        return store.current()

    async def test_the_demo_compiles(self) -> None:
        """The policy with its levels and phases in their order, the product's, the node's pool."""
        await self.demo()
        current = await self.compiled()
        (policy,) = current.access_policies.values()
        self.assertEqual((policy.name, policy.interim, policy.idle_timeout), ("Home Internet", 600, 3600))
        self.assertEqual(policy.speeds[LevelName.REGULAR], Speed(2_000_000, 20_000_000))
        self.assertEqual([(phase.name, phase.period.text, phase.level) for phase in policy.phases],
                         [("Nights", "hr{1am-5am}", "turbo"), ("Weekends", "wd{sa su}", "turbo")])  # fmt: skip
        self.assertEqual({product.i_access_policy for product in current.products.values() if product.name == "Office"}, {policy.i_access_policy})
        pools = {node.name: node.i_ip_pool for node in current.nodes.values() if node.i_ip_pool}
        self.assertEqual(pools, {"Demo BRAS": self.one("select i_ip_pool from ip_pools")})
        self.assertEqual(self.one("select ip_pool_address(ranges, 65534)::text from ip_pools"), "10.21.0.10/32")
        self.assertIsNone(self.one("select ip_pool_address(ranges, 65534 + 90)::text from ip_pools"))

    async def test_static_addresses(self) -> None:
        """Changed and taken away; the account's revision rises, so that no decision is made on what is remembered."""
        await self.demo()
        ((value, before),) = self.ask(STATIC)
        self.assertEqual(value, ["192.0.2.201"])
        done = await self.text('accounts: {"user1@demo.example": {static_ip: 192.0.2.202}}\n')
        self.assertEqual(done.counts[Section.STATIC_ADDRESSES], Count(0, 1, 0))
        ((value, changed),) = self.ask(STATIC)
        self.assertEqual(value, ["192.0.2.202"])
        self.assertGreater(changed, before)
        await self.text('accounts: {"user1@demo.example": {static_ip: null}}\n')
        ((value, gone),) = self.ask(STATIC)
        self.assertEqual(value, [])
        self.assertGreater(gone, changed)

    async def test_collectors(self) -> None:
        """A node and its collector in one file, whichever stands first; the catalogue knows whom to tell; null takes it away."""
        await self.demo()
        text = "nodes: {Demo BRAS: {accounting_copy: SPB}, Another: {nas_ip: 192.0.2.77, accounting_copy: SPB}, "
        text += "SPB: {nas_ip: 192.0.2.9, coa_address: 127.0.0.1}}\n"
        self.assertEqual((await self.text(text)).counts[Section.NODES], Count(2, 1, 0))
        self.assertEqual((await self.text(text)).counts[Section.NODES], Count(0, 0, 3))
        current = await self.compiled()
        named = {node.name: node.i_node for node in current.nodes.values()}
        self.assertEqual(current.collectors, {named["Demo BRAS"]: named["SPB"], named["Another"]: named["SPB"]})
        with self.assertRaises(ConfigError) as caught:
            await self.text("nodes: {SPB: {accounting_copy: Another}}\n")
        self.assertIn("Another has a collector itself", str(caught.exception))
        await self.text("nodes: {Demo BRAS: {accounting_copy: null}, Another: {accounting_copy: null}}\n")
        self.assertEqual((await self.compiled()).collectors, {})

    async def test_attributes(self) -> None:
        """Known by their place: a changed one is changed, several of one name stand beside each other."""
        await self.demo()
        text = "access_policies: {Home Internet: {attributes: [{group: lte, name: qci, value: '%s'}, {group: lte, name: qci, operator: '+=', value: x}]}}\n"
        await self.text(text % 8)
        done = await self.text(text % 9)
        self.assertEqual(done.counts[Section.ATTRIBUTES], Count(0, 1, 1))
        (policy,) = (await self.compiled()).access_policies.values()
        self.assertEqual([(item.level, item.group, item.name, item.operator, item.value) for item in policy.attributes],
                         [(None, "lte", "qci", "=", "9"), (None, "lte", "qci", "+=", "x")])  # fmt: skip

    async def test_a_wrong_period_in_the_database(self) -> None:
        """Written beside the loader: the phase is left out, everything else is compiled."""
        await self.demo()
        self.ask("update access_policy_phases set period = 'hr{25}' where name = 'Nights'")
        (policy,) = (await self.compiled()).access_policies.values()
        self.assertEqual([phase.name for phase in policy.phases], ["Weekends"])
