"""The whole configuration: every fault at once, rules about several values, and the shipped file."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.config import Settings, check, load
from portaswitch.config.grammar import Group, MappingOf, Node, Section, declared, read_tree
from portaswitch.config.kinds import Rest
from portaswitch.config.settings import load_text
from portaswitch.errors import ConfigError

SHIPPED = Path(__file__).parents[3] / "config" / "portaswitch.yaml"

TWELVE = """\
state_dir: var
database: "hots=db password=s3cr3t"
roles: [radius, smpp]
reuse_port: perhaps
radius:
  interface: localhost
  auth_port: 70000
  acctport: 1813
  duplicate_window: 2m
  reject_delay: 1s
  reject_delay: 2s
sip: {listen: ["udp:5060:interface=127.0.0.1", "tls:5061"]}
espf:
  handlers:
    calix: {class: Calix}
  alert_recipient: ops
limits:
  batch: &many 64
  statement_timeout: 3s
"""


def faults(text: str) -> list[str]:
    """The faults of this text, without the file's name."""
    try:
        load_text(textwrap.dedent(text), "f.yaml", {})
    except ConfigError as error:
        return [fault.removeprefix("f.yaml:") for fault in error.faults]
    return []


class FaultTests(SynchronousTestCase):
    """All at once, each with file, line, column, key, reason and what to do."""

    maxDiff = None

    def test_twelve_and_one_in_one_go(self) -> None:
        """Twelve deliberate faults of as many sorts, and a rule about two values that are right alone."""
        self.assertEqual(
            faults(TWELVE),
            [
                "2:1: database: the value is neither embedded nor a libpq connection string, "
                'such as "host=db.example.com dbname=portaswitch user=portaswitch"',
                "3:17: roles[1]: smpp is not one of radius, diameter, sip, http, espf, jobs",
                "4:1: reuse_port: perhaps is neither true nor false",
                "6:3: radius.interface: localhost is not an IPv4 or IPv6 address, such as 127.0.0.1 or ::1",
                "7:3: radius.auth_port: 70000 is not a port (1 to 65535, or 0 for any free one)",
                "8:3: radius.acctport: unknown key: did you mean acct_port?",
                "9:3: radius.duplicate_window: 2m is out of range: write 5s to 30s",
                "11:3: radius.reject_delay: this key stands already in line 10: keep one of the two",
                "12:48: sip.listen[1]: 'tls:5061' lacks certificate=PATH, which tls needs",
                "15:5: espf.handlers.calix.environment: is required: "
                "write integer, 1 to 2147483647 (an i_env)",
                "16:3: espf.alert_recipient: ops is not a mail address, such as ops@example.com",
                "18:3: limits.batch: anchors (&name) are not used here: "
                "remove it, or quote text that begins with &",
                "19:3: limits.statement_timeout: not below decision_timeout: "
                "the database must give up first, or the effect is unknown",
            ],
        )

    def test_secrets_are_in_no_fault(self) -> None:
        """The faulty connection string held a password."""
        self.assertNotIn("s3cr3t", "".join(faults(TWELVE)))

    def test_a_file_and_its_faults_through_load_and_check(self) -> None:
        """`load` raises what `check` returns; each fault begins with the path as it was given."""
        path = str(self.mktemp())
        Path(path).write_text(TWELVE)
        error = self.assertRaises(ConfigError, load, path)
        self.assertEqual(list(error.faults), check(path))
        self.assertEqual(len(error.faults), 13)
        for fault in error.faults:
            self.assertRegex(fault, rf"^{path}:[0-9]+:[0-9]+: [a-z_.\[\]0-9]+: .")
        self.assertEqual(check(str(SHIPPED)), [])

    def test_above_a_syntax_fault_everything_is_still_checked(self) -> None:
        """And nothing is said to be missing that may stand below it."""
        found = faults("""\
            radius: {auth_port: x}
            espf:
              handlers:
                calix:
                  class: "Calix
            """)
        self.assertEqual(
            [fault.split(": ")[1] for fault in found], ["radius.auth_port", "espf.handlers.calix"]
        )
        self.assertIn("not YAML", found[1])

    def test_unknown_keys(self) -> None:
        """With the nearest known one, or all of them."""
        self.assertEqual(
            faults("raduis: {}\nlogging: {zzz: 1}\n"),
            [
                "1:1: raduis: unknown key: did you mean radius?",
                "2:11: logging.zzz: unknown key: known here are level, directory, rotate_size, keep",
            ],
        )

    def test_sections_that_are_none(self) -> None:
        """A word or a list where keys belong; the whole file too."""
        for text, place in (
            ("radius: 1812\n", "1:1: radius: 1812"),
            ("radius: [1]\n", "1:1: radius: a list"),
            ("just text\n", "1:1: just text"),
        ):
            self.assertEqual(
                faults(text),
                [f"{place} stands where keys with values belong: write KEY: VALUE lines below it"],
            )

    def test_a_missing_file(self) -> None:
        """Is a fault and no OSError."""
        [fault] = check("no/such.yaml")
        self.assertIn("no/such.yaml: can't be read: no such file", fault)


