"""Provisioning by a whole server: from an operation to the vendor's wire."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol

from portaswitch.store.event_replay import Which
from tests.claims import claims
from tests.server.espf import EspfCase
from tests.server.pools import pause

_reactor: Any = reactor
HOMES = """
from portaswitch.handler import Http, HttpTarget, Option, State, StateHandler, url

class Homes(StateHandler):
    name = "Homes"
    description = "Keeps homes, version 1"
    events = ("Account/New", "Account/Blocked", "Account/Unblocked", "Account/Status/Closed", "Account/ID/Changed", "Account/ServiceAttribute/Changed",
              "Account/Product/Changed")
    options = (Option("url", url, "where it is"),)
    targets = {"": HttpTarget()}

    def wanted(self, subscriber):
        if subscriber.closed:
            return None
        return State({"login": (subscriber.id,)}, {"barred": subscriber.barred, "static": subscriber.attribute("netaccess_static_ip", "address")})

    def apply(self, wanted, record):
        for old in record.keys.get("login", ()):
            if old != wanted.key("login"):
                yield Http("DELETE", f"/homes/{old}")
        yield Http("PUT", f"/homes/{wanted.key('login')}", json=dict(wanted.values))

    def remove(self, record):
        for login in record.keys.get("login", ()):
            yield Http("DELETE", f"/homes/{login}")

homes = Homes()
"""
TELL = """
from portaswitch.handler import EventHandler, Http, HttpTarget, Option, url

class Tell(EventHandler):
    name = "Tell"
    description = "Tells every event"
    snapshot = False
    events = {events}
    options = (Option("url", url, "where it is"),)
    targets = {{"": HttpTarget()}}

    def steps(self, event, subscriber, record):
        yield Http("POST", "/" + event.type, json={{"i_event": event.i_event, **event.variables}})

tell = Tell()
"""
BROKEN = """
from portaswitch.handler import EventHandler, HttpTarget, Option, url

class Broken(EventHandler):
    name = "Broken"
    description = "Has no connection"
    events = ("Account/Blocked",)
    options = (Option("url", url, "where it is", secret=True),)
    targets = {"": HttpTarget()}
    def reach(self):
        raise ValueError(f"no port in 'hss' of {self.values['url']}")

    def steps(self, event, subscriber, record):
        return ()

