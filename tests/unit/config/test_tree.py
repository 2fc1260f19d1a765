"""YAML into nodes with places: what it means, what is refused, and where."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from unittest import mock

import yaml
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.config import fold
from portaswitch.config.grammar import Fault, Mark, Node, Tree, config_error, node_of, read_text, read_tree
from portaswitch.config.tree import MAX_OCTETS


def faults(text: str) -> list[str]:
    """The faults of this text, as an operator sees them."""
    return [str(fault) for fault in read_text(text, "f.yaml").faults]


class MeaningTests(SynchronousTestCase):
    """What an unquoted scalar means."""

    def plain(self, text: str) -> object:
        """The value of the text's only key."""
        tree = read_text(f"key: {text}\n", "f.yaml")
        self.assertEqual(tree.faults, ())
        value = tree.root.plain()
        assert isinstance(value, dict)
        return value["key"]

    def test_numbers_words_and_nothing(self) -> None:
        """Whole numbers, fractions as Decimal, true and false, null."""
        self.assertEqual(
            [self.plain(text) for text in ("12", "-3", "true", "False", "~", "null", "")],
            [12, -3, True, False, None, None, None],
        )
        price = self.plain("0.10")
        self.assertIsInstance(price, Decimal)
        self.assertEqual(str(price), "0.10")

    def test_text_that_other_readers_change(self) -> None:
        """Times, leading zeros, country codes, octal, exponents, infinity and dates stay what they are."""
        for text in (
            "12:30:00",
            "0123",
            "no",
            "0o17",
            "0x1f",
            "1e9",
            ".inf",
            "2024-01-31",
            "+420123",
            "9" * 41,
            "1_000",
        ):
            self.assertEqual(self.plain(text), text)

    def test_quotes_make_text(self) -> None:
        """A quoted number is text."""
        self.assertEqual(self.plain('"12"'), "12")
        self.assertEqual(self.plain("'true'"), "true")

    def test_text_is_kept_digit_for_digit(self) -> None:
        """A number's node still has what was written."""
        node = read_text("price: 1.50", "f.yaml").root.find("price")
        self.assertEqual((node.text, node.quoted), ("1.50", False))


class PlaceTests(SynchronousTestCase):
    """Lines, columns and dotted keys."""

    text = "a:\n  b: 1\n  c:\n    - x\n    - {d: 2}\ne:\n  f\n"

    def test_marks_are_those_of_keys_and_items(self) -> None:
        """A value of a mapping is where its key is, an item of a list where it is itself."""
        root = read_text(self.text, "f.yaml").root
        children = root.find("a.c").value
        assert isinstance(children, tuple)
        seen = [
            (node.key, node.mark.line, node.mark.column)
            for node in (root, root.find("a.b"), *children, children[1].find("d"), root.find("e"))
        ]
        self.assertEqual(
            seen,
            [("", 1, 1), ("a.b", 2, 3), ("a.c[0]", 4, 7), ("a.c[1]", 5, 7), ("a.c[1].d", 5, 8), ("e", 6, 1)],
        )

    def test_a_list_at_the_top(self) -> None:
        """A file may be a list; its items are counted."""
        value = read_text("- a\n- b: 1\n", "f.yaml").root.value
        assert isinstance(value, tuple)
        self.assertEqual(
            [str(value[0].fault("r")), str(value[1].find("b").fault("r"))],
            ["f.yaml:1:3: [0]: r", "f.yaml:2:3: [1].b: r"],
        )

    def test_find_stops_at_the_deepest(self) -> None:
        """Of a path that does not exist, the part that does is found."""
        self.assertEqual(read_text(self.text, "f.yaml").root.find("a.b.z").key, "a.b")

    def test_plain_is_without_places(self) -> None:
        """`plain` and `node_of` are each other's inverse but for the marks."""
        plain = read_text(self.text, "f.yaml").root.plain()
        self.assertEqual(plain, {"a": {"b": 1, "c": ("x", {"d": 2})}, "e": "f"})
        self.assertEqual(node_of(plain, Mark("x")).plain(), plain)
        self.assertEqual(
            node_of({"a": [None, True, Decimal("1.5")]}, Mark("x")).plain(),
            {"a": (None, True, Decimal("1.5"))},
        )

    def test_faults_come_in_the_order_of_the_file_and_once(self) -> None:
        """`config_error` sorts by line and drops repetitions."""
        late, early = Fault(Mark("f", 10, 1), "b", "r"), Fault(Mark("f", 9, 1), "a", "r")
        self.assertEqual(config_error([late, early, late]).faults, ("f:9:1: a: r", "f:10:1: b: r"))

    def test_shown_is_short_on_one_line_and_never_from_elsewhere(self) -> None:
        """What a fault quotes of a value."""
        long = Node("x" * 100, Mark("f"), text="x" * 100)
        self.assertEqual(long.shown(), "x" * 60 + "...")
        self.assertEqual(Node("a\nb", Mark("f"), text="a\nb", quoted=True).shown(), "'a\\u000ab'")
        self.assertEqual(
            Node("s3cr3t", Mark("f"), text="s3cr3t", source="the file p").shown(), "the content of the file p"
        )
        self.assertNotIn("s3cr3t", repr(Node("s3cr3t", Mark("f"), text="s3cr3t")))