class ConflictTests(SynchronousTestCase):
    """Rules about several values."""

    def test_radius_ports(self) -> None:
        """Two services need two ports, unless the system chooses."""
        self.assertEqual(
            faults("radius: {acct_port: 1812}"),
            ["1:10: radius.acct_port: port 1812 is that of auth_port too: give each its own"],
        )
        self.assertEqual(faults("radius: {acct_port: 0, auth_port: 0}"), [])

    def test_waiting(self) -> None:
        """One peer may not have more than all together."""
        self.assertEqual(
            faults("radius: {max_waiting: 100}"),
            ["1:10: radius.max_waiting_per_peer: more than max_waiting (100): lower this or raise that"],
        )

    def test_flights_and_timeouts(self) -> None:
        """A batch needs a connection; the database gives up first."""
        self.assertEqual(
            [fault.split(":")[2] for fault in faults("limits: {flights: 3, decision_timeout: 1s}")],
            [" limits.flights", " limits.statement_timeout"],
        )
        self.assertEqual(faults("limits: {flights: 3, hot_connections: 3, decision_timeout: 1.6s}"), [])
        self.assertEqual(len(faults("limits: {decision_timeout: 1500ms}")), 1)

    def test_listeners_of_the_roles(self) -> None:
        """Two roles at one port clash, but only when this process has both."""
        text = "roles: [{}]\nhttp: {{listen: ['tcp:3868:interface=0.0.0.0']}}\n"
        self.assertEqual(
            faults(text.format("http, diameter")),
            [
                "2:8: http.listen: tcp:3868:interface=0.0.0.0 is taken by diameter.listen "
                "(tcp:3868:interface=127.0.0.1): give one of them another port"
            ],
        )
        self.assertEqual(faults(text.format("http")), [])
        self.assertEqual(len(faults("roles: [sip, radius]\nsip: {listen: ['udp:1813']}")), 1)
        self.assertEqual(faults("roles: [sip, radius]\nsip: {listen: ['tcp:1813']}"), [])

    def test_no_conflict_of_a_value_that_is_wrong(self) -> None:
        """The default that stands in for it would only confuse."""
        self.assertEqual(len(faults("limits: {decision_timeout: soon, statement_timeout: 3s}")), 1)
        self.assertEqual(len(faults("roles: [radius, sip]\nradius: 5\nsip: {listen: ['udp:1812']}")), 1)


