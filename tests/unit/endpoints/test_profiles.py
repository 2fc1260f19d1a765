"""Node profiles: the shipped one, templates, and every fault at once."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.profiles import FACTS, SHIPPED, Profile, Unsayable, load, read_profile, shipped
from portaswitch.endpoints.radius_reply import PROFILES
from portaswitch.errors import ConfigError
from portaswitch.model.session_task import TaskKind
from portaswitch.wire.radius.codec import encode_pairs
from portaswitch.wire.radius.dictionary import Dictionary

GOOD = """
port: 1812
disconnect_port: 1700
session: {Acct-Session-Id: "{acct_session_id}", User-Name: "{user}"}
names_session: [Acct-Session-Id]
change:
  policy:
    Cisco-AVPair: ["subscriber:sub-qos-policy-in={value}", "subscriber:user={user}"]
  service: {Service-Type: "{value}"}
success: {coa: [503]}
"""
BAD = """
port: 0
sesion: {}
session: {Acct-Sesion-Id: "{acct_session_id}", User-Name: 7, Event-Timestamp: "1", Filter-Id: "{nobody} {"}
names_session: [Class]
change: {Speed: {Filter-Id: "{valu}"}}
success: {pod: [503], coa: [1]}
"""


class ProfileTests(SynchronousTestCase):
    """Reading and using profiles."""

    def good(self, text: str = GOOD) -> Profile:
        """The profile of this text."""
        profile, faults = read_profile("good", text, "good.yaml")
        self.assertEqual(faults, [])
        assert profile is not None
        return profile

    def test_shipped(self) -> None:
        """The generic profile: an Internet session, a voice call, and nothing that names a session."""
        generic = shipped()["generic"]
        node = {"nas_identifier": "bras", "nas_ip": "192.0.2.1", "user": "alice"}
        self.assertEqual(
            generic.identify({**node, "acct_session_id": "1", "subscriber_ip": "10.0.0.1"}),
            [("NAS-Identifier", "bras"), ("NAS-IP-Address", "192.0.2.1"), ("User-Name", "alice"), ("Acct-Session-Id", "1"), ("Framed-IP-Address", "10.0.0.1")],
        )
        six = generic.identify({"nas_ip": "2001:db8::1", "acct_session_id": "1"})
        self.assertEqual(six, [("NAS-IPv6-Address", "2001:db8::1"), ("Acct-Session-Id", "1")])
        self.assertEqual(len(encode_pairs(six, Dictionary.standard())), 18 + 3)
        call = generic.identify({"nas_identifier": "", "nas_ip": "192.0.2.1", "user": "alice", "h323_conf_id": "A B"})
        self.assertEqual(call[-1], ("h323-conf-id", "A B"))
        self.assertEqual(call[0][0], "NAS-IP-Address")
        self.assertIn("Acct-Session-Id, Framed-IP-Address, h323-conf-id", str(self.assertRaises(Unsayable, generic.identify, node)))
        self.assertEqual((generic.port_for(TaskKind.POD), generic.success), (None, {TaskKind.POD: {503}, TaskKind.COA: frozenset()}))
        self.assertLessEqual({"acct_session_id", "subscriber_ip", "call_id"}, FACTS)

    def test_voice(self) -> None:
        """The profiles of voice nodes name a call as they know it."""
        call = {"nas_ip": "192.0.2.1", "user": "alice", "h323_conf_id": "A B", "call_id": "c@sip"}
        self.assertEqual(shipped()["portaone"].identify(call)[-2:], [("h323-conf-id", "A B"), ("Cisco-AVPair", "call-id=c@sip")])
        self.assertEqual(shipped()["ivr"].identify(call)[-1], ("h323-conf-id", "A B"))
        self.assertLessEqual(set(PROFILES), set(shipped()))

    def test_folders(self) -> None:
        """Own profiles come beside the shipped ones; all faults of all folders are told at once, each by its file."""
        own = Path(self.mktemp())
        own.mkdir()
        (own / "example.yaml").write_text(GOOD)
        self.assertEqual(set(load(SHIPPED, own)), {*shipped(), "example"})
        (own / "generic.yaml").write_text(GOOD)
        (own / "Big.yaml").write_text(GOOD)
        (own / "latin.yaml").write_bytes(b"# \xe9")
        (own / "bad.yaml").write_text(BAD)
        faults = self.assertRaises(ConfigError, load, SHIPPED, own, own / "nowhere").faults
        wanted = "nowhere: no such folder", "generic.yaml is profile generic too", "Big.yaml: a profile is", "latin.yaml: can't be read", "bad.yaml: port"
        for text in wanted:
            self.assertTrue(any(text in fault for fault in faults), (text, faults))

    def test_words(self) -> None:
        """What a CoA says: several values, numbers and words of numbers; missing facts leave their attribute out."""
        good = self.good()
        self.assertEqual(
            good.words({"policy": "slow"}, {"user": "alice"}),
            [("Cisco-AVPair", "subscriber:sub-qos-policy-in=slow"), ("Cisco-AVPair", "subscriber:user=alice")],
        )
        self.assertEqual(good.words({"policy": "{user}"}, {}), [("Cisco-AVPair", "subscriber:sub-qos-policy-in={user}")])
        self.assertEqual(good.words({"service": 5}, {}), [("Service-Type", 5)])
        self.assertEqual(good.words({"service": "Outbound-User"}, {}), [("Service-Type", "Outbound-User")])
        self.assertIn("'fast' is none", str(self.assertRaises(Unsayable, good.words, {"service": "fast"}, {})))
        self.assertIn("no words for speed to a node; it knows policy, service", str(self.assertRaises(Unsayable, good.words, {"speed": 1}, {})))
        self.assertIn("no arguments", str(self.assertRaises(Unsayable, good.words, {}, {})))

    def test_accounting(self) -> None:
        """A collector's profile may know nothing else; what the server says itself is no word of it."""
        only = self.good('accounting: {User-Name: "{account}", Acct-Session-Time: "{session_time}"}\naccounting_port: 1646\n')
        self.assertEqual((only.copy({"account": "alice"}), only.accounting_port), ([("User-Name", "alice")], 1646))
        self.assertEqual(only.copy({"session_time": "61"}), [("Acct-Session-Time", 61)])
        self.assertIn("nothing is known", str(self.assertRaises(Unsayable, only.identify, {"acct_session_id": "1"})))
        self.assertIn("no words for copies", str(self.assertRaises(Unsayable, self.good().copy, {})))
        text = 'accounting: {Acct-Status-Type: "Start", Acct-Delay-Time: "0", User-Name: "{nobody}"}\naccounting_port: 0\nsession: {}\nnames_session: [Class]'
        _, faults = read_profile("x", text, "x.yaml")
        own = [f"accounting.{name}: the server makes" for name in ("Acct-Status-Type", "Acct-Delay-Time")]
        starts = ("accounting_port: 0", *own, "accounting.User-Name: unknown", "session: has")
        self.assertEqual([sum(fault.startswith(f"x.yaml: {start}") for fault in faults) for start in starts], [1] * 5, faults)
        self.assertEqual(read_profile("x", "accounting: {}", "x.yaml")[1], ["x.yaml: accounting: has to be a mapping of attributes to templates"])

    def test_ports_and_causes(self) -> None:
        """A Disconnect may have a port of its own; causes of success default to 503 for it."""
        good = self.good()
        self.assertEqual([good.port_for(kind) for kind in (TaskKind.COA, TaskKind.POD)], [1812, 1700])
        self.assertEqual(good.success, {TaskKind.POD: {503}, TaskKind.COA: {503}})

    def test_faults(self) -> None:
        """Each fault once, with its key."""
        profile, faults = read_profile("bad", BAD, "bad.yaml")
        self.assertIsNone(profile)
        for told in (
            "port: 0 is no", "sesion: unknown", "session.Acct-Sesion-Id: the dictionaries", "session.User-Name: 7 is no text",
            "session.Event-Timestamp: the server", "session.Filter-Id: unknown fact nobody", "session.Filter-Id: a brace",
            "names_session: Class is not", "change.Speed: an argument",
            "change.Speed.Filter-Id: unknown fact valu", "success.pod: unknown", "success.coa: has",
        ):  # fmt: skip
            self.assertEqual(len([fault for fault in faults if fault.startswith(f"bad.yaml: {told}")]), 1, (told, faults))
        self.assertEqual(len(faults), 12)

    def test_shapes(self) -> None:
        """Anything may stand in a file: a fault, never an exception."""
        for text in ("", "[]", "a: [", "7", "session: []", "{session: {User-Name: '{user}'}, names_session: [[1]], node: 1, change: 1, success: 1, port: x}"):
            profile, faults = read_profile("x", text, "x.yaml")
            self.assertIsNone(profile)
            self.assertNotEqual(faults, [], text)

    def test_folder(self) -> None:
        """The faults of all files at once; with none, each profile by the name of its file."""
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        (folder / "good.yaml").write_text(GOOD, "utf-8")
        self.assertEqual(list(load(folder)), ["good"])
        (folder / "bad.yaml").write_text(BAD, "utf-8")
        (folder / "worse.yaml").write_text("[]", "utf-8")
        self.assertEqual(len(self.assertRaises(ConfigError, load, folder).faults), 13)