broken = Broken()
"""
CARD = "10086610975"
EVENTS = (
    "Account/Blocked", "Account/Unblocked", "Account/Status/Suspend", "Account/ServiceAttribute/Changed", "Account/Product/Changed", "Account/New",
    "Customer/Blocked", "Account/CustomField/Changed",
)  # fmt: skip


class TellCase(EspfCase):
    """With a handler `tell` that tells its events."""

    async def tell(self, *events: str, sql: str = "") -> None:
        """Begin, with that handler subscribed."""
        await self.begin("", sql=sql)
        await self.server.stopService()
        self.write("tell.py", TELL.format(events=EVENTS))
        self.settings = self.configured("tell: {{class: Tell, environment: 1, url: 'http://127.0.0.1:{port}', parallel: 4}}")
        await self.start()
        await self.enable("tell", *events)

    def told(self) -> list[tuple[str, Any]]:
        """Event and variables, but for the numbers."""
        found = [(path[1:], {name: value for name, value in body.items() if name not in ("i_event", "i_env")}) for _, path, body in self.vendor.asked]
        self.vendor.asked.clear()
        return sorted(found, key=str)


class CoreTests(TellCase):
    """The framework."""

    @claims("espf-core.1", "espf-core.2", "espf-core.5")
    async def test_from_an_operation_to_the_wire(self) -> None:
        """An operation raises an event for the subscribed handler; the vendor gets it; its end is kept."""
        await self.tell("Account/Blocked")
        await self.operate("account.block", id=CARD)
        await self.until(lambda: self.vendor.asked)
        await self.quiet()
        await self.operate("account.unblock", id=CARD)
        await self.quiet()
        self.assertEqual(self.told(), [("Account/Blocked", {"i_account": "101"})])
        rows = await self.db.query("select event_type, entity, status, attempts from event_history")
        self.assertEqual(rows, [("Account/Blocked", "account:101", "done", 1)])

    @claims("espf-core.4")
    async def test_what_the_event_does_not_say(self) -> None:
        """The vendor is told what the account is when it is told, which no event says: the handler fetches it at delivery, not before."""
        await self.begin()
        await self.server.stopService()
        self.write("homes.py", HOMES)
        self.settings = self.configured("homes: {{class: Homes, environment: 1, url: 'http://127.0.0.1:{port}'}}")
        await self.start()
        await self.enable("homes", "Account/Blocked", "Account/Unblocked")
        await self.db.execute("update event_handlers set stopped = 'by the test' where name = 'homes'")
        await self.until(lambda: self.db.query("select 1 from event_handlers where name = 'homes' and worker is null").addCallback(bool))
        await self.operate("account.block", id=CARD)
        rows = await self.db.query("select variables ->> 'i_account', variables::text like %s from event_queue", (f"%{CARD}%",))
        self.assertEqual(rows, [("101", False)])
        await self.db.execute("update accounts set id = '447700900123' where i_account = 101")
        await self.evctl.enable(await self.evctl.find("homes"), True)
        await self.until(lambda: self.vendor.asked)
        self.assertEqual(self.vendor.asked, [("PUT", "/homes/447700900123", {"barred": True, "static": ""})])

    @claims("espf-core.6", "espf-core.8")
    async def test_failures(self) -> None:
        """A vendor that fails: tried again until it works; each attempt is in provisioning.log."""
        await self.tell("Account/Blocked")
        self.vendor.status = 503
        await self.operate("account.block", id=CARD)
        await self.until(lambda: self.vendor.asked)
        self.vendor.status = 200

        async def waits() -> bool:
            return bool(await self.db.query("select 1 from event_notifications where attempts = 1 and locked_until is null and last_error like '%503'"))

        await self.until(waits)
        await self.evctl.retry(Which([(await self.db.query("select i_event from event_queue"))[0][0]]), "")
        await self.quiet()
        self.assertEqual(len(self.vendor.asked), 2)
        log = self.folder / "log" / "provisioning.log"
        await self.until(lambda: log.exists() and len(log.read_text().splitlines()) == 2)
        self.assertIn('"result": "retry", "note": "the vendor answered http 503"', log.read_text())

    @claims("espf-core.3", "espf-core.7")
    async def test_several_handlers(self) -> None:
        """The same event goes to two instances of one class; it leaves the queue with the second one's end."""
        await self.begin("")
        await self.server.stopService()
        self.write("tell.py", TELL.format(events=EVENTS))
        instance = "{{class: Tell, environment: 1, url: 'http://127.0.0.1:{port}/%s'}}"
        self.settings = self.configured(f"one: {instance % 'one'}, two: {instance % 'two'}")
        await self.start()
        await self.enable("one", "Account/Blocked")
        two = await self.evctl.find("two")
        await self.evctl.subscribe(two, ["account/BLOCKED"], True)
        await self.db.execute("update event_handlers set enabled = true, stopped = 'by the test' where name = 'two'")
        await self.operate("account.block", id=CARD)
        await self.until(lambda: self.vendor.asked)
        await self.until(lambda: self.db.query("select 1 from event_history").addCallback(bool))
        self.assertEqual(await self.db.query("select count(*) from event_queue"), [(1,)])
        await self.evctl.enable(two, True)
        await self.quiet()
        self.assertEqual(sorted(path for _, path, _ in self.vendor.asked), ["/one/Account/Blocked", "/two/Account/Blocked"])
        self.assertEqual(await self.db.query("select count(*) from event_queue"), [(0,)])

    async def test_one_that_cannot_be_set_up(self) -> None:
        """A handler whose connections can't be made is stopped with the reason; those behind it run."""
        await self.begin("")
        await self.server.stopService()
        self.write("tell.py", TELL.format(events=EVENTS))
        self.write("broken.py", BROKEN)
        where = "environment: 1, url: 'http://127.0.0.1:{port}'"
        self.settings = self.configured(f"broken: {{{{class: Broken, {where}}}}}, tell: {{{{class: Tell, {where}}}}}")
        await self.start()
        await self.db.execute("update event_handlers set enabled = true where name = 'broken'")
        await self.enable("tell", "Account/Blocked")
        await self.operate("account.block", id=CARD)
        await self.until(lambda: self.vendor.asked)
        ((stopped,),) = await self.db.query("select stopped from event_handlers where name = 'broken'")
        self.assertEqual(stopped, "it can't be set up: ValueError: no port in 'hss' of ***")
        await self.until(lambda: (log := self.folder / "log" / "provisioning.log").exists() and stopped in log.read_text())

    @claims("espf-core.9")
    async def test_event_types_are_switched(self) -> None:
        """A type that is off raises nothing, whoever subscribes."""
        await self.tell("Account/Blocked", "Account/Unblocked")
        await self.evctl.switch(["account/blocked"], False)
        await self.operate("account.block", id=CARD)
        await self.operate("account.unblock", id=CARD)
        await self.until(lambda: self.vendor.asked)
        await self.quiet()
        self.assertEqual([name for name, _ in self.told()], ["Account/Unblocked"])


