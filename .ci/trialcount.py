"""
Trial's own counts, read from logs of its output: for the closing line of .ci/run, and so that no skip passes.

    python3 .ci/trialcount.py stage LOG      # exit 1 when a run in the log skipped, excused or ran nothing
    python3 .ci/trialcount.py total N LOG..  # 'N passed, N failed', with N stages that no test speaks of

Standard library only: it runs before any environment exists.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

_RAN = re.compile(r"^Ran (\d+) tests? in ")
_CLOSING = re.compile(r"^(?:PASSED|FAILED)(?: \((.*)\))?$")
#: Words of the closing line that excuse a test.
EXCUSES = ("skips", "expectedFailures", "unexpectedSuccesses", "todos")


@dataclass(frozen=True)
class Count:
    """What one run of trial says of itself."""

    ran: int
    words: dict[str, int]

    @property
    def passed(self) -> int:
        """Tests that succeeded."""
        return self.words.get("successes", 0)

    @property
    def failed(self) -> int:
        """Tests that failed or broke."""
        return self.words.get("failures", 0) + self.words.get("errors", 0)


def counts(text: str) -> list[Count]:
    """The runs in a log: each is a line 'Ran N tests in S' with the closing line that follows it."""
    found: list[Count] = []
    ran: int | None = None
    for line in text.splitlines():
        if started := _RAN.match(line.strip()):
            ran = int(started[1])
        elif (closing := _CLOSING.match(line.strip())) and ran is not None:
            pairs = (word.strip().split("=") for word in (closing[1] or "").split(",") if "=" in word)
            found.append(Count(ran, {name: int(number) for name, number in pairs}))
            ran = None
    return found


def complaints(text: str) -> list[str]:
    """Why a log of a test stage is no proof: no run, a run of nothing, a skip, a todo."""
    runs = counts(text)
    found = [] if runs else ["trial closed no run in this log"]
    for run in runs:
        if run.ran == 0:
            found.append("Ran 0 tests")
        found += [f"{word}={run.words[word]}" for word in EXCUSES if run.words.get(word)]
    return found


def main(arguments: list[str]) -> int:
    """Run one of the two commands."""
    command, *rest = arguments
    if command == "stage":
        found = complaints(Path(rest[0]).read_text("utf-8", "replace"))
        for complaint in found:
            print(f"not accepted: {complaint}")
        return 1 if found else 0
    runs = [run for log in rest[1:] for run in counts(Path(log).read_text("utf-8", "replace"))]
    print(
        f"{sum(run.passed for run in runs)} passed, {sum(run.failed for run in runs) + int(rest[0])} failed"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
