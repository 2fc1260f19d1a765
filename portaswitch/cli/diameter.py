"""`diameter-test`: a data session, a call, a message or a USSD session over Diameter against a running server, shown message by message."""

from __future__ import annotations

from portaswitch.administration.diameter_tries import DiameterExchange, Peer, Play, Subscriber, play
from portaswitch.cli.command import FAILED, OK, Commands, Context, natural, port
from portaswitch.cli.text import printable
from portaswitch.errors import StartError

WILDCARD = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def add(commands: Commands) -> None:
    """Add the command."""
    test = commands.command(
        "diameter-test",
        "play a Diameter client: data, voice, sms or ussd, from the capabilities exchange to the end of the session",
        "portaswitch diameter-test data 380630000001\n"
        "portaswitch diameter-test voice 380630000001 380938508705\n"
        "portaswitch diameter-test sms 380630000001 380938508705 --host 192.0.2.1 --port 3868\n"
        "portaswitch diameter-test ussd 380630000001 120",
        diameter_test,
    )
    test.add_argument("play", metavar="PLAY", choices=[one.value for one in Play], help="data, voice, sms or ussd")
    test.add_argument("account", metavar="ACCOUNT", help="id of the account that pays (Subscription-Id, END_USER_E164)")
    test.add_argument("number", metavar="NUMBER", nargs="?", default="", help="number that is called or written to, or the short code of USSD (120)")
    test.add_argument("--host", default="", help="name or address of the server (default: the first of diameter.listen)")
    test.add_argument("--port", type=port, metavar="PORT", help="TCP port (default: the first of diameter.listen)")
    test.add_argument("--origin-host", default="bec-pgw.portaone.com", metavar="HOST", help="who we are: origin_host of a node (default %(default)s)")
    test.add_argument("--origin-realm", default="portaone.com", metavar="REALM", help="and its realm (default %(default)s)")
    test.add_argument("--destination-realm", default="", metavar="REALM", help="the server's realm (default: diameter.origin_realm)")
    test.add_argument("--rating-group", type=natural, default=100, metavar="N", help="rating group of data (default %(default)s)")


async def diameter_test(context: Context) -> int:
    """Show each exchange as it comes, then the verdict."""
    asked, out = context.arguments, context.out
    what = Play(asked.play)
    number = asked.number or ("120" if what is Play.USSD else "")
    if not number and what is not Play.DATA:
        raise StartError(f"{what.value} needs the NUMBER that is called or written to")
    host, tcp = place(context)
    peer = Peer(asked.origin_host, asked.origin_realm, asked.destination_realm or context.settings.diameter.origin_realm)
    exchanges: list[DiameterExchange] = []

    def told(exchange: DiameterExchange) -> None:
        exchanges.append(exchange)
        for line in lines(exchange, len(exchanges)):
            out.line(line)

    out.line(f"playing {what.value} of {asked.account} as {peer.host}, server {host} port {tcp}")
    verdict = await play(context.reactor, (host, tcp), peer, what, Subscriber(asked.account, number, asked.rating_group), told)
    out.line()
    out.line(printable(verdict.text))
    if verdict.ok:
        out.line(f"see it charged: portaswitch --config {asked.config} xdr list --session '{verdict.session}'")
    out.document({"verdict": verdict, "exchanges": exchanges})
    return OK if verdict.ok else FAILED


def place(context: Context) -> tuple[str, int]:
    """Where the server is: what the arguments say, for the rest what the configuration says."""
    asked = context.arguments
    if asked.host and asked.port:
        return asked.host, asked.port
    listens = [address for address in context.settings.diameter.listen if address.transport == "tcp"]
    if not listens:
        raise StartError("the configuration has no tcp: address in diameter.listen: give --host and --port")
    first = listens[0]
    tcp = asked.port or first.port
    if not tcp:
        raise StartError("the configuration lets the system choose the port: give --port")
    return asked.host or WILDCARD.get(first.interface, first.interface), tcp


def lines(exchange: DiameterExchange, number: int) -> list[str]:
    """An exchange for people: what was sent, what came back, how long it took, and what it means."""
    said = ["", f"{number}. {exchange.title}", f"  -> {exchange.code}"]
    said += [f"       {name} = {printable(value)}" for name, value in exchange.sent]
    said.append(f"  <- {exchange.answer} after {exchange.seconds * 1000:.1f} ms")
    said += [f"       {name} = {printable(value)}" for name, value in exchange.received]
    return said + [f"  => {printable(line)}" for line in exchange.understood]
