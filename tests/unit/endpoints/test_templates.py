"""Response templates: the language (every operation and modifier), faults with their places, and that no value gets out of its attribute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from re import findall
from textwrap import dedent
from typing import Any, cast

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.answer_templates import BROKEN, AnswerTemplates
from portaswitch.endpoints.radius import AUTH, UNFIT, Limits, RadiusProtocol
from portaswitch.endpoints.radius_reply import Attributes
from portaswitch.endpoints.templates import FIXED, KNOWN, MORE, Template, TemplateError, Variables, compile_rows, compile_template, faults_of
from portaswitch.model.money import ZERO
from portaswitch.model.request import Base, Decision, Facts, Grant, Kind, QuotaKey
from portaswitch.wire.radius.codec import decode_pairs, encode_pairs
from portaswitch.wire.radius.packet import Code
from tests.unit.builders import AT, CARD, NODE, auth, catalogue, request
from tests.unit.endpoints.radius_world import DICTIONARY, octets, packet, table
from tests.unit.endpoints.test_radius import ACCEPT, HELLO, REJECT, RadiusCase

ANSWER: Attributes = [("Class", "old"), ("Reply-Message", "one"), ("h323-ivr-in", "Tariff:T"), ("h323-ivr-in", "DURATION:9"), ("Idle-Timeout", "60")]


def applied(text: str, known: Mapping[str, str] | None = None, answer: Attributes | None = None) -> Attributes:
    """What a template makes of an answer, by default an empty one."""
    given = known or {}
    return compile_template(text, DICTIONARY).apply(answer or [], lambda name: given.get(name, ""))


def value(template: str, known: Mapping[str, str] | None = None) -> str:
    """The value that a template makes; '' where there is none."""
    return "".join(str(text) for _, text in applied(f"Reply-Message = {template}", known))


class OperationTests(SynchronousTestCase):
    """=, := and +=."""

    def test_each(self) -> None:
        """Unless present, instead, one more; in place, and by name only."""
        for line, wanted in {
            "Class = new": ANSWER,
            "Class := new": [("Class", "new"), *ANSWER[1:]],
            "Class += new": [*ANSWER, ("Class", "new")],
            "Session-Timeout = 5": [*ANSWER, ("Session-Timeout", "5")],
            "Session-Timeout := 5": [*ANSWER, ("Session-Timeout", "5")],
            "Session-Timeout += 5": [*ANSWER, ("Session-Timeout", "5")],
            "h323-ivr-in := X:1": [*ANSWER[:2], ("h323-ivr-in", "X:1"), ANSWER[4]],
            "h323-ivr-in = X:1": ANSWER,
            "h323-ivr-in += X:1": [*ANSWER, ("h323-ivr-in", "X:1")],
            "Class := ''": ANSWER[1:],
            "Class += ''": ANSWER,
            "Class=''": ANSWER,
            "Class:=new": [("Class", "new"), *ANSWER[1:]],
            "  Class   +=new  ": [*ANSWER, ("Class", "new")],
            "Tunnel-Type:1 := VLAN": [*ANSWER, ("Tunnel-Type:1", "VLAN")],
            "Tunnel-Type:1=VLAN": [*ANSWER, ("Tunnel-Type:1", "VLAN")],
        }.items():
            self.assertEqual(applied(line, {}, ANSWER), wanted, line)
        self.assertEqual(len(ANSWER), 5)

    def test_in_order(self) -> None:
        """Each line sees what the ones before made; comments and empty lines do nothing."""
        text = "# first\n\nFilter-Id = a\nFilter-Id = b\n  # then\nFilter-Id += c\nClass = x\nClass := y\r\nClass := z\n"
        self.assertEqual(applied(text), [("Filter-Id", "a"), ("Filter-Id", "c"), ("Class", "z")])

    def test_one_behind_the_other(self) -> None:
        """A policy's template comes behind the node's."""
        one, two = (compile_template(text, DICTIONARY) for text in ("Class = node\nFilter-Id = n", "Class = policy\nFilter-Id := p"))
        self.assertEqual(one.then(two).apply([], lambda _: ""), [("Class", "node"), ("Filter-Id", "p")])

    def test_rows(self) -> None:
        """The same from rows of a table: blanks need no quotes; faults name row and place."""
        rows = [("Class", "=", "${policy} of ${node}"), ("Filter-Id", ":=", "'${policy}'")]
        known = {"policy": "Gold", "node": "bras"}
        self.assertEqual(compile_rows(rows, DICTIONARY).apply([], lambda name: known.get(name, "")), [("Class", "Gold of bras"), ("Filter-Id", "Gold")])
        error = self.assertRaises(TemplateError, compile_rows, [("Klass", "=", "x"), ("Class", "==", "x"), ("Class", "=", "ab${x")], DICTIONARY)
        self.assertEqual([(fault.line, fault.column) for fault in error.faults], [(1, 1), (2, 1), (3, 6)])


class PlaceholderTests(SynchronousTestCase):
    """${name:[modifier]default}."""

    def test_modifiers(self) -> None:
        """Each for a variable that is defined, empty, and unknown to the answer."""
        for template, defined, undefined in (
            ("${tariff}", "T", ""), ("${tariff:d}", "T", "d"), ("${tariff:-d}", "T", "d"), ("${tariff:}", "T", ""), ("${tariff:-}", "T", ""),
            ("${tariff:=d}", "", ""), ("${tariff:+d}", "d", ""), ("${tariff:?d}", "", "d"), ("${tariff:+}", "", ""), ("${tariff:?}", "", ""),
            ("${tariff:$node}", "T", "N"), ("${tariff:-$node}", "T", "N"), ("${tariff:+$node}", "N", ""), ("${tariff:?$node}", "", "N"),
            ("${tariff:$product}", "T", ""), ("${tariff:--5}", "T", "-5"), ("${tariff:?=x}", "", "=x"), ("a${tariff:b}c${node}", "aTcN", "abcN"),
            ("'${tariff:a b} ${node}'", "T N", "a b N"), ("${other:d}", "d", "d"), ("${tariff:\\}}", "T", "}"),
        ):  # fmt: skip
            self.assertEqual(value(template, {"tariff": "T", "node": "N"}), defined, template)
            self.assertEqual(value(template, {"tariff": "", "node": "N"}), undefined, template)
            self.assertEqual(value(template, {"node": "N"}), undefined, template)

    def test_assignment(self) -> None:
        """'=' substitutes nothing, and keeps the default for the rest of this answer where the variable is not defined."""
        text = "Class = ${speed:=2M}\nFilter-Id = ${speed}/${tariff:=$node}${tariff}\nReply-Message = ${speed:+yes}"
        wanted = [("Filter-Id", "2M/N"), ("Reply-Message", "yes")]
        self.assertEqual(applied(text, {"node": "N"}), wanted)
        self.assertEqual(applied(text, {"node": "N", "tariff": "T"})[0], ("Filter-Id", "2M/T"))
        self.assertEqual(applied(text, {"node": "N"}), wanted, "an answer leaves nothing to the next one")

    def test_literals(self) -> None:
        """Quotes, escapes, a lone dollar sign; text of other scripts."""
        for template, wanted in (
            ("plain", "plain"), ("'with blanks'", "with blanks"), ("'it\\'s'", "it's"), ("a\\\\b", "a\\b"), ("5$", "5$"),
            ("\\${node}", "${node}"), ("$node", "$node"), ("'  '", "  "), ("'#1'", "#1"), ("#1", "#1"), ("'a=b:=c+=d'", "a=b:=c+=d"), ("é", "é"),
        ):  # fmt: skip
            self.assertEqual(value(template, {"node": "N"}), wanted, template)

    def test_defaults_are_not_read_again(self) -> None:
        """What a variable holds is text, whatever it looks like."""
        for held in ("${node}", "$node", "a' += 'b", "x\nClass = y", "}", "\\", ":=", "'"):
            self.assertEqual(applied("Reply-Message = '<${tariff}>'", {"tariff": held, "node": "N"}), [("Reply-Message", f"<{held}>".replace("\n", ""))])


class FaultTests(SynchronousTestCase):
    """All faults at once, each with its place."""

    def test_places(self) -> None:
        """Line and column, and what to do."""
        for text, place, reason in (
            ("Klass = x", (1, 1), "did you mean Class"), ("Qqqqqqqqq = x", (1, 1), "no attribute Qqqqqqqqq"), ("= x", (1, 1), "no attribute name"),
            ("Class x", (1, 7), "no operation"), ("Class", (1, 6), "no operation"), ("Class =", (1, 8), "no value"),
            ("Class = a b", (1, 10), "single quotes"), ("Class = 'a b", (1, 9), "no closing quote"), ("Class = 'a' b", (1, 12), "follows the closing"),
            ("Class = it's", (1, 11), "a quote inside"), ("Class = a\\b", (1, 10), "a backslash"), ("\nClass = ${", (2, 11), "no variable name"),
            ("Class = ${node", (1, 15), "is not closed"), ("Class = ${node:x", (1, 9), "is not closed"), ("Class = ${no de}", (1, 13), "only : or }"),
            ("Class = ${node:${user}}", (1, 16), "do not nest"), ("Class = ${node:a b}", (1, 17), "single quotes"),
            ("Class = '${node:x'", (1, 10), "not closed"),
            ("Class = x${nodes}", (1, 10), "did you mean node"), ("Class = ${node:$usr}", (1, 9), "did you mean user"), ("Class = ${zzzzzz}", (1, 9), "docs/"),
            ("Session-Timeout = soon", (1, 1), "Session-Timeout"), ("Framed-IP-Address = 1.2.3", (1, 1), "Framed-IP-Address"),
            ("Message-Authenticator = x", (1, 1), "not for a template"), ("Vendor-Specific = x", (1, 1), "not for a template"),
            ("User-Password := x", (1, 1), "not for a template"), ("Class:1 = x", (1, 1), "tag"), (f"Class = {'x' * 254}", (1, 1), "254 octets"),
            ("Class = ${request.User-Password}", (1, 9), "proof"), ("Class = ${request.CHAP-Password:x}", (1, 9), "proof"),
            ("Cisco-AVPair = ${tariff}", (1, 1), "is a pair"), ("h323-ivr-in += ${tariff}:x", (1, 1), "is a pair"),
            ("Cisco-AVPair = =${tariff}", (1, 1), "pair"),
            ("x" * 16385, (1, 1), "longer than"),
        ):  # fmt: skip
            found = faults_of(text, DICTIONARY)
            self.assertEqual([(fault.line, fault.column) for fault in found], [place], text)
            self.assertIn(reason, str(found[0]))

    def test_all_at_once(self) -> None:
        """Every fault of a text, in its order; good lines have none."""
        error = self.assertRaises(TemplateError, compile_template, "Class = ${nod}\nFilter-Id = ok\nKlass = ${usr}\nClass = 'x", DICTIONARY)
        self.assertEqual([str(fault)[:17] for fault in error.faults], ["line 1, column 9:", "line 3, column 1:", "line 3, column 9:", "line 4, column 9:"])
        self.assertEqual(str(error).count("\n"), 3)

    def test_unknown_with_default(self) -> None:
        """A variable that nobody knows is right beside a default, or where a line assigns it."""
        self.assertEqual(applied("Class = ${mine:d}\nFilter-Id = ${own:=x}${own}"), [("Class", "d"), ("Filter-Id", "x")])


TEMPLATE = (
    "Class := '${user:nobody}'\nReply-Message = '${request.Calling-Station-Id:-?} / ${mine:=$called}${mine}'\nFilter-Id += ${called:+x}${node}\n"
    "Session-Timeout = ${granted}\nCisco-AVPair += 'policy=${policy}'\nh323-ivr-in += 'Note:${tariff:?$product}'\nIdle-Timeout := ${idle_timeout}\n"
)
NAMES = {"Class", "Reply-Message", "Filter-Id", "Session-Timeout", "Cisco-AVPair", "h323-ivr-in", "Idle-Timeout"}
HELD = st.text(max_size=300) | st.sampled_from(["\0", "\x85", "'\nUser-Name = root", "${user}", "\ud800", "é" * 200, "a=b\r\nClass=c"])


class SafetyTests(SynchronousTestCase):
    """Laws: whatever variables hold."""

    COMPILED = compile_template(TEMPLATE, DICTIONARY)

    @given(st.dictionaries(st.sampled_from(sorted(KNOWN | {"request.Calling-Station-Id"})), HELD))
    @example({"user": "x' \nUser-Name := 'root", "called": "\0"})
    @settings(max_examples=300, deadline=None)
    def test_names(self, known: dict[str, str]) -> None:
        """The names of an answer are the template's and the default answer's, each value is one text without control characters."""
        made = self.COMPILED.apply(ANSWER, lambda name: known.get(name, ""))
        self.assertLessEqual({name for name, _ in made}, NAMES | {name for name, _ in ANSWER})
        for _, held in made:
            self.assertIsInstance(held, str)
            self.assertFalse([sign for sign in str(held) if ord(sign) < 32 or 127 <= ord(sign) < 160])
        self.assertEqual([pair for pair in made if pair in ANSWER[2:4]], ANSWER[2:4])

    @given(st.dictionaries(st.sampled_from(sorted(KNOWN)), HELD))
    @settings(max_examples=300, deadline=None)
    def test_octets(self, known: dict[str, str]) -> None:
        """Encoded, an answer has as many attributes as it has values, under the same names, or it is refused as a whole."""
        made = self.COMPILED.apply([], lambda name: known.get(name, ""))
        try:
            sent = encode_pairs(made, DICTIONARY)
        except ValueError:
            return
        names = ["Cisco-AVPair" if name == "h323-ivr-in" else name for name, _ in made]
        self.assertEqual([name for name, _ in decode_pairs(sent, DICTIONARY).attributes], names)

    @given(st.text(max_size=200))
    @settings(max_examples=300, deadline=None)
    def test_any_text(self, text: str) -> None:
        """Any text compiles or has faults with places in it; nothing else is raised."""
        for fault in faults_of(text, DICTIONARY):
            self.assertTrue(1 <= fault.line <= text.count("\n") + 1 and 1 <= fault.column <= len(text) + 1, str(fault))

    @given(st.lists(st.sampled_from(["Class", " ", "=", ":=", "+=", "'", "${", "user", ":", "-", "?", "$node", "}", "\\", "\n", "x"]), max_size=20))
    @settings(max_examples=500, deadline=None)
    def test_any_words(self, words: list[str]) -> None:
        """The same of texts made of the language's own signs; what compiles can be applied."""
        try:
            template = compile_template("".join(words), DICTIONARY)
        except TemplateError:
            return
        self.assertLessEqual({name for name, _ in template.apply([], lambda _: "v")}, {"Class"})


