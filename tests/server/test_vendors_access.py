"""
Access, numbers, applications and television with private interfaces, against simulators of the shipped proposal: each step twice, there and back.

As in `test_vendors_mobile`, they show what the handler brings a system with the vendor's laws to, not that a vendor takes these requests.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet import reactor as installed

from portaswitch.espf.driver import Drive
from portaswitch.espf.verdicts import Ended
from portaswitch.handler import NO_RECORD, AssignCustomField, Condition, Device, Event, FanOut, Party, Sim, Subscriber
from portaswitch.model.notification import Verdict
from tests.claims import claims
from tests.server.database import fresh_database
from tests.server.pools import PoolTestCase
from tests.server.test_vendors_mobile import PrivateCase
from tests.server.vendors import BARRED, CLOSED, FIRST, LINE, NEW, NOW, OLD, SECOND, Course, VendorCase
from tests.simulators.ecconnect import ECConnect
from tests.simulators.private_access import AUDIOCODES, BRIDGEWATER, JSON_TV, LIMA, NBBS, NETNUMBER, READYWIRELESS, XML_TV
from tests.simulators.template import TemplateSimulator

reactor: Any = installed
RENUMBERED, GONE = replace(LINE, id=NEW), replace(LINE, conditions=CLOSED)
NO_FUNDS = replace(LINE, conditions=frozenset({Condition.NO_FUNDS}))
MODEM = Device(3, "cpe", 1, "M1", "S-1", "001122334455", profile="home")
OTHER_MODEM = Device(4, "cpe", 1, "M1", "S-2", "001122334466", profile="home")


class NumberTests(PrivateCase):
    """Systems that know numbers."""

    @claims("netnumber.1")
    async def test_netnumber(self) -> None:
        """A number comes, is another one, goes; an account with a name is none."""
        numbers = await self.private("NetNumber", NETNUMBER)
        steps: Course = ((LINE, {OLD}), (RENUMBERED, {NEW}), (replace(LINE, id="ann@example.com"), set()), (LINE, {OLD}), (GONE, set()))
        await self.assert_there_and_back(lambda: set(numbers.records), steps)

    @claims("lima.1")
    async def test_lima(self) -> None:
        """Company or user, number and where calls go."""
        lima = await self.private("LIMADispatcher", LIMA)

        def seen() -> Any:
            return {number: (one["name"], one["follow"]) for number, one in lima.records.items()}

        company, person = replace(LINE, owner=Party("Acme & Co", "Ann", "Other")), replace(LINE, owner=Party(first_name="Ann", last_name="Other"))
        follows = replace(person, follow_me=("447700900150", "447700900151"))
        steps: Course = (
            (company, {OLD: ("Acme & Co", "")}), (person, {OLD: ("Ann Other", "")}), (follows, {OLD: ("Ann Other", "447700900150 447700900151")}),
            (replace(follows, id=NEW), {NEW: ("Ann Other", "447700900150 447700900151")}), (GONE, {}),
        )  # fmt: skip
        await self.assert_there_and_back(seen, steps)


class AccessTests(PrivateCase):
    """WiMAX and managed devices."""

    @claims("bridgewater.3", "bridgewater.6", "bridgewater.8")
    async def test_bridgewater(self) -> None:
        """A user with names, number, class and product as profile, until the account is closed."""
        bridgewater = await self.private("Bridgewater", BRIDGEWATER)

        def seen() -> Any:
            fields = ("profile", "organization", "person", "phone", "class", "mac")
            return {user: tuple(one.get(name, "") for name in fields) for user, one in bridgewater.records.items()}

        line = replace(LINE, owner=Party("Acme <Ltd>"), customer_custom_fields={"customer_class": "business"}, devices=(MODEM,))
        told = ("gold", "Acme <Ltd>", "Ann O'Neil & Söhne", "447700900199", "business", MODEM.mac)
        steps: Course = (
            (line, {OLD: told}), (replace(line, product="silver"), {OLD: ("silver", *told[1:])}), (replace(line, devices=()), {OLD: (*told[:-1], "")}),
            (replace(line, id=NEW), {NEW: told}), (replace(line, conditions=CLOSED), {}),
        )  # fmt: skip
        await self.assert_there_and_back(seen, steps)

    @claims("bridgewater.4", "bridgewater.5", "bridgewater.7")
    async def test_bridgewater_status(self) -> None:
        """Suspension and lack of money block; the gateway asks the vendor, who knows it."""
        bridgewater = await self.private("Bridgewater", BRIDGEWATER)
        suspended = replace(LINE, conditions=frozenset({Condition.SUSPENDED}))
        steps: Course = ((LINE, ["active"]), (suspended, ["blocked"]), (LINE, ["active"]), (NO_FUNDS, ["blocked"]), (GONE, []))
        await self.assert_there_and_back(lambda: [one["status"] for one in bridgewater.records.values()], steps)

    @claims("nbbs.2")
    async def test_nbbs(self) -> None:
        """A device is bound to its account and enabled while there is money; one that goes stays in the inventory."""
        nbbs = await self.private("NBBS", NBBS)

        def seen() -> Any:
            return {mac: (one["subscriber"], one["enabled"]) for mac, one in nbbs.records.items() if one["subscriber"]}

        on = {MODEM.mac: (OLD, "true")}
        steps: Course = (
            (replace(LINE, devices=(MODEM,)), on), (replace(NO_FUNDS, devices=(MODEM,)), {MODEM.mac: (OLD, "false")}), (replace(LINE, devices=(MODEM,)), on),
            (replace(LINE, devices=(OTHER_MODEM,)), {OTHER_MODEM.mac: (OLD, "true")}), (LINE, {}),
        )  # fmt: skip
        await self.assert_there_and_back(seen, steps)
        self.assertEqual(set(nbbs.records), {MODEM.mac, OTHER_MODEM.mac})

    async def test_nbbs_devices(self) -> None:
        """Each of an account's devices is bound, whichever comes and goes."""
        nbbs = await self.private("NBBS", NBBS)
        second_port = replace(MODEM, port=2)
        steps = [
            (replace(LINE, devices=devices), {device.mac for device in devices})
            for devices in ((MODEM,), (MODEM, OTHER_MODEM), (MODEM, second_port, OTHER_MODEM), (second_port, OTHER_MODEM), (OTHER_MODEM,), ())
        ]
        await self.assert_there_and_back(lambda: {mac for mac, one in nbbs.records.items() if one["subscriber"] == OLD}, steps)

    async def test_nbbs_profile(self) -> None:
        """A profile that is told once more, since its answer was lost, is there already: that is no fault."""
        strict = {**NBBS, "operations": {**NBBS["operations"], "profile": {**NBBS["operations"]["profile"], "effect": "create"}}}
        nbbs = await self.private("NBBS", strict)
        for _ in range(2):
            await self.happen(Event(1, "IPDeviceProfile/New", "ua_profile:5", {}, NOW, 1), None)
        self.assertEqual(set(nbbs.records), {"5"})

    @claims("readywireless.1")
    async def test_readywireless(self) -> None:
        """What happened is one request each, by phone number and IMEI; a customer's suspension is one of each account."""
        ready = await self.private("ReadyWireless", READYWIRELESS)
        phone = replace(LINE, custom_fields={"imei": "490154203237518"})
        seen = []
        for type in ("Customer/Status/Unsuspend", "Account/Service/Netaccess/QuotaExceeded", "Account/Service/QuotaAvailable", "Customer/Status/Suspend"):
            for _ in range(2):
                await self.happen(Event(1, type, "account:7", {}, NOW, 1), phone)
            (one,) = ready.records.values()
            seen.append((one["phone"], one["imei"], one["service"], one["state"]))
        device = OLD, "490154203237518"
        self.assertEqual(seen, [(*device, "all", "active"), (*device, "data", "restricted"), (*device, "all", "active"), (*device, "all", "inactive")])
        (effect,) = await self.happen(Event(1, "Customer/Status/Suspend", "customer:3", {}, NOW, 1), None)
        self.assertEqual(effect, FanOut("Customer/Status/Suspend", "customer:3", receivers="self"))

    async def test_readywireless_refuses(self) -> None:
        """The options `success` and `faults` say what an answer means, whatever its status."""
        event = Event(1, "Account/Service/QuotaExceeded", "account:7", {}, NOW, 1)
        phone = replace(LINE, custom_fields={"imei": "490154203237518"})
        for options, verdict in (({"success": "OK"}, Verdict.PARKED), ({"faults": {"busy": "^$"}}, Verdict.RETRY)):
            await self.private("ReadyWireless", READYWIRELESS, **options)
            with self.assertRaises(Ended) as ended:
                await self.happen(event, phone)
            self.assertIs(ended.exception.verdict, verdict)

    async def happen(self, event: Event, subscriber: Subscriber | None) -> list[Any]:
        """One event by the driver; its effects."""
        drive = Drive(self.wires)
        await drive.run(lambda: self.handler.steps(event, subscriber, NO_RECORD))
        return drive.effects


