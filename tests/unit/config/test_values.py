"""Every kind of value: what it takes, what it refuses, and in which words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.config.database import Database, DatabaseKind
from portaswitch.config.grammar import Kind, ListOf, MappingOf, Reader, Secret, Unreadable, read_text
from portaswitch.config.kinds import OrNone
from portaswitch.config.values import (
    Address,
    Boolean,
    Choice,
    Duration,
    FilePath,
    HostName,
    Integer,
    MailAddress,
    Port,
    SecretText,
    Size,
    Text,
    duration,
)

T = TypeVar("T")


class KindCase(SynchronousTestCase):
    """Reads what stands after `key:` in a file of its own folder."""

    def setUp(self) -> None:
        self.folder = Path(str(self.mktemp()))
        self.folder.mkdir()
        self.environ: dict[str, str] = {}

    def reading(self, kind: Kind[T], written: str) -> tuple[T | None, list[str]]:
        """The value, None when there is none, and the faults without their place."""
        tree = read_text(f"key: {written}\n", "f.yaml")
        self.assertEqual(tree.faults, ())
        reader = Reader(self.folder, self.environ)
        try:
            value: T | None = kind.read(tree.root.find("key"), reader)
        except Unreadable:
            value = None
        return value, [fault.reason for fault in reader.faults]

    def taken(self, kind: Kind[T], written: str) -> T | None:
        """The value of something that is right."""
        value, faults = self.reading(kind, written)
        self.assertEqual(faults, [])
        return value

    def refused(self, kind: Kind[T], written: str) -> str:
        """The reason why something is wrong."""
        value, faults = self.reading(kind, written)
        self.assertEqual((value, len(faults)), (None, 1), written)
        return faults[0]


class ScalarTests(KindCase):
    """Kinds of one scalar."""

    def test_text(self) -> None:
        """Numbers are text digit for digit; truth values and control characters are not text."""
        self.assertEqual(
            [self.taken(Text(), written) for written in ("abc", "0123", "1.50", '"true"')],
            ["abc", "0123", "1.50", "true"],
        )
        self.assertEqual(
            self.refused(Text(), "true"), "true is a truth value: put it into quotes to make it text"
        )
        self.assertEqual(self.refused(Text(longest=3), "abcd"), "abcd is longer than 3 characters")
        self.assertEqual(self.refused(Text(), '"a\\nb"'), "'a\\u000ab' is not text")
        self.assertEqual(self.refused(Text("a name", "[a-z]+"), "A"), "A is not a name")

    def test_nothing_a_list_and_a_mapping(self) -> None:
        """Where one value belongs."""
        self.assertEqual(
            self.refused(Boolean(), ""), "there is no value: write true or false, or remove the key"
        )
        self.assertEqual(
            self.refused(Boolean(), "[true]"), "a list stands where one value belongs: true or false"
        )
        self.assertEqual(
            self.refused(Boolean(), "{a: 1, b: 2}"), "a mapping stands where one value belongs: true or false"
        )

    def test_integer(self) -> None:
        """Within the range, both ends included."""
        kind = Integer(1, 10, "requests")
        self.assertEqual([self.taken(kind, written) for written in ("1", "10", '"7"')], [1, 10, 7])
        for written in ("0", "11", "-1", "9" * 40):
            self.assertEqual(
                self.refused(kind, written), f"{written} is out of range: write 1 to 10 requests"
            )
        for written in ("1.5", "many", "0x1f", "1e3", "true"):
            self.assertEqual(
                self.refused(kind, written), f"{written} is not a whole number (1 to 10 requests)"
            )

    def test_port(self) -> None:
        """1 to 65535, and 0 for any free one."""
        self.assertEqual([self.taken(Port(), written) for written in ("0", "1", "65535")], [0, 1, 65535])
        for written in ("65536", "70000", "-1", "radius", "1" * 50):
            self.assertEqual(
                self.refused(Port(), written), f"{written} is not a port (1 to 65535, or 0 for any free one)"
            )

    def test_boolean(self) -> None:
        """The words of YAML 1.1, in any case."""
        self.assertEqual([self.taken(Boolean(), written) for written in ("true", "Yes", "on")], [True] * 3)
        self.assertEqual([self.taken(Boolean(), written) for written in ("false", "no", "OFF")], [False] * 3)
        self.assertEqual(self.refused(Boolean(), "1"), "1 is neither true nor false")

    def test_duration(self) -> None:
        """Seconds, whatever the unit."""
        kind = Duration(0.001, 7 * 86400)
        self.assertEqual(
            [
                self.taken(kind, written)
                for written in ("1500ms", "90s", "5m", "2h", "7d", "2", "0.5", "1.5 s")
            ],
            [1.5, 90.0, 300.0, 7200.0, 604800.0, 2.0, 0.5, 1.5],
        )
        self.assertEqual(self.refused(kind, "8d"), "8d is out of range: write 1ms to 7d")
        for written in ("5 minutes", "1h30m", "-1s", "s", ".5", "inf", "1e3", "12:30"):
            self.assertEqual(
                self.refused(kind, written),
                f"{written} is not a duration: write 1500ms, 90s, 5m, 2h, 7d or a plain number of seconds",
            )

    def test_durations_are_written_as_they_are_read(self) -> None:
        """`duration` uses the largest unit that divides."""
        for written in ("0s", "1ms", "1500ms", "30s", "1m", "90s", "2h", "7d"):
            seconds = self.taken(Duration(0, 1e9), written)
            assert seconds is not None
            self.assertEqual(duration(seconds), written)

    def test_size(self) -> None:
        """Octets, whatever the unit, and never a part of one."""
        kind = Size(1, 2**30)
        self.assertEqual(
            [self.taken(kind, written) for written in ("64KiB", "10MiB", "1GiB", "512", "1.5KiB")],
            [65536, 10485760, 2**30, 512, 1536],
        )
        for written in ("2GiB", "0", "0.5", "1.5"):
            self.assertEqual(
                self.refused(kind, written), f"{written} is out of range: write 1 to 1073741824 octets"
            )
        for written in ("64kB", "many", "-1"):
            self.assertEqual(
                self.refused(kind, written),
                f"{written} is not a size: write 64KiB, 10MiB, 1GiB or a plain number of octets",
            )

    def test_choice(self) -> None:
        """One of the words, spelt as they are."""
        self.assertEqual(self.taken(Choice("info", "warn"), "warn"), "warn")
        self.assertEqual(self.refused(Choice("info", "warn"), "Warn"), "Warn is not one of info, warn")

    def test_address(self) -> None:
        """IPv4 and IPv6, no names."""
        self.assertEqual(self.taken(Address(), "127.0.0.1"), "127.0.0.1")
        self.assertEqual(self.taken(Address(), "0:0::0:1"), "::1")
        for written in ("localhost", "127.1", "2130706433", "300.0.0.1"):
            self.assertEqual(
                self.refused(Address(), written),
                f"{written} is not an IPv4 or IPv6 address, such as 127.0.0.1 or ::1",
            )

    def test_host_name(self) -> None:
        """RFC 1123 2.1."""
        self.assertEqual(self.taken(HostName(), "OCS.example.com"), "ocs.example.com")
        self.assertEqual(self.taken(HostName(), "127.0.0.1"), "127.0.0.1")
        for written in ("a..b", "-a.example", "a_b", "x" * 64, "true", "a b"):
            self.assertIn("is not a host name", self.refused(HostName(), written))

    def test_mail_address(self) -> None:
        """One at sign between a local part and a host name."""
        self.assertEqual(self.taken(MailAddress(), "ops+x@example.com"), "ops+x@example.com")
        for written in ("ops", "ops@", "ops@-x", '"a@b\\r\\nBcc: c@d"', "a@b@c"):
            self.assertIn("is not a mail address", self.refused(MailAddress(), written))

    def test_path(self) -> None:
        """Absolute, from the working directory."""
        self.assertEqual(self.taken(FilePath(), "/var/../etc"), Path("/etc"))
        self.assertEqual(self.taken(FilePath(), "var/log"), Path(os.getcwd(), "var", "log"))
        for written in ('""', '"a\\0b"', "true"):
            self.assertIn("is not a path", self.refused(FilePath(), written))

    def test_or_none(self) -> None:
        """`null` is a value there."""
        self.assertIsNone(self.taken(OrNone(Port()), "null"))
        self.assertEqual(self.taken(OrNone(Port()), "1"), 1)
        self.assertEqual(OrNone(Boolean()).describe(), "true or false, or null for none")

    def test_a_path_when_the_working_directory_is_gone(self) -> None:
        """Only an absolute one can be used then."""
        kind = FilePath()
        here = os.getcwd()
        gone = self.folder.absolute() / "gone"
        gone.mkdir()
        os.chdir(gone)
        self.addCleanup(os.chdir, here)
        gone.rmdir()
        self.assertEqual(self.taken(kind, "/etc"), Path("/etc"))
        self.assertIn("write an absolute path", self.refused(kind, "var"))

    def test_secret_text(self) -> None:
        """Text as it is, shown in no fault."""
        self.assertEqual(self.taken(SecretText(), "0123"), Secret("0123"))
        for written in ("true", '""'):
            self.assertEqual(self.refused(SecretText(), written), "the value is not text: put it into quotes")
        self.assertEqual(
            self.refused(SecretText(), "[s3cr3t]"), "a list stands where one value belongs: secret text"
        )

    def test_described_with_range_and_unit(self) -> None:
        """What the reference says of each kind."""
        described = {
            Text("a name", "[a-z]+"): "a name",
            Integer(1, 2, "requests"): "integer, 1 to 2 requests",
            Size(1, 1024): "size, 1 to 1024 octets",
            Duration(0, 60): "duration, 0s to 1m",
            Choice("a", "b"): "one of a, b",
            MailAddress(): "mail address",
            FilePath(): "path",
            MappingOf(Text("a name", "[a-z]+"), Boolean()): "mapping of names (a name) to: true or false",
        }
        self.assertEqual([kind.describe() for kind in described], list(described.values()))


class DatabaseTests(KindCase):
    """`embedded` or a libpq connection string."""

    def test_embedded(self) -> None:
        """No connection string at all."""
        found = self.taken(DatabaseKind(), "embedded")
        self.assertEqual(found, Database())
        self.assertTrue(Database().embedded)

    def test_strings_of_libpq(self) -> None:
        """Keywords, several hosts, and URIs; never shown again."""
        for written in (
            "host=db1,db2 dbname=p password=s3cr3t target_session_attrs=read-write",
            "postgresql://u:s3cr3t@db:5432/p",
        ):
            found = self.taken(DatabaseKind(), f'"{written}"')
            assert found is not None and found.connection is not None
            self.assertFalse(found.embedded)
            self.assertEqual(found.connection.reveal(), written)
            self.assertNotIn("s3cr3t", repr(found))

    def test_refusals_quote_nothing(self) -> None:
        """libpq's own message would have had the password in it."""
        for written in ("embeded", "hots=1 password=s3cr3t", "host=a password=my s3cr3t", '""', "[a]"):
            reason = self.refused(DatabaseKind(), written)
            self.assertNotIn("s3cr3t", reason)
            self.assertIn("libpq connection string", reason)


