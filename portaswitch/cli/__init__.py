"""
The command line: `portaswitch [--config FILE] COMMAND ...` for operators (docs/cli.rst).

Results go to standard output, a table for people or with `--json` one document for programs; errors go to standard error, one line
each, with what to do. Exit status: 0 done, 1 failed (or what was checked is not in order), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

from portaswitch.cli.program import main

__all__ = ["main"]