class ApplicationTests(PrivateCase):
    """Users of the mobile application."""

    @claims("audiocodes.1", "audiocodes.3", "audiocodes.5")
    async def test_audiocodes(self) -> None:
        """A user with all its parameters, and changes of them; profile and domain of custom fields, the customer's too."""
        cmms = await self.private("AudioCodes", AUDIOCODES)

        def seen() -> Any:
            return {user: tuple(one[name] for name in ("password", "imei", "imsi", "profile", "domain", "blocked")) for user, one in cmms.records.items()}

        line = replace(LINE, custom_fields={"imei": "490154203237518", "profileName": "ott"}, customer_custom_fields={"domain": "a.example.com"})
        told = ("made up word", "490154203237518", FIRST.imsi, "ott", "a.example.com", "false")
        steps: Course = (
            (line, {OLD: told}), (replace(line, password="another one"), {OLD: ("another one", *told[1:])}),
            (replace(line, conditions=BARRED), {OLD: (*told[:-1], "true")}), (replace(line, id=NEW), {NEW: told}), (replace(line, conditions=CLOSED), {}),
        )  # fmt: skip
        await self.assert_there_and_back(seen, steps)

    @claims("audiocodes.6", "audiocodes.7")
    async def test_messaging(self) -> None:
        """A wallet that is empty suspends messaging, not the user; a top-up resumes it."""
        cmms = await self.private("AudioCodes", AUDIOCODES)
        empty = replace(LINE, conditions=frozenset({Condition.QUOTA_EXCEEDED}))
        steps: Course = ((LINE, [("on", "false")]), (empty, [("off", "false")]), (LINE, [("on", "false")]))
        await self.assert_there_and_back(lambda: [(one["messaging"], one["blocked"]) for one in cmms.records.values()], steps)
        self.assertEqual(cmms.operations.count("suspend"), 4)


