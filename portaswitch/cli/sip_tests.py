"""`sip-test register` and `sip-test message`: a phone of our own against a running server, shown request by request."""

from __future__ import annotations

import argparse
import os
from typing import Any

from twisted.internet.defer import Deferred

from portaswitch.administration.sip_trying import Account, Step, UserAgent, phone
from portaswitch.cli.command import FAILED, OK, Commands, Context, natural, port
from portaswitch.cli.text import printable
from portaswitch.errors import StartError

PASSWORD = "PORTASWITCH_PASSWORD"
"""The environment variable that may hold the password: a command line can be seen by every user of the machine."""


def add(commands: Commands) -> None:
    """Add the commands."""
    group = commands.group("sip-test", "try SIP out as a phone does", "portaswitch sip-test register --password demo-pass-106 --wait 60 16045550106")
    register = group.command(
        "register",
        "register an account as a phone does, and show the messages that come",
        f"portaswitch sip-test register --password demo-pass-106 --wait 60 16045550106\n"
        f"{PASSWORD}=demo-pass-106 portaswitch sip-test register --host 192.0.2.1 --domain sip.example.com 16045550106",
        register_phone,
    )
    _common(register)
    register.add_argument("--wait", type=natural, default=0, metavar="SECONDS", help="stay registered so long, and take messages (default %(default)s)")
    register.add_argument("--messages", type=natural, default=0, metavar="COUNT", help="end when so many messages came (default: not before --wait is over)")
    message = group.command(
        "message",
        "send a charged text as a phone does",
        'portaswitch sip-test message --password demo-pass-101 16045550101 16045550106 "hello world"',
        send_message,
    )
    _common(message)
    message.add_argument("number", metavar="NUMBER", help="who is to get it: a number in the domain, or user@domain")
    message.add_argument("text", metavar="TEXT", help="what it says")


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("account", metavar="ACCOUNT", help="id of the account whose phone it is")
    parser.add_argument("--password", help=f"its service password (default: the environment's {PASSWORD})")
    parser.add_argument("--host", default="", help="name or address of the server (default: the first udp listener of the configuration)")
    parser.add_argument("--port", type=port, metavar="PORT", help="its UDP port (default: that listener's, or 5060)")
    parser.add_argument("--domain", default="", help="SIP domain of the account (default: the first of sip.domains)")


async def register_phone(context: Context) -> int:
    """Register, wait for messages, and register no longer."""
    asked, out = context.arguments, context.out
    texts: list[tuple[str, str]] = []
    enough: Deferred[None] = Deferred()

    def arrived(sender: str, text: str) -> None:
        texts.append((sender, text))
        out.line(f"message from {printable(sender)}: {printable(text)}")
        if len(texts) == asked.messages:
            enough.callback(None)

    async def use(agent: UserAgent) -> Any:
        answer = await agent.register(max(asked.wait + 60, 60))
        if answer is not None and answer.status == 200 and asked.wait:
            out.line(f"registered; messages that come are shown for {asked.wait} s")
            await enough.addTimeout(asked.wait, context.reactor, lambda result, _: None)
        return answer if answer is None or answer.status != 200 else await agent.register(0)

    return await _used(context, use, arrived, texts)


async def send_message(context: Context) -> int:
    """Send the text."""
    asked = context.arguments

    async def use(agent: UserAgent) -> Any:
        return await agent.message(asked.number, asked.text)

    code = await _used(context, use, lambda sender, text: None, [])
    if code == OK:
        context.out.line(f"see it charged: portaswitch --config {asked.config} xdr list --account {asked.account} --last 1")
    return code


async def _used(context: Context, use: Any, arrived: Any, texts: list[tuple[str, str]]) -> int:
    """Have a phone do `use`, show its steps, and say how it went."""
    asked, out = context.arguments, context.out
    password = os.environ.get(PASSWORD, "") if asked.password is None else asked.password
    if not password:
        raise StartError(f"no password: give --password, or put it into the environment's {PASSWORD}")
    host, number = place(context)
    account = Account(asked.account, asked.domain or context.settings.sip.domains[0], password)
    steps: list[Step] = []

    def told(step: Step) -> None:
        steps.append(step)
        for line in lines(step, len(steps)):
            out.line(line)

    out.line(f"phone of {printable(asked.account)}@{account.domain}, server {host} port {number}")
    async with phone(context.reactor, account, host, number, told, arrived) as agent:
        answer = await use(agent)
    ok = answer is not None and 200 <= answer.status < 300
    verdict = "no answer: is the server running there, with role sip?" if answer is None else f"{'OK' if ok else 'REFUSED'}: {answer.status} {answer.reason}"
    out.line()
    out.line(printable(verdict))
    out.document({"verdict": verdict, "steps": steps, "messages": [{"from": sender, "text": text} for sender, text in texts]})
    return OK if ok else FAILED


def place(context: Context) -> tuple[str, int]:
    """Where the server is: what the arguments say, for the rest what the configuration says."""
    asked = context.arguments
    if asked.host and asked.port:
        return asked.host, asked.port
    udp = next((address for address in context.settings.sip.listen if address.transport == "udp"), None)
    interface = "127.0.0.1" if udp is None else udp.interface
    host = asked.host or {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(interface, interface)
    number = asked.port or (5060 if udp is None else udp.port)
    if not number:
        raise StartError("the configuration lets the system choose the port: give --port")
    return host, number


def lines(step: Step, number: int) -> list[str]:
    """A step for people: what was sent, and what came back."""
    said = ["", f"{number}. {printable(step.request)}", *(f"     {name}: {printable(value)}" for name, value in step.sent)]
    if not step.answer:
        return [*said, "  <- nothing"]
    return [*said, f"  <- {printable(step.answer)}", *(f"     {name}: {printable(value)}" for name, value in step.received)]
