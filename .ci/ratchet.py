"""
The ratchet: counts that may only rise (tests, claims) or only fall (ignores, exemptions, seconds).

    python .ci/ratchet.py check                   # exit 1 when a count is worse than .ci/ratchet.yaml says
    python .ci/ratchet.py check --seconds N       # the same for the seconds alone
    python .ci/ratchet.py update [--seconds N]    # tighten .ci/ratchet.yaml to what is now; never loosens

N is how long the test stage took. Machines differ, so a new ceiling is twice what was measured.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / ".ci" / "ratchet.yaml"
FOLDERS = ("portaswitch", "handlers", "twisted", "tests", "bench", ".ci")
ROOM = 2

_IGNORE = re.compile(r"#\s*(?:type:\s*ignore|noqa|pragma:\s*no cover)")


def texts(*folders: str) -> Iterator[str]:
    """The Python sources below the folders."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.read_text("utf-8")


def tests_in(text: str) -> int:
    """How many test functions a source defines."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return sum(
        isinstance(node, kinds) and node.name.startswith("test_") for node in ast.walk(ast.parse(text))
    )


def ignores_in(text: str) -> int:
    """How many comments of a source silence a checker; text that only speaks of them doesn't count."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sum(token.type == tokenize.COMMENT and bool(_IGNORE.search(token.string)) for token in tokens)


def exemptions() -> int:
    """How many named exemptions the rules have."""
    names = ("sizes.yaml", "money.yaml")
    tables = [yaml.safe_load((ROOT / "tests" / "rules" / name).read_text("utf-8")) for name in names]
    return sum(len(entries) for table in tables for entries in table.values())


def claimed() -> int:
    """How many behaviours the tests claim; whether those passed is for `python -m tests.claims --strict`."""
    sys.path.insert(0, str(ROOT))
    from tests.claims import written

    return len(written())


def measure(seconds: int | None) -> dict[str, int]:
    """The present counts."""
    found = {
        "tests": sum(map(tests_in, texts("tests"))),
        "claims": claimed(),
        "ignores": sum(map(ignores_in, texts(*FOLDERS))),
        "exemptions": exemptions(),
    }
    return found if seconds is None else found | {"seconds": seconds}


def worse(limits: dict[str, dict[str, int]], found: dict[str, int]) -> list[str]:
    """The counts that break their limit, in words."""
    low = [
        f"{name}: {found[name]}, at least {limit} before"
        for name, limit in limits["at_least"].items()
        if name in found and found[name] < limit
    ]
    high = [
        f"{name}: {found[name]}, at most {limit} before"
        for name, limit in limits["at_most"].items()
        if name in found and found[name] > limit and not (name == "seconds" and limit == 0)
    ]
    return low + high


def tightened(text: str, limits: dict[str, dict[str, int]], found: dict[str, int]) -> str:
    """The data file with the limits that got better, its comments kept."""
    better = {name: found[name] for name, limit in limits["at_least"].items() if found.get(name, 0) > limit}
    for name, limit in limits["at_most"].items():
        value = found.get(name, limit) * (ROOM if name == "seconds" and name in found else 1)
        if value < limit or (name == "seconds" and limit == 0):
            better[name] = value
    for name, value in better.items():
        text = re.sub(rf"(?m)^(  {name}: +)\d+(?=\s)", rf"\g<1>{value}", text)
    return text


def main() -> int:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("command", choices=("check", "update"))
    parser.add_argument("--seconds", type=int)
    arguments = parser.parse_args()
    text = DATA.read_text("utf-8")
    limits = yaml.safe_load(text)
    if arguments.command == "check" and arguments.seconds is not None:
        found = {"seconds": arguments.seconds}
    else:
        found = measure(arguments.seconds)
    print(", ".join(f"{name} {value}" for name, value in found.items()))
    if arguments.command == "update":
        DATA.write_text(tightened(text, limits, found), "utf-8")
        return 0
    faults = worse(limits, found)
    for fault in faults:
        print(f"the ratchet slips: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
