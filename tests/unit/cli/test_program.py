"""
The parser: every command's help, usage errors in one line, options before and behind the command; and how
errors are told.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import shlex
import subprocess
from collections.abc import Iterator

import psycopg2
from twisted.trial.unittest import SynchronousTestCase

from portaswitch import __build__, __version__
from portaswitch.cli import completion
from portaswitch.cli.program import execute, parser
from portaswitch.cli.running import told
from portaswitch.errors import ConfigError, StartError


def leaves(top: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """All parsers, groups and commands."""
    yield top
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from leaves(below)


def usage(*arguments: str) -> tuple[int | str | None, str, str]:
    """Exit status, standard output and standard error of a usage that ends at once."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            return execute(arguments), out.getvalue(), err.getvalue()
        except SystemExit as end:
            return end.code, out.getvalue(), err.getvalue()


class HelpTests(SynchronousTestCase):
    """`--help` everywhere."""

    def test_complete(self) -> None:
        """
        Every parser has a description and examples, every option and argument a text; the examples are right
        usage.
        """
        found = list(leaves(parser()))
        self.assertGreater(len(found), 12)
        for one in found:
            self.assertTrue(one.description, one.prog)
            self.assertIn("examples:\n  ", one.epilog or "", one.prog)
            for action in one._actions:
                self.assertTrue(
                    action.help or isinstance(action, argparse._SubParsersAction), f"{one.prog} {action.dest}"
                )

    def test_examples_parse(self) -> None:
        """Every example of a help text that is a plain command can be typed as it stands."""
        tried, whole = 0, parser()
        for one in leaves(whole):
            for line in (one.epilog or "").splitlines()[1:]:
                words = line.split("portaswitch ", 1)[-1]
                if any(mark in words for mark in ("|", ">", "'", "<", ")")):
                    continue
                whole.parse_args(shlex.split(words))
                tried += 1
        self.assertGreater(tried, 20)

    def test_help_and_version(self) -> None:
        """Both end with status 0."""
        self.assertEqual(usage("--version"), (0, f"portaswitch {__version__} ({__build__})\n", ""))
        status, out, _ = usage("xdr", "list", "--help")
        self.assertEqual(status, 0)
        self.assertIn("portaswitch xdr list --since 2h --failed", out)


class UsageTests(SynchronousTestCase):
    """Wrong usage: status 2 and one line that says where help is."""

    def test_one_line(self) -> None:
        """Missing and unknown words, values of the wrong kind."""
        for words, told_of in (
            ((), "COMMAND"),
            (("xdr",), "COMMAND"),
            (("nonsense",), "nonsense"),
            (("xdr", "show", "x"), "whole number"),
            (("xdr", "list", "--last", "-1"), "--last"),
            (("xdr", "list", "--since", "yesterday"), "2026-01-31"),
            (("radius-test", "a", "1", "--auth-port", "70000"), "1 to 65535"),
            (("account", "show"), "ID"),
        ):
            status, out, err = usage(*words)
            self.assertEqual((status, out, err.count("\n")), (2, "", 1), words)
            self.assertIn(told_of, err)
            self.assertIn("--help`", err)

    def test_options_on_both_sides(self) -> None:
        """The options of every command may stand before or behind it; the one behind counts."""
        before = parser().parse_args(["--config", "a", "--json", "xdr", "list"])
        self.assertEqual((before.config, before.json), ("a", True))
        behind = parser().parse_args(["--config", "a", "xdr", "list", "--config", "b", "--env", "3"])
        self.assertEqual((behind.config, behind.json, behind.env), ("b", False, 3))
        self.assertEqual(parser().parse_args(["verify"]).config, "config/portaswitch.yaml")


class ToldTests(SynchronousTestCase):
    """Errors as lines."""

    def test_lines(self) -> None:
        """A configuration's faults are a line each; everything else is one line, whatever its text."""
        self.assertEqual(told(ConfigError(["a: b", "c: d"])), ["a: b", "c: d"])
        self.assertEqual(told(StartError("do this\n  and that")), ["do this and that"])
        self.assertEqual(told(FileNotFoundError(2, "No such file", "x.yaml")), ["x.yaml: No such file"])
        (line,) = told(psycopg2.ProgrammingError("syntax\nerror"))
        self.assertIn("internal error: ProgrammingError: syntax error", line)


class CompletionTests(SynchronousTestCase):
    """The script for bash, run by bash."""

    def complete(self, *words: str) -> list[str]:
        """What the Tab key would offer behind these words."""
        line = " ".join(f"'{word}'" for word in words)
        count = f'COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _portaswitch; echo "${{COMPREPLY[*]}}"'
        text = "complete() { :; }\n" + completion.script(parser()) + "\n" + count
        done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_commands(self) -> None:
        """Commands, those below them, options and choices."""
        self.assertEqual(self.complete("portaswitch", "x"), ["xdr"])
        self.assertEqual(self.complete("portaswitch", "--json", "session", "s"), ["show"])
        self.assertEqual(self.complete("portaswitch", "xdr", "list", "--own"), ["--owner"])
        self.assertEqual(self.complete("portaswitch", "xdr", "list", "--owner", "v"), ["vendor"])
        self.assertEqual(self.complete("portaswitch", "completion", "b"), ["bash"])