class CompositeTests(KindCase):
    """Lists and mappings."""

    def test_list(self) -> None:
        """Every wrong item is reported, the right ones are kept."""
        self.assertEqual(self.taken(ListOf(Port()), "[1, 2]"), (1, 2))
        value, faults = self.reading(ListOf(Port()), "[1, x, 2, y, 1]")
        self.assertEqual(value, (1, 2, 1))
        self.assertEqual(
            [reason.split(":")[0] for reason in faults],
            [
                "x is not a port (1 to 65535, or 0 for any free one)",
                "y is not a port (1 to 65535, or 0 for any free one)",
                "stands in the list already",
            ],
        )

    def test_list_needs_a_list(self) -> None:
        """Neither nothing nor a word is a list."""
        for written, shown in (("", "nothing"), ("1", "1"), ("{a: 1}", "a mapping")):
            self.assertIn(
                f"{shown} stands where a list belongs: write [...]", self.refused(ListOf(Port()), written)
            )
        self.assertIn("at least 1 of port", self.refused(ListOf(Port(), least=1), "[]"))

    def test_mapping(self) -> None:
        """Wrong names and wrong values are both reported."""
        kind = MappingOf(Text("a name", "[a-z]+"), Port())
        self.assertEqual(self.taken(kind, "{a: 1}"), {"a": 1})
        self.assertEqual(self.taken(kind, ""), {})
        value, faults = self.reading(kind, "{A: 1, b: x, c: 2}")
        self.assertEqual((value, len(faults)), ({"c": 2}, 2))
        self.assertEqual(faults[0], "'A' is not a name")
        self.assertIn("write KEY: VALUE lines", self.refused(kind, "[a]"))