class VariableTests(SynchronousTestCase):
    """What placeholders may name."""

    FACTS = Facts(CARD, 101, 1, "CAD", "en", "P", "T", ZERO, None, None, "82", "83", more={"policy": "Gold", "policy_phase": "turbo", "mine": "m"})

    def test_facts(self) -> None:
        """Fixed facts, those by name, and the guide's names of the access policy."""
        asked = auth(requested=0)
        known = Variables(packet(Code.ACCESS_REQUEST, HELLO), asked, Decision((Grant(QuotaKey(), Base.TIME, 60),), None, self.FACTS))
        wanted = {
            "account_id": CARD, "i_account": "101", "balance": "0.00000", "available": "", "granted": "60", "node": "gw", "user": CARD, "session": "s1",
            "netaccess.speed_limit.name": "Gold", "netaccess.speed_limit.type": "turbo", "policy": "Gold", "mine": "m", "nothing": "", "tariff": "T",
            "complete_number": "82", "rated_number": "83", "called": "82623634515", "calling": "6045550193", "language": "en", "currency": "CAD",
            "product": "P",
        }  # fmt: skip
        self.assertEqual({name: known(name) for name in wanted}, wanted)
        bare = Variables(packet(Code.ACCESS_REQUEST, HELLO), request(Kind.AUTH), Decision())
        self.assertEqual({name for name in (*FIXED, *MORE) if bare(name)}, {"called", "calling", "node", "session", "user"})

    def test_request(self) -> None:
        """Attributes by name, numbers by their word, pairs of h323-ivr-out and of Cisco-AVPair; never octets or proofs."""
        attributes: Attributes = [
            *HELLO, ("Service-Type", "Framed-User"), ("NAS-Port", 7), ("User-Password", "secret"), ("Digest-Response", "0" * 32), ("State", b"s"),
            ("h323-ivr-out", "transactionID:1"), ("h323-ivr-out", "transactionID:2"), ("Cisco-AVPair", "client-mac=aa"),
        ]  # fmt: skip
        known = Variables(packet(Code.ACCESS_REQUEST, attributes), request(Kind.AUTH), Decision())
        wanted = {
            "User-Name": CARD, "Service-Type": "Framed-User", "NAS-Port": "7", "User-Password": "", "Digest-Response": "", "State": "", "transactionID": "2",
            "client-mac": "aa", "Class": "", "": "",
        }  # fmt: skip
        self.assertEqual({name: known(f"request.{name}") for name in wanted}, wanted)