class TelevisionTests(PrivateCase):
    """Platforms whose interfaces are private."""

    async def platform(self, name: str) -> TemplateSimulator:
        """A platform, by name."""
        return await self.private("IPTV", XML_TV if name in ("minerva", "matrixstream") else JSON_TV, platform=name)

    @staticmethod
    def viewers(simulator: TemplateSimulator) -> Any:
        """Who is there: on or off, and the packages."""
        return {login: (one["status"], set(simulator.members[login])) for login, one in simulator.records.items()}

    async def assert_television(self, name: str) -> None:
        """On with its packages; off and kept when it is barred or has no such product; deleted when it is closed."""
        platform = await self.platform(name)
        on, off = {OLD: ("1", {"sports"})}, {OLD: ("0", {"sports"})}
        more = replace(LINE, attributes={"iptv": {"channel_package": ("kids", "HD")}})
        steps: Course = (
            (LINE, on), (replace(LINE, conditions=BARRED), off), (LINE, on), (more, {OLD: ("1", {"kids", "HD"})}),
            (replace(LINE, features=frozenset()), {OLD: ("0", set())}), (GONE, {}),
        )  # fmt: skip
        await self.assert_there_and_back(lambda: self.viewers(platform), steps[:4])
        for snapshot, state in steps[3:]:
            await self.bring(snapshot)
            self.assertEqual(self.viewers(platform), state)

    @claims("minerva.1", "minerva.2", "minerva.3")
    async def test_minerva(self) -> None:
        """A new account, one that is unblocked, and one whose product gets IPTV, are activated."""
        platform = await self.platform("minerva")
        steps: Course = ((LINE, {OLD: ("1", {"sports"})}), (replace(LINE, conditions=BARRED), {OLD: ("0", {"sports"})}), (LINE, {OLD: ("1", {"sports"})}),
                 (replace(LINE, features=frozenset()), {OLD: ("0", set())}), (LINE, {OLD: ("1", {"sports"})}))  # fmt: skip
        for snapshot, state in steps:
            await self.bring(snapshot)
            self.assertEqual(self.viewers(platform), state)

    @claims("minerva.4", "minerva.5", "minerva.6")
    async def test_minerva_life(self) -> None:
        """One customer there for one account here: disabled and kept, then deleted."""
        await self.assert_television("minerva")

    @claims("matrixstream.1", "matrixstream.2", "matrixstream.3")
    async def test_matrixstream(self) -> None:
        """Channels by XML, for new accounts, unblocked ones, and ones whose product changes."""
        await self.assert_television("matrixstream")

    @claims("matrixstream.4", "matrixstream.5", "matrixstream.6")
    async def test_matrixstream_off(self) -> None:
        """Disabled and kept while it is blocked or without the product; deleted at the end."""
        platform = await self.platform("matrixstream")
        steps: Course = ((LINE, {OLD: ("1", {"sports"})}), (replace(LINE, conditions=BARRED), {OLD: ("0", {"sports"})}),
                 (replace(LINE, features=frozenset(), conditions=BARRED), {OLD: ("0", set())}), (GONE, {}))  # fmt: skip
        for snapshot, state in steps:
            await self.bring(snapshot)
            self.assertEqual(self.viewers(platform), state)

    @claims("telebreeze.1", "telebreeze.2", "telebreeze.6")
    async def test_telebreeze(self) -> None:
        """A customer with its packages, those of add-ons too, until the account is closed."""
        await self.assert_television("telebreeze")

    @claims("telebreeze.4", "telebreeze.7", "telebreeze.9")
    async def test_telebreeze_identity(self) -> None:
        """Names, and device or password of custom fields, are passed on; another id is refused with what to do about it, and nothing is changed there."""
        platform = await self.platform("telebreeze")
        line = replace(LINE, custom_fields={"device_id": "D-7", "iptv_password": "a viewer's"})
        for snapshot, told in ((line, "Ann O'Neil & Söhne"), (replace(line, person=Party(first_name="Bea")), "Bea")):
            await self.bring(snapshot)
            one = platform.records[OLD]
            self.assertEqual((one["person"], one["device"], one["password"]), (told, "D-7", "a viewer's"))
        with self.assertRaises(Ended) as refused:
            await self.bring(replace(line, id=NEW))
        self.assertIn("give the account its old id", str(refused.exception))
        self.assertEqual(set(platform.records), {OLD})

    @claims("telebreeze.5", "minerva.7")
    async def test_service_goes_on(self) -> None:
        """Service while there is money and the product has it, on one platform; packages of channels and of extras that another one has defined."""
        telebreeze = await self.platform("telebreeze")
        on, off = {OLD: ("1", {"sports"})}, {OLD: ("0", {"sports"})}
        steps: Course = ((LINE, on), (NO_FUNDS, off), (LINE, on), (replace(LINE, features=frozenset()), {OLD: ("0", set())}), (LINE, on))
        await self.assert_there_and_back(lambda: self.viewers(telebreeze), steps)
        minerva = await self.platform("minerva")
        extras = {"VOD catalogue", "WHDVR", "Caller ID"}
        minerva.known["item"] |= extras
        whole = replace(LINE, attributes={"iptv": {"channel_package": ("sports", *sorted(extras))}})
        courses: Course = ((LINE, on), (whole, {OLD: ("1", {"sports", *extras})}), (replace(whole, conditions=BARRED), {OLD: ("0", {"sports", *extras})}))
        await self.assert_there_and_back(lambda: self.viewers(minerva), courses)

    @claims("seachange.1")
    async def test_seachange(self) -> None:
        """The same, by the requests of this platform."""
        await self.assert_television("seachange")