class DispatcherTests(TellCase):
    """What happens to a customer or product happens to its accounts."""

    @claims("espf-dispatchers.1")
    async def test_customer(self) -> None:
        """A customer's block reaches each of its accounts, aliases excepted; those of others hear nothing."""
        other = "insert into customers (i_customer, i_env, name, currency) values (900, 1, 'Other', 'CAD');" + (
            "insert into accounts (i_account, i_env, id, i_customer, billing_model, currency) values (900, 1, '900', 900, -1, 'CAD');"
            "insert into accounts (i_account, i_env, id, i_customer, i_master_account, billing_model, currency) values (901, 1, '901', 101, 101, 2, 'CAD');"
        )
        await self.tell("Account/Blocked", sql=other)
        await self.operate("customer.block", name="Retail")
        await self.until(lambda: len(self.vendor.asked) >= 2)
        await self.quiet()
        self.assertEqual(self.told(), [("Account/Blocked", {"i_account": "101"}), ("Account/Blocked", {"i_account": "102"})])

    async def test_pages(self) -> None:
        """A customer with more accounts than a page: each once, in several transactions."""
        accounts = (
            "insert into accounts (i_account, i_env, id, i_customer, billing_model, currency) "
            "select 10000 + n, 1, 'n' || n, 101, -1, 'CAD' from generate_series(1, 2500) n;"
        )
        await self.begin("", sql=accounts + "insert into event_handlers (i_handler, i_env, name, class, enabled) values (500, 1, 'nobody', 'Nobody', true);")
        await self.db.execute("insert into event_subscriptions values (500, 'Account/Blocked')")
        await self.operate("customer.block", name="Retail")

        async def all_told() -> bool:
            ((count,),) = await self.db.query("select count(distinct entity) from event_notifications where i_handler = 500")
            return bool(count == 2502)

        await self.until(all_told)
        await self.until(lambda: self.db.query("select 1 from event_history where event_type = 'Customer/Blocked' and status = 'done'").addCallback(bool))
        self.assertEqual(await self.db.query("select count(*) from event_notifications where i_handler = 500"), [(2502,)])

    @claims("espf-dispatchers.2")
    async def test_product(self) -> None:
        """A rating entry that comes to a product reaches the accounts that have it."""
        await self.tell("Account/Product/Changed")
        await self.db.execute("insert into tariffs (i_tariff, i_env, name, currency, i_service) values (777, 1, 'More', 'CAD', 103)")
        await self.db.execute("insert into accessibility (i_product, i_service, i_tariff, access_code) values (101, 103, 777, '9')")
        await self.until(lambda: len(self.vendor.asked) >= 2)
        await self.quiet()
        told = {"prev_product": "101", "curr_product": "101"}
        self.assertEqual(self.told(), [("Account/Product/Changed", {"i_account": str(number), **told}) for number in (101, 102)])

    @claims("espf-dispatchers.3")
    async def test_service_attribute(self) -> None:
        """An attribute of a customer's feature reaches the customer's accounts, one of an account that account."""
        await self.tell("Account/ServiceAttribute/Changed")
        await self.operate("account.feature.set", id=CARD, feature="call_barring", flag="Y", attributes="prefixes=900")
        await self.until(lambda: self.vendor.asked)
        told = {"feature_name": "call_barring", "attribute_name": "prefixes", "old_value": None}
        self.assertEqual(self.told(), [("Account/ServiceAttribute/Changed", {"i_account": "101", **told})])
        await self.operate("customer.feature.set", name="Retail", feature="call_barring", flag="Y", attributes="prefixes=976")
        await self.until(lambda: len(self.vendor.asked) >= 2)
        await self.quiet()
        self.assertEqual(self.told(), [("Account/ServiceAttribute/Changed", {"i_account": str(number), **told}) for number in (101, 102)])

    @claims("espf-filters.1", "espf-filters.2", "espf-filters.3")
    async def test_lte_filter(self) -> None:
        """With lte on, only the policy name, the PDN context and the static address raise events; with none, everything does."""
        await self.tell("Account/ServiceAttribute/Changed")
        dispatcher = await self.evctl.find("serviceattributedispatcher")
        await self.evctl.filter(dispatcher, "lte")
        (line,) = [line for line in await self.evctl.listing(True) if line.class_name == "ServiceAttributeDispatcher"]
        self.assertEqual(line.handler, "ServiceAttributeDispatcher lte")
        attributes = {
            "call_barring": "prefixes=900", "lte": "context_id=3", "netaccess_static_ip": "address=192.0.2.9", "netaccess_policy": "access_policy=Fast",
        }  # fmt: skip
        for feature, text in attributes.items():
            await self.operate("account.feature.set", id=CARD, feature=feature, flag="Y", attributes=text)
        await self.until(lambda: len(self.vendor.asked) >= 3)
        await self.quiet()
        self.assertEqual({told["feature_name"] for _, told in self.told()}, {"lte", "netaccess_static_ip", "netaccess_policy"})
        await self.evctl.filter(dispatcher, "none")
        await self.operate("account.feature.set", id=CARD, feature="call_barring", flag="Y", attributes="prefixes=901")
        await self.until(lambda: self.vendor.asked)
        self.assertEqual([told["feature_name"] for _, told in self.told()], ["call_barring"])


