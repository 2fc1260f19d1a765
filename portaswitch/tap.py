"""`twistd portaswitch`: the options, and the service they make. One of the three places that know the global reactor."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError
from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger
from twisted.python import usage
from twisted.python.failure import Failure

from portaswitch import supervisor
from portaswitch.config import load
from portaswitch.config.settings import Settings
from portaswitch.errors import ConfigError
from portaswitch.service import Server, explain, loading

_log = Logger()


class Options(usage.Options):
    """What may stand behind `twistd -n portaswitch`."""

    optParameters = [
        ["config", "c", "config/portaswitch.yaml", "Configuration file (docs/configuration.rst)."],
        ["load", "l", None, "Load this catalogue file first, as `portaswitch load` does (idempotent)."],
    ]

    def postOptions(self) -> None:
        """Read the configuration: all its faults at once, before anything is started."""
        try:
            self["settings"] = load(self["config"])
        except ConfigError as error:
            raise usage.UsageError("\n".join(("the configuration has faults:", *error.faults))) from error


def makeService(options: Options) -> Service:
    """The server as a service; a start that fails says why in one line and ends the process with status 1."""
    from twisted.internet import reactor

    settings: Settings = options["settings"]
    server = Server(reactor, settings, loading(options["load"], settings) if options["load"] else None)
    reactor.addSystemEventTrigger("before", "shutdown", supervisor.tell, supervisor.STOPPING)
    if not os.isatty(0):  # on a terminal its end is ours too
        main: Any = reactor
        signal.signal(signal.SIGHUP, lambda *_: main.callFromThread(server.reopen_logs))
    _ = server.ready.addCallbacks(_say, _give_up, callbackArgs=(server, settings, options["config"]), errbackArgs=(reactor,))
    return server


def _say(lines: list[str], server: Server, settings: Settings, config: str) -> None:
    for line in lines:
        _log.info("listening: {line}", line=line)
    for line in try_these(settings, config):
        _log.info("{line}", line=line)
    server.calm_collector()
    patience = supervisor.patience()
    if patience:
        server.watched(patience / 3, lambda: supervisor.tell(supervisor.ALIVE))
    _log.info("ready")
    supervisor.tell(supervisor.READY)


def try_these(settings: Settings, config: str) -> list[str]:
    """Three commands for somebody who sees the server for the first time."""
    port = settings.radius.auth_port
    command = os.path.join(os.path.dirname(sys.argv[0]), "portaswitch")  # beside the twistd that was started, which need not be on the path
    return [
        "try:",
        f"  {command} --config {config} radius-test --secret testing123 10086610975 01182623634515",
        f"  echo 'User-Name = 10086610975, NAS-IP-Address = 164.9.9.100' | radclient 127.0.0.1:{port} auth testing123",
        f"  {command} --config {config} xdr list",
    ]


def _give_up(failure: Failure, reactor: Any) -> None:
    if failure.check(CancelledError):
        return
    _log.critical("can't start: {reason}", reason=explain(failure.value or Exception(str(failure))))
    # twistd has no way to end with a status of our choice; leaving behind everything else's shutdown is the nearest.
    reactor.addSystemEventTrigger("after", "shutdown", os._exit, 1)
    reactor.callWhenRunning(_stop, reactor)  # a start may fail before the reactor runs


def _stop(reactor: Any) -> None:
    with suppress(ReactorNotRunning):  # a Ctrl-C during the start is stopping it already
        reactor.stop()
