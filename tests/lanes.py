"""
`make test`: rules, unit tests and tests of the whole server, as many trial processes at once as there are cores.

    python -m tests.lanes [--lanes N] [MODULE ...]

The modules are dealt into groups; each lane runs one group after another in a trial of its own, with a folder and a PostgreSQL of its own. What trial prints
comes out module by module, so that lines of two lanes never mix; its counts and failures come when a group is through. 0 when every group passed.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: They come first and together: nobody of them needs a database.
QUICK = ("tests.rules", "tests.unit")
#: Of the tests of the server: each costs the start of an interpreter and of a PostgreSQL, some seconds, and none is long beside another at the end.
GROUPS = 10
LINE_BY_LINE = {**os.environ, "PYTHONUNBUFFERED": "1"}


def groups() -> list[list[str]]:
    """All modules: the quick ones, and those of the server, dealt in turn."""
    server = [f"tests.server.{path.stem}" for path in sorted((ROOT / "tests/server").glob("test_*.py"))]
    return [list(QUICK), *[server[first::GROUPS] for first in range(GROUPS)]]


class Lane(threading.Thread):
    """Runs groups until none is left; `failed` are those that did not pass."""

    def __init__(self, number: int, waiting: deque[list[str]], printing: threading.Lock) -> None:
        super().__init__(name=f"lane {number}", daemon=True)
        self._folder, self._waiting, self._printing = f"_trial_temp.{number}", waiting, printing
        self._process: subprocess.Popen[str] | None = None
        self.failed: list[list[str]] = []

    def run(self) -> None:
        """One group after another."""
        while True:
            try:
                group = self._waiting.popleft()
            except IndexError:
                return
            if self._trial(group):
                self.failed.append(group)

    def _trial(self, group: list[str]) -> int:
        command = [sys.executable, "-m", "twisted.trial", f"--temp-directory={self._folder}", *group]
        with subprocess.Popen(
            command, cwd=ROOT, env=LINE_BY_LINE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as self._process:
            assert self._process.stdout is not None
            self._tell(self._process.stdout)
        return self._process.returncode

    def _tell(self, lines: Iterable[str]) -> None:
        """Print the output in pieces that belong together: a module begins at the first column of its line."""
        piece: list[str] = []
        for line in lines:
            if line.startswith("tests.") and piece:
                self._print(piece)
                piece = []
            piece.append(line)
        self._print(piece)

    def _print(self, piece: list[str]) -> None:
        with self._printing:
            sys.stdout.write("".join(piece))
            sys.stdout.flush()

    def stop(self) -> None:
        """As a Ctrl-C would."""
        self._waiting.clear()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.lanes", description="rules, unit tests and tests of the server, in lanes")
    parser.add_argument("--lanes", type=int, default=min(os.cpu_count() or 1, 4), help="trial processes at once (one a core, at most 4)")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="these modules only, each a group of its own")
    options = parser.parse_args()
    waiting = deque([[module] for module in options.modules] or groups())
    printing = threading.Lock()
    lanes = [Lane(number, waiting, printing) for number in range(1, options.lanes + 1)]
    for lane in lanes:
        lane.start()
    try:
        for lane in lanes:
            lane.join()
    except KeyboardInterrupt:
        for lane in lanes:
            lane.stop()
            lane.join(10)
        return 130
    failed = [group for lane in lanes for group in lane.failed]
    for group in failed:
        print(f"not passed: {' '.join(group)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