class RefusalTests(SynchronousTestCase):
    """What is wrong with a file as YAML."""

    def test_duplicate_keys(self) -> None:
        """A repeated key is a fault at the second, which names the first; the first value is kept."""
        tree = read_text("a: 1\nb:\n  c: 2\n  c: {d: 3}\na: 4\n", "f.yaml")
        self.assertEqual(
            [str(fault) for fault in tree.faults],
            [
                "f.yaml:4:3: b.c: this key stands already in line 3: keep one of the two",
                "f.yaml:5:1: a: this key stands already in line 1: keep one of the two",
            ],
        )
        self.assertEqual(tree.root.plain(), {"a": 1, "b": {"c": 2}})

    def test_keys_that_are_no_words(self) -> None:
        """Lists, mappings and nothing can't be keys; what follows is still read."""
        tree = read_text('? [a, b]\n: {c: 1}\n? {x: y}\n: 2\n"": 3\nd: 4\n', "f.yaml")
        self.assertEqual([fault.mark.line for fault in tree.faults], [1, 3, 5])
        self.assertEqual(tree.root.plain(), {"d": 4})

    def test_aliases_anchors_and_tags(self) -> None:
        """Refused without quoting what may be a password; the tree says that it lacks something."""
        tree = read_text("a: &pass1 1\nb: *pass1\nc: !pass2 x\nd: 5\n", "f.yaml")
        texts = [str(fault) for fault in tree.faults]
        self.assertEqual(
            [text.split(" (")[0] for text in texts],
            ["f.yaml:1:1: a: anchors", "f.yaml:2:1: b: aliases", "f.yaml:3:1: c: tags"],
        )
        self.assertNotIn("pass", "".join(texts))
        self.assertEqual(tree.root.plain(), {"a": 1, "c": "x", "d": 5})
        self.assertFalse(tree.complete)

    def test_aliases_can_not_multiply(self) -> None:
        """Nine levels of nine aliases are nine small lists."""
        text = "a0: &a0 [x]\n" + "".join(
            f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]\n" for at in range(1, 10)
        )
        tree = read_text(text, "f.yaml")
        self.assertEqual(tree.root.find("a9").plain(), ())
        self.assertEqual(len(tree.faults), 10 + 81)

    def test_python_objects_are_not_made(self) -> None:
        """The tag that made PyYAML famous is one more refused tag."""
        tree = read_text("a: !!python/object/apply:os.getcwd []\n", "f.yaml")
        self.assertEqual(tree.root.plain(), {"a": ()})
        self.assertEqual(len(tree.faults), 1)

    def test_second_document(self) -> None:
        """Only the first document is read."""
        tree = read_text("a: 1\n---\nb: 2\n--- x\n", "f.yaml")
        self.assertEqual(
            [str(fault) for fault in tree.faults],
            [
                "f.yaml:2:1: a second document begins here: keep one document in a file",
                "f.yaml:4:1: a second document begins here: keep one document in a file",
            ],
        )
        self.assertEqual(tree.root.plain(), {"a": 1})

    def test_too_deep(self) -> None:
        """Nesting beyond the limit ends the reading, not the process."""
        for text in ("[" * 10_000, "{a: " * 10_000):
            found = faults(text)
            self.assertEqual(len(found), 1)
            self.assertRegex(found[0], "^f.yaml:1:[0-9]+: .*nest.*; all below it is unread$")
        self.assertIn("nested deeper than 32 levels", faults("[" * 33 + "]" * 33)[0])
        self.assertEqual(faults("[" * 32 + "]" * 32), [])

    def test_forbidden_characters(self) -> None:
        """A control character is shown escaped, with its place."""
        self.assertEqual(
            faults("a: 1\nb: \x1b[31m\n"),
            ["f.yaml:2:4: the character \\u001b is not allowed in YAML: remove it"],
        )

    def test_an_empty_file_is_an_empty_mapping(self) -> None:
        """Also one of comments alone."""
        for text in ("", "# nothing\n"):
            tree = read_text(text, "f.yaml")
            self.assertEqual((tree.root.plain(), tree.faults, tree.complete), ({}, (), True))


