"""
Child processes of the bench: as whom they run, how they are awaited and ended, what they cost.

Only processes that were started here are ever ended, by their own handle.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

TICKS = os.sysconf("SC_CLK_TCK")
"""Clock ticks a second, the unit of CPU times in /proc (proc(5))."""
LISTENING = frozenset({"07", "0A"})
"""States in /proc/net of a UDP socket without a peer and of a TCP socket that listens."""


class BenchError(Exception):
    """Something the bench needs is missing or did not work; the text says what to do."""


def service_user() -> str | None:
    """The ordinary user for daemons that refuse to run as root; None where we are not root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def give(path: Path) -> None:
    """Hand a folder or file, with all below it, to the user that the daemons run as."""
    user = service_user()
    if user is None:
        return
    shutil.chown(path, user)
    for below in path.rglob("*"):
        if not below.is_symlink():
            shutil.chown(below, user)


def virtual_environment(root: Path) -> Path:
    """The folder of the checkout's programs (`.venv/bin`); BenchError when they are not installed."""
    programs = root / ".venv" / "bin"
    if not (programs / "twistd").exists():
        raise BenchError(f"{programs} has no twistd: run `make bench`, which installs it")
    return programs


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port of 127.0.0.1 that nobody has at the moment."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def sockets_on(protocol: Literal["udp", "tcp"], port: int) -> int:
    """How many sockets of this machine listen on a port (SO_REUSEPORT: more than one may)."""
    fields = (line.split() for line in Path(f"/proc/net/{protocol}").read_text().splitlines()[1:])
    return sum(local.endswith(f":{port:04X}") and state in LISTENING for _, local, _, state, *_ in fields)


def run(
    command: Sequence[str | Path],
    *,
    text: str | None = None,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    as_service: bool = False,
) -> str:
    """
    Run a program to its end, with `text` as its input, and return what it printed.

    `environment` is added to ours. BenchError with the program's last words when it fails.
    """
    done = subprocess.run(
        [str(word) for word in command],
        input=text or "",
        text=True,
        check=False,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        user=service_user() if as_service else None,
    )
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip()[-2000:]
        raise BenchError(
            f"{' '.join(str(word) for word in command)[:300]} ended with {done.returncode}: {words}"
        )
    return done.stdout


class Daemon:
    """A process that goes on until it is told to stop; its output goes to a file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        *,
        as_service: bool,
        cwd: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=cwd,
                env={**os.environ, **(environment or {})},
                user=service_user() if as_service else None,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def alive(self) -> bool:
        """True until it has ended."""
        return self._process.poll() is None

    def until(self, ready: Callable[[], bool], seconds: float) -> None:
        """
        Wait until `ready()`, at most so long; BenchError with the end of its log when it dies or
        never is.
        """
        end = time.monotonic() + seconds
        while not ready():
            if not self.alive():
                raise BenchError(f"{self.name} ended with {self._process.returncode}: {self.last_words()}")
            if time.monotonic() > end:
                raise BenchError(f"{self.name} is not ready after {seconds:.0f} s: {self.last_words()}")
            time.sleep(0.05)

    def last_words(self) -> str:
        """The end of its log, and where the whole is."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"{text[-1500:].strip()} (whole log: {self.log})"

    def stop(self, how: signal.Signals = signal.SIGTERM, seconds: float = 20) -> None:
        """Ask it to end and wait; after `seconds` it is killed. Harmless when it has ended."""
        if self.alive():
            self._process.send_signal(how)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once with SIGKILL."""
        self._process.kill()
        self._process.wait()


def children_of(pid: int) -> list[int]:
    """Ids of the processes that this one has started and that still run."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def cpu_seconds(*pids: int) -> float:
    """CPU seconds (user and system) of processes and of their living children, 0 of one that is gone."""
    total = 0
    for one in [one for pid in pids for one in (pid, *children_of(pid))]:
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def resident_megabytes(pid: int) -> float:
    """Resident memory of a process in MiB (VmRSS)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise BenchError(f"process {pid} has no VmRSS: is it gone?")