class DisconnectorTests(EspfCase):
    """SessionDisconnector."""

    @claims("session-disconnector.1")
    async def test_tasks(self) -> None:
        """Its events put a disconnect task into the queue for each live session at a node that can be told."""
        await self.begin()
        await self.db.execute("update nodes set coa_address = '127.0.0.1'")
        session = (
            "insert into sessions values ('101/{0}', 1, 'k', '', 1, 101, {1}, 101, 0, now() + interval '1 hour', 'o', now(), now(), 'Voice', '1', '2', "
            "'{{}}', '{{}}')"
        )
        for name, account in (("a", 101), ("b", 101), ("c", 102)):
            await self.db.execute(session.format(name, account))
        await self.enable("SessionDisconnector")
        await self.operate("account.change", id=CARD, product=None)

        await self.until(lambda: self.db.query("select 1 from session_tasks").addCallback(bool))
        rows = await self.db.query("select session_key, kind, i_account from session_tasks order by 1")
        self.assertEqual(rows, [("101/a", "pod", 101), ("101/b", "pod", 101)])


class TemplateTests(EspfCase):
    """The handlers that others are made from."""

    @claims("handler-templates.1")
    async def test_demo_handler(self) -> None:
        """It works as it is, with the options that it declares."""
        await self.begin("demo: {{class: DemoHandler, environment: 1, url: 'http://127.0.0.1:{port}', token: t}}")
        await self.enable("demo", "Account/Blocked")
        await self.operate("account.block", id=CARD)
        await self.until(lambda: self.vendor.asked)
        ((method, path, told),) = self.vendor.asked
        self.assertEqual((method, path, told["event"]), ("POST", "/events", "Account/Blocked"))
        self.assertEqual(told["account"], {"id": CARD, "product": "PrepaidCard", "barred": False})

    @claims("handler-templates.2")
    async def test_sokoban_log(self) -> None:
        """Every event with its data is in provisioning.log; a password is a reference there."""
        await self.begin("log: {{class: 'Sokoban::Log', environment: 1}}")
        await self.enable("log")
        await self.operate("account.change", id=CARD, password="sesame-open-1")
        await self.operate("account.block", id=CARD)
        path = self.folder / "log" / "provisioning.log"
        await self.until(lambda: path.exists() and "Account/Blocked" in path.read_text())
        notes = [json.loads(note) for line in path.read_text().splitlines() for note in json.loads(line).get("notes", ())]
        self.assertIn({"type": "Account/Blocked", "entity": "account:101", "variables": {"i_env": "1", "i_account": "101"}}, notes)
        self.assertIn("Account/ServicePassword/Changed", [note["type"] for note in notes])
        self.assertNotIn("sesame", path.read_text())

    @claims("sip-forwarder.1")
    async def test_sip_forwarder(self) -> None:
        """The SBC is told where an account lives, and where it lives no longer."""
        await self.begin("sbc: {{class: SIPForwarder, environment: 1, url: 'http://127.0.0.1:{port}', token: t, system: new, other: old}}")
        await self.enable("sbc")
        await self.operate("account.change", id=CARD, rename="10086610976")
        await self.until(lambda: len(self.vendor.asked) == 2)
        await self.db.execute("update accounts set bill_status = 'E' where i_account = 101")
        await self.until(lambda: len(self.vendor.asked) == 3)
        location = {"i_env": 1, "kind": "account"}
        self.assertEqual(self.vendor.asked, [
            ("DELETE", f"/locations/{CARD}", None), ("PUT", "/locations/10086610976", {"system": "new", **location}),
            ("PUT", "/locations/10086610976", {"system": "old", **location}),
        ])  # fmt: skip