class ElsewhereTests(KindCase):
    """`{file: PATH}` and `{env: NAME}`."""

    def file(self, name: str, content: bytes, mode: int = 0o600) -> None:
        """A file in the folder of the configuration."""
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(mode)

    def test_file(self) -> None:
        """Its content without the white space around it, relative to the configuration file."""
        self.file("port", b" 1812\n")
        self.assertEqual(self.taken(Port(), "{file: port}"), 1812)
        self.file("key", "sécret\n".encode())
        self.assertEqual(self.taken(SecretText(), "{file: key}"), Secret("sécret"))

    def test_variable(self) -> None:
        """Its value as it is."""
        self.environ["PORT"] = "1812"
        self.assertEqual(self.taken(ListOf(Port()), "[{env: PORT}]"), (1812,))
        self.assertEqual(
            self.refused(Port(), "{env: PROT}"),
            "the environment variable PROT is not set: export it before the start",
        )

    def test_secret_files_are_not_for_everyone(self) -> None:
        """A secret that every user can read is refused; another value may be public."""
        self.file("key", b"s3cr3t", 0o644)
        for kind in (SecretText(), DatabaseKind()):
            self.assertEqual(
                self.refused(kind, "{file: key}"),
                "every user can read key, which holds a secret: chmod o-r it",
            )
        self.assertEqual(self.taken(Text(), "{file: key}"), "s3cr3t")

    def test_content_is_never_quoted(self) -> None:
        """It may be a secret that was put into the wrong place."""
        self.file("key", b"s3cr3t")
        self.environ["KEY"] = "s3cr3t"
        self.assertEqual(
            self.refused(Port(), "{file: key}"),
            "the content of the file key is not a port (1 to 65535, or 0 for any free one)",
        )
        self.assertIn(
            "the content of the environment variable KEY is not", self.refused(Port(), "{env: KEY}")
        )
        self.assertEqual(
            self.reading(ListOf(Text()), "[{file: key}, {env: KEY}]")[1],
            ["stands in the list already: remove one of the two"],
        )

    def test_what_can_not_be_read(self) -> None:
        """Each reason in words."""
        self.file("latin", b"\xe9")
        self.file("nul", b"a\0b")
        self.file("large", b"x" * (1024 * 1024 + 1))
        self.environ["LATIN"] = "\udce9"
        for written, part in (
            ("{file: missing}", "missing can't be read: no such file"),
            ("{file: .}", "is a directory"),
            ("{file: latin}", "latin is not UTF-8 text"),
            ("{file: nul}", "holds octets that are not text"),
            ("{file: large}", "larger than 1048576 octets"),
            ("{env: LATIN}", "holds octets that are not text"),
            ("{file: [a]}", "{file: ...} takes one path"),
            ("{env: }", "{env: ...} takes one name"),
            ('{file: "a\\0b"}', "can't be read"),
        ):
            for kind in (Text(), SecretText()):
                self.assertIn(part, self.refused(kind, written))


class SecretTests(SynchronousTestCase):
    """A secret shows itself to nobody."""

    def test_shown_nowhere(self) -> None:
        """Not in any way of turning it into text."""
        secret = Secret("s3cr3t")
        for text in (
            repr(secret),
            str(secret),
            f"{secret}",
            format(secret),
            repr({"a": [secret]}),
        ):
            self.assertNotIn("s3cr3t", text)
            self.assertIn("***", text)
        self.assertFalse(hasattr(secret, "__dict__"))
        self.assertEqual(secret.reveal(), "s3cr3t")

    def test_compared_by_value(self) -> None:
        """Equal to its like, never to text."""
        self.assertEqual(Secret("a"), Secret("a"))
        self.assertEqual(len({Secret("a"), Secret("a"), Secret("b")}), 2)
        self.assertNotEqual(Secret("a"), "a")