class PortalTests(VendorCase):
    """ECConnect, which gives ids."""

    async def portal(self) -> ECConnect:
        """The portal."""
        portal = ECConnect(reactor)
        await self.start("ECConnect", portal, url="http://127.0.0.1:{port}")
        self.fields: dict[str, str] = {}
        return portal

    async def told(self, subscriber: Subscriber) -> None:
        """A snapshot that has the custom fields that the portal has given so far."""
        await self.bring(replace(subscriber, custom_fields={**subscriber.custom_fields, **self.fields}))
        for effect in self.effects:
            if isinstance(effect, AssignCustomField):
                self.fields[effect.name] = effect.value

    @claims("ecconnect.1", "ecconnect.2", "ecconnect.3")
    async def test_ids(self) -> None:
        """The first activation gives ids, which are kept and go with all that follows; one whose answer was lost is not made twice."""
        portal = await self.portal()
        await self.told(LINE)
        self.assertEqual(self.fields, {"clientid": "C1", "phoneid": "P1"})
        await self.told(replace(LINE, product="silver"))
        (phone,) = portal.phones.values()
        self.assertEqual((phone["phoneid"], phone["msisdn"], phone["iccid"], phone["ratePlan"]), ("P1", OLD, FIRST.iccid, "silver"))
        await self.told(replace(LINE, product="silver", conditions=CLOSED))
        self.assertEqual(portal.phones, {})

    async def test_closed_at_once(self) -> None:
        """An account that is closed before anything else happens to it leaves no phone behind."""
        portal = await self.portal()
        await self.bring(LINE)
        await self.bring(GONE)
        self.assertEqual(portal.phones, {})

    @claims("ecconnect.4", "ecconnect.5", "ecconnect.6")
    async def test_life(self) -> None:
        """No money and suspension stop the service; number, card and plan change in place, without stopping it."""
        portal = await self.portal()
        await self.told(LINE)

        def seen() -> Any:
            return [(one["msisdn"], one["iccid"], one["ratePlan"], one["status"]) for one in portal.phones.values()]

        def state(number: str, sim: Sim, plan: str = "gold", status: str = "active") -> Any:
            return [(number, sim.iccid, plan, status)]

        swapped = replace(LINE, sim=SECOND)
        steps: Course = (
            (LINE, state(OLD, FIRST)), (NO_FUNDS, state(OLD, FIRST, status="suspended")), (LINE, state(OLD, FIRST)), (swapped, state(OLD, SECOND)),
            (replace(swapped, id=NEW), state(NEW, SECOND)), (replace(swapped, id=NEW, product="silver"), state(NEW, SECOND, "silver")),
        )  # fmt: skip
        for snapshot, wanted in (*steps, *reversed(steps)):
            await self.told(snapshot)
            self.assertEqual(seen(), wanted)
        self.assertNotIn("delete", portal.operations)
        stopped = [asked.fields["status"] for asked in portal.asked if asked.fields["iccid"] == SECOND.iccid]
        self.assertEqual(set(stopped), {"active"})

    @claims("ecconnect.8", "ecconnect.10")
    async def test_location(self) -> None:
        """At sea and in the air data is barred, calls and texts are not; another location frees it."""
        portal = await self.portal()
        await self.told(LINE)
        for place, bar in (("AEROSPACE", "on"), ("GB", "off"), ("MARITIME", "on"), ("", "off")):
            await self.told(replace(LINE, custom_fields={"location": place}))
            (phone,) = portal.phones.values()
            self.assertEqual((phone["dataBar"], phone["status"]), (bar, "active"), place)


