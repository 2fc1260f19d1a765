"""
The command line: `portaswitch [--config FILE] COMMAND ...` for operators (docs/cli.rst).

Results go to standard output, a table for people or with `--json` one document for programs; errors go to
standard error, one line each, with what to do. Exit status: 0 done, 1 failed (or what was checked is not in
order), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run one command (of the process's own command line by default) and give the exit status.

    Wrong usage, `--help` and `--version` end in SystemExit, as argparse does it.
    """
    try:
        # Here, as reading the modules takes the most of a second, in which Ctrl-C must be as clean as later.
        from portaswitch.cli.program import execute

        return execute(arguments)
    except KeyboardInterrupt:
        sys.stderr.write("portaswitch: interrupted\n")
        return 130