class HandlerTests(SynchronousTestCase):
    """Event handlers: class and environment are ours, all else is theirs."""

    def test_options(self) -> None:
        """Plain values, with files and variables filled in at any depth, places, and no value in the repr."""
        folder = Path(str(self.mktemp()))
        folder.mkdir()
        for name, mode in (("key", 0o600), ("template", 0o644)):
            (folder / name).write_text(f"{name}-s3cr3t\n")
            (folder / name).chmod(mode)
        (folder / "f.yaml").write_text(
            textwrap.dedent("""\
            espf:
              handlers:
                calix:
                  class: Calix
                  environment: 2
                  url: https://calix.example.com
                  rate: 0.5
                  realm: 0123
                  password: {file: key}
                  calls: [{body: {file: template}}, {env: HOME_NET}]
            """)
        )
        settings = load(folder / "f.yaml", {"HOME_NET": "n1"})
        handler = settings.espf.handlers["calix"]
        self.assertEqual((handler.class_name, handler.environment), ("Calix", 2))
        self.assertEqual(
            dict(handler.options),
            {
                "url": "https://calix.example.com",
                "rate": Decimal("0.5"),
                "realm": "0123",
                "password": "key-s3cr3t",
                "calls": ({"body": "template-s3cr3t"}, "n1"),
            },
        )
        self.assertEqual(handler.options.place("realm"), f"{folder}/f.yaml:8:7: espf.handlers.calix.realm")
        self.assertEqual(handler.options.place("nothing"), "")
        self.assertEqual(handler.options.public, {"calls"})
        self.assertEqual(len(handler.options), 5)
        self.assertNotIn("s3cr3t", repr(settings))
        self.assertIn("password", repr(settings))

    def test_faults(self) -> None:
        """Names, classes and what can't be filled in."""
        found = faults("""\
            espf:
              handlers:
                Calix: {class: Calix, environment: 1}
                a: {class: "not a class", environment: 0}
                b: {class: B, environment: 1, x: {env: NO_SUCH}, y: [{file: no/such}]}
                c: [1]
                d:
            """)
        self.assertEqual(
            [fault.split(": ")[1] for fault in found],
            [
                "espf.handlers.Calix",
                "espf.handlers.a.class",
                "espf.handlers.a.environment",
                "espf.handlers.b.x",
                "espf.handlers.b.y[0]",
                "espf.handlers.c",
                "espf.handlers.d.class",
                "espf.handlers.d.environment",
            ],
        )


def keys_of(shape: type[Group], prefix: str = "") -> Iterator[str]:
    """The dotted keys of the grammar, without those of handlers, whose names are free."""
    for item in declared(shape):
        yield prefix + item.key
        if isinstance(item.kind, Section):
            yield from keys_of(item.kind.shape, f"{prefix}{item.key}.")


def keys_in(node: Node) -> Iterator[str]:
    """The dotted keys of a file."""
    assert isinstance(node.value, dict)
    for child in node.value.values():
        yield child.key
        if isinstance(child.value, dict):
            yield from keys_in(child)


