"""
Telling a supervisor how we are, as sd_notify(3) does it: a datagram to the socket that NOTIFY_SOCKET names. Under systemd with `Type=notify` the unit
is started when we are ready, and restarted when `WatchdogSec` passes without a word of ours.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

READY, STOPPING, ALIVE = "READY=1", "STOPPING=1", "WATCHDOG=1"


def tell(state: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send one state; without a supervisor, or with one that does not listen any more, nothing happens."""
    place = environ.get("NOTIFY_SOCKET", "")
    if not place.startswith(("/", "@")):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.setblocking(False)
        sender.sendto(state.encode(), "\0" + place[1:] if place[0] == "@" else place)


def patience(environ: Mapping[str, str] = os.environ) -> float:
    """Seconds after which a silent process is taken for dead (WATCHDOG_USEC); 0: nobody watches this process."""
    text, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not (text.isascii() and text.isdigit()) or pid not in ("", str(os.getpid())):
        return 0
    return int(text) / 1_000_000
