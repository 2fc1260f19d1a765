"""`radius-test`: one prepaid call against a running server, shown packet by packet."""

from __future__ import annotations

import os

from portaswitch.administration import Call, Exchange, make_call
from portaswitch.cli.command import FAILED, OK, Commands, Context, natural, port
from portaswitch.cli.text import printable
from portaswitch.errors import StartError

SECRET = "PORTASWITCH_SECRET"
"""
The environment variable that may hold the secret: a command line can be seen by every user of the machine.
"""


def add(commands: Commands) -> None:
    """Add the command."""
    test = commands.command(
        "radius-test",
        "make a prepaid call over RADIUS as a gateway does: authentication, authorization, Stop of both legs",
        f"portaswitch radius-test --secret testing123 10086610975 01182623634515\n"
        f"{SECRET}=testing123 portaswitch radius-test --seconds 600 10086610975 01182623634515\n"
        f"portaswitch radius-test --host 192.0.2.1 --auth-port 1812 --acct-port 1813 10086610975 4420",
        radius_test,
    )
    test.add_argument("account", metavar="ACCOUNT", help="id of the account that calls (User-Name)")
    test.add_argument("number", metavar="NUMBER", help="number that it dials (Called-Station-Id)")
    test.add_argument(
        "--host",
        default="",
        help="name or address of the server (default: radius.interface of the configuration)",
    )
    test.add_argument(
        "--auth-port",
        type=port,
        metavar="PORT",
        help="UDP port of authentication (default: the configuration's)",
    )
    test.add_argument(
        "--acct-port", type=port, metavar="PORT", help="UDP port of accounting (default: the configuration's)"
    )
    test.add_argument(
        "--secret", help=f"what we share with the server as its client (default: the environment's {SECRET})"
    )
    test.add_argument(
        "--nas-ip", default="164.9.9.100", metavar="ADDRESS", help="NAS-IP-Address (default %(default)s)"
    )
    test.add_argument(
        "--password", default="", help="service password of the account (default: the empty one)"
    )
    test.add_argument(
        "--calling", default="6045550193", metavar="NUMBER", help="the caller's number (default %(default)s)"
    )
    test.add_argument(
        "--access-number",
        default="6045551600",
        metavar="NUMBER",
        help="number of the gateway (default %(default)s)",
    )
    test.add_argument("--seconds", type=natural, default=71, help="length of the call (default %(default)s)")


async def radius_test(context: Context) -> int:
    """Show each exchange as it comes, then the verdict."""
    asked, out = context.arguments, context.out
    secret = os.environ.get(SECRET, "") if asked.secret is None else asked.secret
    if not secret:
        raise StartError(f"no secret: give --secret, or put it into the environment's {SECRET}")
    host, ports = place(context)
    call = Call(
        asked.account,
        asked.number,
        asked.seconds,
        asked.calling,
        asked.password,
        asked.nas_ip,
        access_number=asked.access_number,
    )
    exchanges: list[Exchange] = []

    def told(exchange: Exchange) -> None:
        exchanges.append(exchange)
        for line in lines(exchange, len(exchanges)):
            out.line(line)

    out.line(
        f"calling {asked.number} as {asked.account}, server {host}, ports {ports[0]} and {ports[1]}"
    )
    verdict = await make_call(context.reactor, host, ports, secret, call, told)
    out.line()
    out.line(printable(verdict.text))
    if verdict.ok:
        out.line(
            f"see it charged: portaswitch --config {asked.config} xdr list --session '{verdict.session}'"
        )
    out.document({"verdict": verdict, "exchanges": exchanges})
    return OK if verdict.ok else FAILED


def place(context: Context) -> tuple[str, tuple[int, int]]:
    """Where the server is: what the arguments say, for the rest what the configuration says."""
    asked = context.arguments
    if asked.host and asked.auth_port and asked.acct_port:
        return asked.host, (asked.auth_port, asked.acct_port)
    radius = context.settings.radius
    wildcard = {"0.0.0.0": "127.0.0.1", "::": "::1"}
    host = asked.host or wildcard.get(radius.interface, radius.interface)
    ports = (asked.auth_port or radius.auth_port, asked.acct_port or radius.acct_port)
    if not all(ports):
        raise StartError(
            "the configuration lets the system choose the ports: give --auth-port and --acct-port"
        )
    return host, ports


def lines(exchange: Exchange, number: int) -> list[str]:
    """An exchange for people: what was sent, what came back and how long it took."""
    said = ["", f"{number}. {exchange.title}", f"  -> {exchange.code}"]
    said += [f"       {name} = {printable(value)}" for name, value in exchange.sent]
    if exchange.answer is None or exchange.seconds is None:
        return [*said, f"  <- nothing: {printable(exchange.fault)}"]
    repeated = "" if exchange.tries == 1 else f", sent {exchange.tries} times"
    signed = (
        ""
        if exchange.signed or exchange.code == "Accounting-Request"
        else ", NOT signed by a Message-Authenticator"
    )
    said.append(f"  <- {exchange.answer} after {exchange.seconds * 1000:.1f} ms{repeated}{signed}")
    return said + [f"       {name} = {printable(value)}" for name, value in exchange.received]