class NeighbourTests(EspfCase):
    """Handlers do not wait for each other."""

    async def test_a_dead_vendor_delays_nobody_else(self) -> None:
        """One vendor refuses connections, another one never answers: a third one gets its event as ever, and nothing of the others is lost."""
        await self.begin("")
        await self.server.stopService()
        factory = Silent()
        silent = _reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(silent.stopListening)
        self.write("tell.py", TELL.format(events=EVENTS))
        instance = "{{class: Tell, environment: 1, url: 'http://127.0.0.1:%s', parallel: 2, seconds: 30}}"
        names = {"refusing": 1, "silent": silent.getHost().port, "alive": self.port}
        self.settings = self.configured(", ".join(f"{name}: {instance % port}" for name, port in names.items()))
        await self.start()
        for name in names:
            await self.enable(name, "Account/Blocked")
        for _ in range(20):
            await self.operate("account.block", id=CARD)
            await self.operate("account.unblock", id=CARD)
        await self.until(lambda: len(self.vendor.asked) == 20)
        count = "select h.name, count(*) from event_notifications n join event_handlers h using (i_handler) where h.name {} group by 1 order by 1"
        await self.until(lambda: self.db.query(count.format("= 'alive'")).addCallback(lambda rows: not rows))
        self.assertEqual(await self.db.query(count.format("<> 'alive'")), [("refusing", 20), ("silent", 20)])
        self.assertEqual(len(factory.open), 1)  # one entity: one at a time
        await self.evctl.enable(await self.evctl.find("silent"), False)
        await self.until(lambda: self.db.query("select 1 from event_handlers where name = 'silent' and worker is null").addCallback(bool))
        for connection in factory.open:
            connection.abortConnection()
        await pause(0.05)


class Silent(Factory):
    """Takes connections and says nothing."""

    protocol = Protocol

    def __init__(self) -> None:
        self.open: list[Any] = []

    def buildProtocol(self, addr: Any) -> Any:
        """Keeps each."""
        made: Any = super().buildProtocol(addr)
        made.connectionMade = lambda: self.open.append(made.transport)
        return made