class ShippedFileTests(SynchronousTestCase):
    """config/portaswitch.yaml, with which everybody begins."""

    def test_every_key_and_no_other_in_the_order_of_the_grammar(self) -> None:
        """The file is the whole grammar."""
        self.assertEqual(list(keys_in(read_tree(SHIPPED).root)), list(keys_of(Settings)))

    def test_its_values_are_the_defaults(self) -> None:
        """A key that is left out means what the file says."""
        self.assertEqual(load(SHIPPED, {}), load_text("", "f.yaml", {}))
        self.assertEqual(load(SHIPPED, {}), Settings())

    def test_fixed_values(self) -> None:
        """What other tools and the documents rely on."""
        settings = load(SHIPPED, {})
        self.assertEqual(
            (settings.radius.auth_port, settings.radius.acct_port, settings.radius.coa_default_port),
            (1812, 1813, 3799),
        )
        self.assertEqual(
            (settings.roles, settings.instance, settings.environment), (("radius", "sip", "http", "espf", "jobs"), "main", 1)
        )
        self.assertEqual([str(address) for address in settings.http.listen], ["tcp:8080:interface=127.0.0.1"])
        self.assertEqual((settings.limits.statement_timeout, settings.limits.decision_timeout), (1.5, 2.0))
        self.assertEqual(
            (settings.state_dir, settings.logging.directory),
            (Path("var").absolute(), Path("var/log").absolute()),
        )

    def test_loopback_only(self) -> None:
        """Nothing is open to the network unless somebody says so."""
        settings = load(SHIPPED, {})
        listeners = (*settings.diameter.listen, *settings.sip.listen, *settings.http.listen)
        self.assertEqual(
            {address.interface for address in listeners} | {settings.radius.interface}, {"127.0.0.1"}
        )

    def test_every_key_has_a_comment_or_speaks_for_itself(self) -> None:
        """Only keys with an obvious meaning go without."""
        bare = [
            line.split(":")[0].strip()
            for line in SHIPPED.read_text().splitlines()
            if line.strip() and "#" not in line and not line.endswith(":")
        ]
        self.assertEqual(bare, ["origin_realm", "listen", "listen", "handlers"])

    def test_its_example_of_a_handler_is_right(self) -> None:
        """What an operator uncomments loads, up to the secret that is not there."""
        text = SHIPPED.read_text()
        start = text.index("  #   handlers:")
        example = text[start : text.index("  handlers: {}")].replace("  #   ", "  ").replace("  #\n", "")
        [fault] = faults("espf:\n" + example)
        self.assertIn("espf.handlers.calix.password: secrets/calix can't be read", fault)

    def test_a_process_with_all_roles(self) -> None:
        """Every role, one handler, a mail address: in the flow style that fits one line a section."""
        text = """\
            roles: [radius, diameter, sip, http, espf, jobs]
            radius:   {interface: 127.0.0.1, auth_port: 1812, acct_port: 1813, coa_default_port: 3799}
            diameter: {listen: ["tcp:3868:interface=127.0.0.1"], origin_host: ocs.example.com}
            sip:      {listen: ["udp:5060:interface=127.0.0.1"], domains: [127.0.0.1]}
            espf:
              {handlers: {calix: {class: Calix, environment: 1}}, alert_recipient: ops@example.com}
            """
        settings = load_text(textwrap.dedent(text), "f.yaml", {})
        self.assertEqual(settings.espf.alert_recipient, "ops@example.com")
        self.assertEqual(settings.espf.handlers["calix"].class_name, "Calix")


class GrammarTests(SynchronousTestCase):
    """Rules about the grammar itself."""

    def shapes(self, shape: type[Group] = Settings) -> Iterator[type[Group]]:
        """Every section."""
        yield shape
        for item in declared(shape):
            held = item.kind.value if isinstance(item.kind, MappingOf) else item.kind
            if isinstance(held, Section):
                yield from self.shapes(held.shape)

    def test_every_field_has_help_and_a_default_of_its_own_kind(self) -> None:
        """Sections have their docstring as help; only handlers have required keys."""
        for shape in self.shapes():
            self.assertTrue(shape.__doc__, shape)
            for item in declared(shape):
                self.assertTrue(isinstance(item.kind, Section) or item.help.endswith("."), item.key)
                if not item.required:
                    item.default_value()
        required = [
            item.key
            for shape in self.shapes()
            for item in declared(shape)
            if item.required and not isinstance(item.kind, Rest)
        ]
        self.assertEqual(required, ["address", "class", "environment"])

    def test_durations_say_seconds(self) -> None:
        """The unit of a plain number is in the help."""
        durations = [
            item
            for shape in self.shapes()
            for item in declared(shape)
            if "duration" in item.kind.describe().split(",")[0]
        ]
        self.assertEqual(len(durations), 13)
        for item in durations:
            self.assertTrue(item.help.startswith("Seconds "), item.key)

    def test_a_wrong_default_is_no_silent_one(self) -> None:
        """A default that its own kind refuses fails in the first test that makes the section."""
        item = next(item for item in declared(Settings) if item.key == "reuse_port")
        broken = dataclasses.replace(item, default="perhaps")
        self.assertRaises(ConfigError, broken.default_value)
        item = next(item for item in declared(Settings) if item.key == "roles")
        broken = dataclasses.replace(item, default=["radius", "smpp"])
        error = self.assertRaises(ConfigError, broken.default_value)
        self.assertEqual(len(error.faults), 1)
