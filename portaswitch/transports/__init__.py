"""One file an outbound wire; `transport` builds the one that a handler's target needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from portaswitch.handler.targets import FileTarget, HttpTarget, LineTarget, SqlTarget, Target
from portaswitch.interfaces.transport import ITransport
from portaswitch.transports.file import FileTransport
from portaswitch.transports.http import HttpTransport
from portaswitch.transports.line import LineTransport
from portaswitch.transports.sql import SqlTransport

_KINDS: Mapping[type[Target], Callable[..., ITransport]] = {
    HttpTarget: HttpTransport,
    LineTarget: LineTransport,
    SqlTarget: SqlTransport,
    FileTarget: FileTransport,
}


def transport(reactor: Any, name: str, target: Target, values: Mapping[str, Any]) -> ITransport:
    """
    The transport of a target. `values` are the options of the handler instance; `seconds`, `parallel` and `rate` among them stand for the target's own
    (`common_options`). KeyError: a target of a kind that has no transport.
    """
    own = {key: values[key] for key in ("seconds", "parallel", "rate") if values.get(key) is not None}
    wanted = replace(target, **own)
    return _KINDS[type(target)](reactor, name, replace(wanted, parallel=min(wanted.parallel, target.most or wanted.parallel)), values)
