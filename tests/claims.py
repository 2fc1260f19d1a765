"""
Claims: which behaviours of the facts in tests/spec a test has seen on the wire.

    @claims("calix.7", "mr15.add-duration.3")
    def test_...(self): ...

An id is `integration.n` of integrations.yaml or `mr15.feature.n` of mr15.yaml, counted from 1. A claim counts
when its test ran and its body passed: it then adds a line to _claims.jsonl in the checkout, which `make test`
starts anew. `python -m tests.claims` prints how much of each integration is claimed, and which ids are not;
with --strict it fails when an id that some test claims was not seen (the test did not run, or failed).
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache, wraps
from pathlib import Path
from typing import Any

import yaml
from twisted.internet.defer import Deferred

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "_claims.jsonl"
#: Only tests that look at the whole server from outside can claim.
CLAIMERS = ("tests.server", "tests.interop")
MOST = 3

Test = Callable[..., Any]


@cache
def behaviours() -> dict[str, str]:
    """All ids that can be claimed, in the order of the facts, with their text."""
    spec = ROOT / "tests" / "spec"
    integrations = yaml.safe_load((spec / "integrations.yaml").read_text("utf-8"))["integrations"]
    known = {f"{one['id']}.{fact['n']}": fact["text"] for one in integrations for fact in one["behaviours"]}
    for feature in yaml.safe_load((spec / "mr15.yaml").read_text("utf-8"))["features"]:
        for number, text in enumerate(feature["behaviours"], 1):
            known[f"mr15.{feature['id']}.{number}"] = text
    return known


def refuse(module: str, ids: tuple[str, ...]) -> str | None:
    """Why a test of the module can't claim these ids; None when it can."""
    if not module.startswith(tuple(f"{start}." for start in CLAIMERS)):
        return f"{module}: only tests in {' and '.join(CLAIMERS)} see the wire"
    if not 1 <= len(ids) <= MOST:
        return f"{module}: a test claims 1 to {MOST} ids, not {len(ids)}"
    unknown = [name for name in ids if name not in behaviours()]
    return f"{module}: not in tests/spec: {', '.join(unknown)}" if unknown else None


def claims(*ids: str) -> Callable[[Test], Test]:
    """Claim behaviours for a test; raises ValueError where `refuse` has a reason."""

    def decorate(test: Test) -> Test:
        reason = refuse(test.__module__, ids)
        if reason is not None:
            raise ValueError(reason)
        return recorded(test, ids, RECORD)

    return decorate


def recorded(test: Test, ids: tuple[str, ...], record: Path) -> Test:
    """The test, synchronous or not, which adds its ids to the record when its body has passed."""

    def passed(result: Any) -> Any:
        with record.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"ids": ids, "test": f"{test.__module__}.{test.__qualname__}"}) + "\n")
        return result

    @wraps(test)
    def run(*args: Any) -> Any:
        result = test(*args)
        if inspect.iscoroutine(result):
            result = Deferred.fromCoroutine(result)
        return result.addCallback(passed) if isinstance(result, Deferred) else passed(result)

    return run


def claimed_in(text: str) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, list[ast.expr]]]:
    """Yield each function of a file that carries @claims(...), with the arguments."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for mark in node.decorator_list:
                if (
                    isinstance(mark, ast.Call)
                    and getattr(mark.func, "id", getattr(mark.func, "attr", "")) == "claims"
                ):
                    yield node, mark.args


def written() -> set[str]:
    """The ids that the source of the tests claims, whether those tests passed or not."""
    paths = [path for start in CLAIMERS for path in (ROOT / start.replace(".", "/")).rglob("*.py")]
    calls = (call for path in paths for call in claimed_in(path.read_text("utf-8")))
    return {
        arg.value
        for _, args in calls
        for arg in args
        if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
    }


def seen(record: Path = RECORD) -> set[str]:
    """The ids that tests of the last run recorded."""
    lines = record.read_text("utf-8").splitlines() if record.exists() else []
    return {name for line in lines for name in json.loads(line)["ids"]}


def report(known: Iterable[str], proven: set[str]) -> list[str]:
    """
    The lines of `make coverage-of-spec`: claimed / total and the unclaimed numbers for each integration, then
    the sum.
    """
    groups: dict[str, list[str]] = {}
    for name in known:
        groups.setdefault(name.rpartition(".")[0], []).append(name)
    lines = []
    for group, names in groups.items():
        missing = [name.rpartition(".")[2] for name in names if name not in proven]
        rest = f"unclaimed: {' '.join(missing)}" if missing else ""
        lines.append(f"{group:<28} {len(names) - len(missing):>3} /{len(names):>3}  {rest}".rstrip())
    total = sum(map(len, groups.values()))
    return [*lines, f"{'all':<28} {len(proven.intersection(known)):>3} /{total:>3}"]


def main(arguments: list[str]) -> int:
    """Print the report; with --strict, 1 when a claim in the source was not proven by a test that passed."""
    proven = seen()
    print("\n".join(report(list(behaviours()), proven)))
    unproven = sorted(written() - proven)
    if unproven:
        print(f"claimed, but no such test passed in the last run: {' '.join(unproven)}")
    return 1 if unproven and "--strict" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