class DocumentTests(SynchronousTestCase):
    """docs/templates.rst."""

    TEXT = (Path(__file__).parents[3] / "docs" / "templates.rst").read_text(encoding="utf-8")

    def test_variables(self) -> None:
        """Every variable is in the table."""
        self.assertEqual([name for name in sorted(KNOWN) if f"``{name}``" not in self.TEXT], [])

    def test_examples(self) -> None:
        """The examples compile and do what is said of them."""
        examples = self.TEXT[self.TEXT.index("\nExamples\n") :]
        bras, mikrotik, cisco, switch = [dedent(block) for block in findall(r"::\n\n((?:    .*\n)+)", examples)]
        gold = {"netaccess.speed_limit.name": "Gold", "policy": "Gold", "framed_ip": "192.0.2.1", "user": "u"}
        self.assertEqual(applied(bras, gold), [("Filter-Id", "Gold"), ("Acct-Interim-Interval", "300")])
        self.assertEqual(applied(bras), [("Filter-Id", "Standard"), ("Framed-Pool", "dynamic"), ("Acct-Interim-Interval", "300")])
        self.assertEqual(applied(mikrotik), [("Mikrotik-Rate-Limit", "2000000/10000000")])
        self.assertEqual(applied(mikrotik, {"upload_rate": "5"}), [("Mikrotik-Rate-Limit", "5/10000000")])
        self.assertEqual(dict(applied(switch, gold))["Tunnel-Private-Group-Id:1"], "20")
        for made in (applied(cisco), applied(switch)):
            self.assertTrue(encode_pairs(made, DICTIONARY))


