"""Dataclasses written out for mypyc are what the decorator makes."""

from __future__ import annotations

import ast
import dataclasses
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from compiled import described, tree
from compiled.fitness import unfit
from compiled.written_out import DESCRIBED, Refused, written_out

SAMPLE = '''
from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True, order=True)
class Price:
    """What it says."""

    amount: int
    currency: str = "USD"

    @property
    def text(self) -> str:
        return f"{self.amount} {self.currency}"


@dataclass(slots=True)
class Basket:
    owner: str  # who pays
    prices: list[Price] = field(default_factory=list)
    secret: str = field(default="x", repr=False)
    known: dict[int, str] = field(
        default_factory=dict, init=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Gift(Price):
    words: tuple[str, ...] = ("with", "love")

    def __repr__(self) -> str:
        return "a gift"


@dataclass(frozen=True, repr=False)
class Checked:
    percent: int

    def __post_init__(self) -> None:
        if self.percent > 100:
            raise ValueError(f"{self.percent} %")
'''


def _module(text: str) -> Any:
    made = sys.modules["sample"] = types.ModuleType("sample")
    exec(compile(text, "sample", "exec"), made.__dict__)  # of this file, and what is written out of it
    return made


class _Both(SynchronousTestCase):
    """The sample as it is, and written out."""

    def setUp(self) -> None:
        for name in (DESCRIBED, "sample"):
            self.addCleanup(sys.modules.pop, name)
        sys.modules[DESCRIBED] = described
        self.plain, self.written = _module(SAMPLE), _module(written_out(SAMPLE, "sample", True))

    def both(self, told: Callable[[Any], object]) -> None:
        """The same is told of both."""
        self.assertEqual(told(self.written), told(self.plain))


class WrittenOutTests(_Both):
    """Laws of a value."""

    def test_plain(self) -> None:
        """No decorator is left, and the classes are plain."""
        text = written_out(SAMPLE, "sample", True)
        self.assertNotIn("@dataclass", text)
        self.assertIn("# who pays", text)

    @given(st.integers(), st.integers(), st.sampled_from(("USD", "EUR")))
    def test_values(self, one: int, other: int, currency: str) -> None:
        """Equality, hash, order and text are those of the decorator."""

        def told(sample: Any) -> object:
            pair = sample.Price(one, currency), sample.Price(other)
            return (
                repr(pair), pair[0] == pair[1], pair[0] < pair[1], pair[0] >= pair[1], hash(pair[0]), len({*pair}), pair[0].text, pair[0] == (one, currency),
            )  # fmt: skip

        self.both(told)

    def test_other_class(self) -> None:
        """One of another class is another value, though its fields are the same."""
        self.both(lambda sample: (sample.Gift(1) == sample.Price(1), sample.Price(1) == sample.Gift(1), repr(sample.Gift(1)), hash(sample.Gift(1, "EUR", ()))))

    def test_made_anew(self) -> None:
        """What a factory makes is each one's own; what has no part in `__init__`, equality or text hasn't."""

        def told(sample: Any) -> object:
            one, other = sample.Basket("a"), sample.Basket(owner="a", prices=[])
            one.known[1] = "b"
            same = one == other
            one.prices.append(sample.Price(3))
            return same, repr(one), repr(other), one == other, other.known

        self.both(told)
        self.assertRaises(TypeError, self.written.Basket, "a", known={})

    def test_replaced(self) -> None:
        """`replace`, `fields` and `asdict` know them."""

        def told(sample: Any) -> object:
            gift = sample.replace(sample.Gift(1), words=())
            names = [field.name for field in dataclasses.fields(gift)]
            return gift.words, gift.amount, names, dataclasses.asdict(gift), dataclasses.is_dataclass(gift)

        self.both(told)

    def test_replaced_by_its_own_class(self) -> None:
        """The copy has the class of the original; a name that is no field is refused, and values are checked."""
        for sample in (self.plain, self.written):
            gift = sample.Gift(1, "EUR", ("a",))
            self.assertEqual(repr(sample.replace(sample.Price(2, "EUR"), amount=3)), "Price(amount=3, currency='EUR')")
            self.assertEqual((type(sample.replace(gift)), sample.replace(gift), sample.replace(gift) is gift), (sample.Gift, gift, False))
            self.assertRaises(TypeError, sample.replace, gift, colour="red")
            self.assertRaises(ValueError, sample.replace, sample.Checked(5), percent=101)
            self.assertRaises((TypeError, ValueError), sample.replace, sample.Basket("a"), known={})
            self.assertEqual(sample.replace(sample.Basket("a"), owner="b").owner, "b")

    def test_checked(self) -> None:
        """`__post_init__` is called."""
        self.assertRaises(ValueError, self.written.Checked, 101)
        self.both(lambda sample: sample.Checked(5).percent)

    def test_refused(self) -> None:
        """What is not written out is refused with its place."""
        for text, why in (("@dataclass(kw_only=True)\nclass A:\n    a: int\n", "kw_only"), ("@dataclass\nclass A(dict):\n    a: int\n", "bases")):
            fault = self.assertRaises(Refused, written_out, "from dataclasses import dataclass\n" + text, "m.py", True)
            self.assertIn(why, str(fault))


class TreeTests(SynchronousTestCase):
    """The modules that are compiled."""

    def test_chosen(self) -> None:
        """Every line names modules that are there, and each of them can be written out."""
        compiled, left = tree.divided()
        self.assertGreater(len(compiled), 5 * len(left))
        self.assertLess({"portaswitch.store.ledger", "portaswitch.billing.rating"}, {*compiled})  # named itself, of a named package
        self.assertNotIn("portaswitch.model.value", compiled)
        for name in compiled:
            path = tree.ROOT.joinpath(*name.split(".")).with_suffix(".py")
            self.assertIsInstance(ast.parse(written_out(path.read_text(), name, True)), ast.Module)

    def test_heirs(self) -> None:
        """No interpreted class inherits from a compiled one; one that did would be found."""
        compiled, _ = tree.divided()
        self.assertEqual(tree.heirs(compiled), [])
        found = tree.heirs([*compiled, "portaswitch.model.verify"])
        self.assertEqual(found, [])
        found = tree.heirs(["portaswitch.model.verify"])
        self.assertIn("portaswitch/endpoints/sip_credentials.py: DigestVerify inherits from Verify", found)

    def test_unfit(self) -> None:
        """What mypyc would take otherwise stays interpreted."""
        for text, word in (
            ("class A(Enum):\n    def __init__(self): pass", "enumeration"),
            ("def f():\n    @g\n    def h(): pass", "decorated"),
            ("def f():\n    try: g()\n    except A as e: pass\n    except B as e: pass", "several"),
            ("if TYPE_CHECKING:\n    a = 1\nelse:\n    a = 2", "branch"),
            ("def f(): pass", ""),
        ):
            self.assertIn(word, unfit(ast.parse(text)))

    def test_lines(self) -> None:
        """What is written out has a traceback's lines of the copy; fields keep theirs."""
        path = Path(tree.ROOT, "portaswitch/model/charge.py")
        text = path.read_text().splitlines()
        written = written_out(path.read_text(), "charge", True).splitlines()
        self.assertEqual([line for line in text if line.startswith("class ")], [line for line in written if line.startswith("class ")])
