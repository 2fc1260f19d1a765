"""What the system says of this process, under the names that every Prometheus client has; read from /proc when the metrics are."""

from __future__ import annotations

import os
import platform
import resource
from pathlib import Path
from time import time

import twisted

from portaswitch import __build__, __version__
from portaswitch.metrics import Gauge, Info, Total

PROC = Path("/proc/self")
STARTED = time()

RUNS = Info(
    "portaswitch_build_info", "What runs", {"version": __version__, "build": __build__, "python": platform.python_version(), "twisted": twisted.__version__}
)
CPU = Total("process_cpu_seconds_total", "CPU time that the process has used, in its own code and in the system's")
RESIDENT = Gauge("process_resident_memory_bytes", "Memory of the process that is in RAM")
VIRTUAL = Gauge("process_virtual_memory_bytes", "Address space of the process")
OPEN = Gauge("process_open_fds", "Open file descriptors")
MOST = Gauge("process_max_fds", "File descriptors that it may open (LimitNOFILE)")
START = Gauge("process_start_time_seconds", "When the process started, in seconds since 1970")


def _cpu() -> float:
    used = os.times()
    return round(used.user + used.system, 2)


def _pages(place: int) -> int:
    """A field of statm (proc(5)), in octets."""
    return int((PROC / "statm").read_text("ascii").split()[place]) * resource.getpagesize()


def expose() -> None:
    """From now on the metrics say how it is, where the system has /proc."""
    START.read = lambda: round(STARTED, 2)
    CPU.read = _cpu
    if not PROC.is_dir():
        return
    RESIDENT.read = lambda: _pages(1)
    VIRTUAL.read = lambda: _pages(0)
    OPEN.read = lambda: len(os.listdir(PROC / "fd")) - 1  # one is that of the listing
    MOST.read = lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0]
