"""
Make the compiled wheel, or a compiled tree to test.

    python -m compiled [--wheel DIR] [--tree DIR] [--list]

It needs a C compiler and the interpreter's headers (Debian: gcc, python3-dev) and the tools of `make lint`; some three minutes of two cores.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from compiled import tree
from compiled.written_out import Refused


def main() -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m compiled", description="Make a wheel of the server whose hot path is compiled by mypyc.")
    parser.add_argument("--wheel", type=Path, default=Path("dist"), metavar="DIR", help="put the wheel here (dist)")
    parser.add_argument("--tree", type=Path, metavar="DIR", help="make no wheel but this folder to run from, compiled modules beside their sources")
    parser.add_argument("--list", action="store_true", help="tell which modules are compiled and which are not, and why")
    parser.add_argument("--level", default="2", help="of gcc's optimization (2)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="compilers at once (one a core)")
    options = parser.parse_args()
    compiled, left = tree.divided()
    if options.list:
        print("\n".join([*compiled, *(f"{name}: interpreted, {reason}" for name, reason in left.items())]))
        return 0
    faults = tree.heirs(compiled) or _lacking()
    if faults:
        print("\n".join(faults), file=sys.stderr)
        return 1
    begun = time.monotonic()
    print(f"Compiling {len(compiled)} modules; {len(left)} stay interpreted. This takes some minutes ...", flush=True)
    try:
        with tempfile.TemporaryDirectory(prefix="portaswitch-compiled.") as temporary:
            code = _build(options.tree or Path(temporary), compiled, options)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    print(f"{'Done' if not code else 'Failed'} after {time.monotonic() - begun:.0f} s.")
    return code


def _lacking() -> list[str]:
    """What is not there to compile with."""
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    there = {str(headers): headers.is_file(), "gcc": shutil.which("gcc") is not None}
    return [f"No {name}: apt install gcc python3-dev" for name, found in there.items() if not found]


def _build(into: Path, compiled: list[str], options: argparse.Namespace) -> int:
    """Copy and build; what the compilers said is shown where they failed."""
    tree.make(into, compiled, options.level, options.jobs)
    words = ["build_ext", "--inplace"] if options.tree else ["bdist_wheel", "--dist-dir", str(options.wheel.resolve())]
    log = into / "build.log"
    with log.open("w") as output:
        ended = subprocess.run([sys.executable, "setup.py", "--quiet", *words], cwd=into, stdout=output, stderr=subprocess.STDOUT)
    if ended.returncode:
        print("\n".join(log.read_text().splitlines()[-40:]), file=sys.stderr)
    elif not options.tree:
        print("\n".join(f"Made {path}" for path in options.wheel.glob("*.whl")))
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main())
