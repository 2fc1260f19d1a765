"""docs/beneficiaries.rst: its commands, run one after the other on the demo, print what the page says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.server.harness import World
from tests.server.test_cli import ROOT, Command

PAGE = Path(__file__).parents[2] / "docs" / "beneficiaries.rst"


def steps(text: str) -> list[tuple[str, list[str]]]:
    """The page's commands, each with the lines that it prints."""
    found: list[tuple[str, list[str]]] = []
    for line in re.findall(r"^    (.*)$", text, re.M):
        if line.startswith("$ portaswitch "):
            found.append((line.removeprefix("$ portaswitch "), []))
        elif found:
            found[-1][1].append(line)
    return found


class PageTests(TestCase):
    """A server on the demo catalogue."""

    timeout = 180

    def setUp(self) -> Any:
        """Start it with the demo loaded."""
        return Deferred.fromCoroutine(self._begin())

    async def _begin(self) -> None:
        self.world = await World.made("insert into environments values (1, 'Demo', 'CAD')")
        self.config = self.world.folder / "portaswitch.yaml"
        self.config.write_text(
            f"state_dir: {self.world.folder}\ndatabase: '{self.world._dsn}'\n"
            f"radius: {{auth_port: {self.world.port('auth')}, acct_port: {self.world.port('acct')}}}\n"
        )
        before = self.world.server.catalogue.generation
        await self.lines(f"load {ROOT}/config/demo.yaml")
        await self.world.heard(before)

    def tearDown(self) -> Any:
        """End it."""
        return Deferred.fromCoroutine(self.world.end())

    async def lines(self, command: str) -> list[str]:
        """What a command prints, as far as a `tail -1` or `grep` behind it lets it through."""
        command, _, behind = command.partition(" | ")
        _, out, err = await Command("--config", str(self.config), *shlex.split(command)).ended
        printed = (out + err).splitlines()
        if behind == "tail -1":
            printed = printed[-1:]
        elif behind:
            _, *options, wanted = shlex.split(behind)
            matches = [(line, match[0]) for line in printed if (match := re.search(wanted, line))]
            printed = [match if "-o" in options else line for line, match in matches]
        return printed

    async def test_page(self) -> None:
        """Each command says what is printed below it."""
        found = steps(PAGE.read_text("utf-8"))
        self.assertGreater(len(found), 10)
        for command, printed in found:
            self.assertEqual(await self.lines(command), printed, command)