class SyntaxTests(SynchronousTestCase):
    """Text that is not YAML, with libyaml's parser and with PyYAML's own."""

    def both(self, text: str) -> list[Tree]:
        """The text's tree from each parser."""
        trees = []
        for loader in (yaml.CSafeLoader, yaml.SafeLoader):
            with mock.patch.object(fold, "_LOADER", loader):
                trees.append(read_text(text, "f.yaml"))
        return trees

    def test_place_advice_and_what_is_above(self) -> None:
        """One fault with line, key and advice; what stands above it is in the tree."""
        for tree in self.both("a: 1\nb:\n  c: 2\n  d: e: f\nz: 1\n"):
            [fault] = tree.faults
            self.assertEqual((fault.mark.line, fault.key), (4, "b"))
            self.assertRegex(
                str(fault),
                "not YAML: mapping values.*look at this line and the one before it; all below it is unread$",
            )
            self.assertEqual(tree.root.find("b.c").plain(), 2)
            self.assertFalse(tree.complete)

    def test_tabs(self) -> None:
        """The commonest of all faults has its own advice."""
        for tree in self.both("a:\n\tb: 1\n"):
            self.assertIn("indent with spaces, not tabs", str(tree.faults[0]))
            self.assertEqual(tree.faults[0].mark.line, 2)

    def test_an_unclosed_bracket_names_its_beginning(self) -> None:
        """The parser notices it later than it happened."""
        for tree in self.both("a: [1,\n  2\nb: 3\n"):
            self.assertIn("(begun in line 1)", str(tree.faults[0]))

    def test_secrets_are_not_quoted(self) -> None:
        """No part of the line is in the fault."""
        for tree in self.both('password: "s3cr3t\n'):
            self.assertEqual(len(tree.faults), 1)
            self.assertNotIn("s3cr3t", str(tree.faults[0]))

    def test_absurd_escapes_and_versions(self) -> None:
        """What makes PyYAML's scanner raise other things than YAMLError is a fault too."""
        for text in ('a: "\\Uffffffff"\n', f"%YAML 1.{'9' * 5000}\n---\na: 1\n"):
            for tree in self.both(text):
                self.assertEqual(len(tree.faults), 1)

    def test_duplicates_above_are_reported_too(self) -> None:
        """A syntax fault hides nothing that was found before."""
        for tree in self.both("a: 1\na: 2\nb: [\n"):
            self.assertEqual(len(tree.faults), 2)


class FileTests(SynchronousTestCase):
    """Files that can't be read."""

    def fault(self, path: str) -> str:
        """The only fault of the file."""
        tree = read_tree(path)
        self.assertFalse(tree.complete)
        [fault] = tree.faults
        return str(fault)

    def written(self, octets: bytes) -> str:
        """The path of a file with this content."""
        path = str(self.mktemp())
        Path(path).write_bytes(octets)
        return path

    def test_missing(self) -> None:
        """The path is named as it was given."""
        self.assertEqual(
            self.fault("no/such.yaml"),
            "no/such.yaml: can't be read: no such file or directory; give the path of a readable YAML file",
        )

    def test_folder_pipe_and_nul(self) -> None:
        """None of them raises or waits."""
        pipe = self.mktemp()
        os.mkfifo(pipe)
        for path, part in (
            (".", "is a directory"),
            (pipe, "not an ordinary file"),
            ("a\0b", "embedded null"),
        ):
            self.assertIn(part, self.fault(path).lower())

    def test_not_utf8(self) -> None:
        """The line and column of the first octet that isn't."""
        path = self.written(b"a: 1\nb: caf\xe9\n")
        self.assertEqual(self.fault(path), f"{path}:2:7: not UTF-8 text: save the file as UTF-8")

    def test_byte_order_mark(self) -> None:
        """An editor's byte order mark is no fault."""
        self.assertEqual(read_tree(self.written(b"\xef\xbb\xbfa: 1\n")).root.plain(), {"a": 1})

    def test_too_large(self) -> None:
        """A file beyond the limit is not read to its end."""
        path = self.written(b"")
        os.truncate(path, MAX_OCTETS + 1)
        self.assertIn(f"larger than {MAX_OCTETS} octets", self.fault(path))


class ToldTests(SynchronousTestCase):
    """How far the reading of a long file is."""

    def test_rising(self) -> None:
        """It is told from the beginning on, rises, and never goes beyond the text."""
        text = "".join(f"key{number}: {{a: 1, b: 2}}\n" for number in range(10_000))
        told: list[tuple[int, int]] = []
        read_text(text, "long.yaml", lambda done, whole: told.append((done, whole)))
        self.assertGreater(len(told), 5)
        self.assertEqual(told, sorted(told))
        self.assertEqual({whole for _, whole in told}, {len(text)})
        self.assertTrue(told[0][0] < len(text) // 10 and len(text) * 8 // 10 < told[-1][0] <= len(text), told)
