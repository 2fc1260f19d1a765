"""Response templates from a catalogue file to the wire, against the whole server, sent by pyrad."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from pyrad.dictionary import Dictionary
from twisted.internet import reactor

from portaswitch.administration import load_file
from portaswitch.errors import ConfigError
from portaswitch.model.actor import Actor
from portaswitch.store.catalogue import CatalogueStore
from tests.claims import claims
from tests.server.harness import DICTIONARY, WORLD, World, WorldCase, h323, ivr
from tests.server.loads import LoadTestCase, quiet

NODE = ("NAS-IP-Address", "164.9.9.100")
HELLO = (NODE, ("User-Name", "10086610975"), ("User-Password", ""), ("h323-conf-id", "1 2 3 4"))
CALL = (*HELLO, ("Called-Station-Id", "01182623634515"), ("Calling-Station-Id", "6045550193"))
OPERATIONS = "Filter-Id = first\nFilter-Id = second\nh323-currency = USD\nh323-preferred-lang := fr\nh323-ivr-in += 'Note:a b'\nh323-credit-time := ''\n"
PLACEHOLDERS = (
    "Filter-Id = '${request.Calling-Station-Id:nobody}'\n"
    "Reply-Message = '${policy:-no policy}, ${tariff:+rated}, ${policy:?open}, ${tariff:?free}, ${policy:$node}'\n"
    "Class = ${speed:=2M}\nClass += ${speed}\n"
)


class WireTests(WorldCase):
    """Each test has a server whose node has a template of its own."""

    async def _begin(self) -> None:
        pass

    async def answer(self, template: str, *pairs: tuple[str, Any]) -> Any:
        """The answer to a call that a node with this template asks about, and these pairs more."""
        quoted = template.replace("'", "''")
        self.world = await World.made(WORLD + f"update nodes set response_template = '{quoted}' where i_node = 101;")
        self.world.dictionary = Dictionary(io.StringIO(DICTIONARY + "ATTRIBUTE Filter-Id 11 string\nATTRIBUTE Class 25 octets\n"))
        changed = dict(pairs)
        return await self.world.exchange(self.world.packet("auth", [(name, changed.get(name, value)) for name, value in CALL]))

    @claims("radius-templates.1")
    async def test_operations(self) -> None:
        """'=' adds unless present, ':=' overrides or takes away, '+=' adds one more."""
        told = await self.answer(OPERATIONS)
        self.assertEqual((told.code, told["Filter-Id"]), (2, ["first"]))
        self.assertEqual((h323(told, "h323-currency"), h323(told, "h323-preferred-lang"), h323(told, "h323-credit-time")), ("CAD", "fr", None))
        self.assertEqual((ivr(told)["Note"], ivr(told)["DURATION"]), ("a b", "30000"))

    @claims("radius-templates.2")
    async def test_placeholders(self) -> None:
        """Variables of the request and of the decision, every modifier, and an assignment kept for the next line."""
        told = await self.answer(PLACEHOLDERS)
        self.assertEqual(told["Filter-Id"], ["6045550193"])
        self.assertEqual(told["Reply-Message"], ["no policy, rated, open, , gw"])
        self.assertEqual(told["Class"], [b"2M"])

    async def test_hostile_request(self) -> None:
        """What a user sends stays the text of one value; what does not fit leaves the answer without the template's lines."""
        told = await self.answer(PLACEHOLDERS, ("Calling-Station-Id", "x'\nClass := '${node}"))
        self.assertEqual((told["Filter-Id"], told["Class"]), (["x'Class := '${node}"], [b"2M"]))
        await self.world.end()
        told = await self.answer("Filter-Id = '12345${request.Calling-Station-Id}'", ("Calling-Station-Id", "9" * 250))
        self.assertEqual((told.code, told.get("Filter-Id", []), h323(told, "h323-credit-time")), (2, [], "30000"))


NET = """\
environments: {1: {name: One, currency: CAD}}
services: {Net: {type: Netaccess}}
nodes:
  BRAS:
    nas_identifier: bras
    service: Net
    response_template: |
      # two lines
      Filter-Id := '${policy:Standard}'
"""


class LoadTests(LoadTestCase):
    """The column `response_template`, from the file to the compiled catalogue."""

    async def test_there_and_back(self) -> None:
        """The text arrives as it is written; loaded again it changes nothing; an empty text takes it away; silence leaves it."""
        wanted = "# two lines\nFilter-Id := '${policy:Standard}'\n"
        for text, held in (
            (NET, wanted), (NET, wanted), ("nodes: {BRAS: {profile: cisco}}", wanted), ("nodes: {BRAS: {response_template: ''}}", ""),
        ):  # fmt: skip
            await self.text(text)
            store = CatalogueStore(self.pool, cast(Any, reactor), self.sealer.open)
            await store.reload()
            self.assertEqual(store.current().nodes_by_identifier[1, "bras"].response_template, held)

    async def test_faults(self) -> None:
        """A wrong template is refused with all its faults, each with its place, and nothing is changed."""
        path = Path(self.mktemp())
        path.write_text(NET.replace("# two lines", "Klass = ${usr}"), "utf-8")
        database = cast(Any, SimpleNamespace(pool=self.pool, sealer=self.sealer))
        try:
            await load_file(database, str(path), Actor("test:root", 1), quiet)
        except ConfigError as error:
            told = [fault.partition(": nodes.BRAS.response_template: ")[2] for fault in error.faults]
            self.assertEqual([fault[:17] for fault in told], ["line 1, column 1:", "line 1, column 9:"])
        else:
            self.fail("it was loaded")
        self.assertEqual(self.one("select count(*) from nodes"), 0)