class EndpointTests(RadiusCase):
    """Applied by the endpoint."""

    def prepared(self, text: str, **policies: str) -> None:
        """A port whose node has this template; `policies` are templates of level regular by policy."""
        self.begin(Limits(reject_delay=0))
        known = replace(catalogue(), nodes={7: replace(NODE, response_template=text)})
        templates = AnswerTemplates.of_catalogue(
            known, {(1, name, "regular"): compile_template(lines, DICTIONARY) for name, lines in policies.items()}
        )  # fmt: skip
        clients = table()
        clients.templates = templates
        self.protocol = RadiusProtocol(AUTH, self.desk, lambda: clients, self.clock, lambda: AT, Limits(reject_delay=0))
        self.protocol.makeConnection(cast(Any, self.wire))

    def answered(self, decision: Decision) -> Attributes:
        """The attributes of the answer, less the signature."""
        hello = octets(Code.ACCESS_REQUEST, [*HELLO, ("Calling-Station-Id", "6045550193")])
        self.wire.sent.clear()
        self.receive(hello)
        self.desk.decide(decision)
        return self.answers(hello)[-1].attributes[1:]

    def test_accept(self) -> None:
        """Lines are applied to an accept and not to a reject; variables come from the request."""
        self.prepared("Filter-Id = 'from ${request.Calling-Station-Id} at ${node}'\nh323-currency := USD")
        told = dict(self.answered(ACCEPT))
        self.assertEqual((told["Filter-Id"], told["h323-currency"]), ("from 6045550193 at gw", "USD"))
        self.assertNotIn("Filter-Id", dict(self.answered(REJECT)))

    def test_policy(self) -> None:
        """The policy's lines follow the node's, for the policy and level of the facts."""
        self.prepared("Class = node", Gold="Class := '${policy}'\nFilter-Id = gold")
        gold = replace(ACCEPT, facts=replace(ACCEPT.facts, more={"policy": "Gold", "policy_level": "regular"}))
        self.assertEqual([(name, held) for name, held in self.answered(gold) if name in ("Class", "Filter-Id")], [("Class", b"Gold"), ("Filter-Id", "gold")])
        silver = replace(ACCEPT, facts=replace(ACCEPT.facts, more={"policy": "Silver"}))
        self.assertEqual(dict(self.answered(silver))["Class"], b"node")

    def test_unfit(self) -> None:
        """What can't be sent is counted, and the default answer goes out: a wrong type, too long a value, too large a packet."""
        self.prepared("")
        default = self.answered(ACCEPT)
        lines = "\n".join("Reply-Message += '" + "x" * 200 + "${user}'" for _ in range(30))
        for text in ("Session-Timeout = ${user}x", f"Filter-Id = '{'x' * 250}${{user}}'", lines):
            self.prepared(text)
            before = UNFIT.get("gw")
            self.assertEqual(self.answered(ACCEPT), default)
            self.assertEqual(UNFIT.get("gw") - before, 1)

    def test_broken(self) -> None:
        """A text that does not compile is counted and not applied."""
        before = BROKEN.get("gw")
        self.prepared("Klass = x")
        self.assertEqual((BROKEN.get("gw") - before, "Class" in dict(self.answered(ACCEPT))), (1, False))

    def test_templates_are_values(self) -> None:
        """Two of the same text are equal."""
        self.assertEqual(compile_template("Class = x", DICTIONARY), compile_template("Class = x", DICTIONARY))
        self.assertNotEqual(compile_template("Class = x", DICTIONARY), Template(()))