class DatabaseTests(VendorCase, PoolTestCase):
    """CLDB, which is a table of somebody's PostgreSQL."""

    timeout = 180
    TABLE = "create table cldb (account text primary key, mac text unique, status text, product text, upload text, download text)"

    @claims("cldb.1")
    async def test_cldb(self) -> None:
        """A row for each account with a device: status, product, speed and device as they change; a moved device is one row's."""
        dsn = await fresh_database()
        pool = await self.pool(dsn)
        await pool.execute(self.TABLE)
        await self.begin("CLDB", database=dsn)
        line = replace(LINE, devices=(MODEM,))
        row = (OLD, MODEM.mac, "active", "gold", "1000000", "20000000")
        steps: Course = (
            (line, [row]), (replace(line, conditions=BARRED), [(*row[:2], "blocked", *row[3:])]),
            (replace(line, product="silver", policy=None), [(*row[:3], "silver", None, None)]),
            (replace(line, devices=(OTHER_MODEM,)), [(OLD, OTHER_MODEM.mac, *row[2:])]), (replace(line, id=NEW), [(NEW, *row[1:])]),
            (LINE, []), (replace(line, conditions=CLOSED), []),
        )  # fmt: skip
        for snapshot, rows in (*steps, *reversed(steps)):
            await self.bring(snapshot)
            self.assertEqual(await pool.query("select account, mac, status, product, upload, download from cldb order by 1"), rows)

    async def test_refused(self) -> None:
        """What says nothing of the statement is tried again: a deadlock, a lock that is held, a time-out; what refuses it waits for a person."""
        dsn = await fresh_database()
        pool = await self.pool(dsn)
        fail = "begin raise exception 'no' using errcode = code; end"
        await pool.execute(f"create function fail(code text) returns void language plpgsql as $$ {fail} $$")
        for code, verdict in (
            ("40001", Verdict.RETRY), ("40P01", Verdict.RETRY), ("55P03", Verdict.RETRY), ("57014", Verdict.RETRY), ("53300", Verdict.RETRY),
            ("23505", Verdict.PARKED), ("42501", Verdict.PARKED), ("22001", Verdict.PARKED),
        ):  # fmt: skip
            await self.begin("CLDB", database=dsn, upsert=f"select fail('{code}'), %(account)s")
            with self.assertRaises(Ended) as ended:
                await self.bring(replace(LINE, devices=(MODEM,)))
            self.assertIs(ended.exception.verdict, verdict, code)
