"""`evctl`: event handlers and provisioning events, as the guide's evctl.pl prints them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime

from portaswitch.administration.handlers import Evctl, query
from portaswitch.administration.vendor_usage import usage
from portaswitch.cli.command import OK, Commands, Context, moment_argument, natural, positive
from portaswitch.cli.output import Column

HANDLERS = (Column("id", "ID"), Column("handler", "Handler"), Column("enabled", "Enabled"), Column("description", "Description", yields=1))
EVENTS = (
    Column("i_event", "event"), Column("handler", "handler"), Column("type", "type"), Column("entity", "entity"), Column("status", "status"),
    Column("attempts", "attempts"), Column("at", "next try / end (UTC)", yields=2), Column("note", "note", yields=1),
)  # fmt: skip
STATS = (
    Column("handler", "handler"), Column("enabled", "enabled"), Column("waiting", "waiting"), Column("oldest_age", "oldest (s)"), Column("parked", "parked"),
    Column("state", "state", yields=1),
)  # fmt: skip
TYPES = (Column("event", "event"), Column("enabled", "enabled"), Column("handlers", "handlers", yields=1), Column("summary", "summary", yields=1))
STATUSES = ("pending", "parked", "done", "dropped", "superseded")


def add(commands: Commands) -> None:
    """Add the commands."""
    group = commands.group(
        "evctl", "control event handlers and provisioning events",
        "portaswitch evctl handler list\nportaswitch evctl handler sub calix\nportaswitch evctl stats",
    )  # fmt: skip
    _add_handlers(group)
    _add_events(group)
    text = "show for each handler how many events wait, since when the oldest, and how many are parked"
    group.command("stats", text, "portaswitch evctl stats\nportaswitch evctl stats --json", stats)


def _add_handlers(commands: Commands) -> None:
    group = commands.group("handler", "list, subscribe, enable and filter event handlers", "portaswitch evctl handler list enabled")
    text = "list event handlers, those that nobody has configured and broken files too"
    listed = group.command("list", text, "portaswitch evctl handler list\nportaswitch evctl handler list enabled", list_handlers)
    listed.add_argument("which", nargs="?", choices=("enabled",), help="enabled: those only")
    shown = group.command("show", "show a handler: its events, options, and what it is doing", "portaswitch evctl handler show calix", show_handler)
    shown.add_argument("name", metavar="HANDLER", help="its name or ID in the list")
    used = group.command(
        "usage", "ask a vendor what an account has used in the running month", "portaswitch evctl handler usage jasper 16045550101", show_usage,
    )  # fmt: skip
    used.add_argument("name", metavar="HANDLER", help="its name or ID in the list")
    used.add_argument("account", metavar="ACCOUNT", help="id of the account")
    words = {"sub": "subscribe a handler to events; none named: to all that it supports", "unsub": "let a handler get events no longer; none named: any"}
    for word, what in words.items():
        command = group.command(word, what, f"portaswitch evctl handler {word} calix\nportaswitch evctl handler {word} calix Account/Blocked", subscribe)
        command.add_argument("name", metavar="HANDLER", help="its name or ID in the list")
        command.add_argument("events", nargs="*", metavar="EVENT", help="names of the catalogue, in any case")
        command.set_defaults(on=word == "sub")
    for word, what in (("enable", "let a handler run, one that was stopped too"), ("disable", "let a handler run no longer; what waits for it is kept")):
        command = group.command(word, what, f"portaswitch evctl handler {word} calix", enable)
        command.add_argument("name", metavar="HANDLER", help="its name or ID in the list")
        command.set_defaults(on=word == "enable")
    filtered = group.command(
        "filter", "let ServiceAttributeDispatcher pass changes of mobile data only, or all",
        "portaswitch evctl handler filter ServiceAttributeDispatcher lte\nportaswitch evctl handler filter ServiceAttributeDispatcher none", filter_handler,
    )  # fmt: skip
    filtered.add_argument("name", metavar="HANDLER", help="ServiceAttributeDispatcher")
    filtered.add_argument("filter", choices=("lte", "none"), help="lte: policy name, PDP/PDN context and static address only; none: everything")


def _add_events(commands: Commands) -> None:
    group = commands.group("event", "look at provisioning events, try them again, switch them on and off", "portaswitch evctl event list --status parked")
    listed = group.command("list", "list events on their way, the oldest first, then past ones", "portaswitch evctl event list --status parked", list_events)
    listed.add_argument("--handler", default="", metavar="NAME", help="only of this handler")
    listed.add_argument("--status", default="", choices=STATUSES, help="only these")
    listed.add_argument("--entity", default="", metavar="KIND:N", help="only about this (account:17)")
    listed.add_argument("--type", default="", metavar="EVENT", help="only of this type")
    listed.add_argument("--last", type=natural, default=50, metavar="N", help="at most N of each, 0: all (default %(default)s)")
    shown = group.command("show", "show an event: its variables, and where it is on its way to each handler", "portaswitch evctl event show 4711", show_event)
    shown.add_argument("number", type=positive, metavar="NUMBER", help="its i_event")
    again = group.command(
        "retry", "try events again now, with fresh data: these, or all that are parked",
        "portaswitch evctl event retry 4711\nportaswitch evctl event retry --handler calix --since 2h", retry,
    )  # fmt: skip
    again.add_argument("numbers", type=positive, nargs="*", metavar="NUMBER", help="their i_event; none: all parked ones")
    again.add_argument("--handler", default="", metavar="NAME", help="only for this handler")
    past = group.command(
        "replay", "deliver past events to a handler again, under their old numbers",
        "portaswitch evctl event replay --handler crm --since 2026-01-31T10:00 --until 2026-01-31T12:00\n"
        "portaswitch evctl event replay --handler crm --account 10086610975", replay,
    )  # fmt: skip
    past.add_argument("numbers", type=positive, nargs="*", metavar="NUMBER", help="their i_event")
    past.add_argument("--handler", required=True, metavar="NAME", help="who gets them: what it was told, or what it subscribes to now")
    for command in (again, past):
        command.add_argument("--account", default="", metavar="ID", help="only of this account")
        command.add_argument("--entity", default="", metavar="KIND:N", help="only about this (customer:4, did:4420)")
        command.add_argument("--since", type=moment_argument, metavar="TIME", help="that happened from then on: a time (UTC), or 90s, 15m, 2h, 7d ago")
        command.add_argument("--until", type=moment_argument, metavar="TIME", help="that happened before")
    for word, what in (("enable", "let events be raised again"), ("disable", "raise these events no longer, whoever subscribes to them")):
        command = group.command(word, what, f"portaswitch evctl event {word} Account/BalanceChanged", switch)
        command.add_argument("events", nargs="+", metavar="EVENT", help="names of the catalogue, in any case")
        command.set_defaults(on=word == "enable")
    group.command("types", "list the catalogue of events, and who gets each", "portaswitch evctl event types", list_types)


@asynccontextmanager
async def opened(context: Context) -> AsyncIterator[Evctl]:
    """The database, for one command."""
    async with context.administration() as admin:
        yield Evctl(admin.database, context.settings, admin.actor)


async def list_handlers(context: Context) -> int:
    """The table of handlers, a filter right after the name."""
    async with opened(context) as evctl:
        found = await evctl.listing(context.arguments.which == "enabled")
    context.out.document(found)
    context.out.table(HANDLERS, [{**asdict(line), "enabled": "Yes" if line.enabled else "No"} for line in found])
    return OK


async def show_handler(context: Context) -> int:
    """One handler, a line a field."""
    async with opened(context) as evctl:
        row = await evctl.find(context.arguments.name)
        usual, extra = evctl.supported(row)
    told = {**asdict(row), "supported": usual, "also": extra}
    context.out.document(told)
    context.out.fields({name: ", ".join(value) if isinstance(value, tuple) else value for name, value in told.items()})
    return OK


async def show_usage(context: Context) -> int:
    """What the vendor tells at this moment, a line a fact."""
    asked = context.arguments
    async with context.administration() as admin:
        row = await Evctl(admin.database, context.settings, admin.actor).find(asked.name)
        told = await usage(context.reactor, admin.database, context.settings, row, asked.account)
    context.out.document(told)
    context.out.fields(told)
    return OK


async def subscribe(context: Context) -> int:
    """What the handler gets from now on, or no longer."""
    asked = context.arguments
    async with opened(context) as evctl:
        row = await evctl.find(asked.name)
        chosen = await evctl.subscribe(row, asked.events, asked.on)
    context.out.document({"handler": row.name, "subscribed" if asked.on else "unsubscribed": chosen})
    context.out.line(f"{row.name} is {'subscribed to' if asked.on else 'no longer subscribed to'} {_listed(chosen)}")
    if asked.on and not row.enabled:
        context.out.line(f"it is not enabled: portaswitch evctl handler enable {row.name}")
    return OK


async def enable(context: Context) -> int:
    """Enable or disable a handler."""
    asked = context.arguments
    async with opened(context) as evctl:
        row = await evctl.find(asked.name)
        await evctl.enable(row, asked.on)
    context.out.document({"handler": row.name, "enabled": asked.on})
    context.out.line(f"{row.name} is {'enabled' if asked.on else 'disabled'}")
    if asked.on and not row.events:
        context.out.line(f"it gets no events: portaswitch evctl handler sub {row.name}")
    return OK


async def filter_handler(context: Context) -> int:
    """Set the filter."""
    asked = context.arguments
    async with opened(context) as evctl:
        row = await evctl.find(asked.name)
        await evctl.filter(row, asked.filter)
    context.out.document({"handler": row.name, "filter": asked.filter})
    context.out.line(f"{row.name}: filter {asked.filter}")
    return OK


async def list_events(context: Context) -> int:
    """The table of events."""
    asked = context.arguments
    async with opened(context) as evctl:
        found = await evctl.events(query(evctl.i_env, asked.handler, asked.status, asked.entity, asked.type, asked.last))
    context.out.rows(EVENTS, found, "no events")
    return OK


async def show_event(context: Context) -> int:
    """One event."""
    async with opened(context) as evctl:
        variables, lines = await evctl.event(context.arguments.number)
    first = lines[0]
    told = {"i_event": first.i_event, "type": first.type, "entity": first.entity, "created": first.created}
    context.out.document({**told, "variables": variables, "handlers": lines})
    context.out.fields({**told, **variables})
    context.out.line()
    context.out.table([column for column in EVENTS if column.field not in ("i_event", "type", "entity")], [asdict(line) for line in lines])
    return OK


async def retry(context: Context) -> int:
    """Let events be tried again."""
    asked = context.arguments
    async with opened(context) as evctl:
        which = await evctl.which(asked.numbers, asked.account, asked.entity, asked.since, asked.until)
        count = await evctl.retry(which, (await evctl.find(asked.handler)).name if asked.handler else "")
    context.out.document({"tried_again": count})
    context.out.line(f"{count} {'is' if count == 1 else 'are'} tried again now" if count else "nothing is parked there")
    return OK


async def replay(context: Context) -> int:
    """Deliver past events again."""
    asked = context.arguments
    async with opened(context) as evctl:
        row = await evctl.find(asked.handler)
        count = await evctl.replay(row, await evctl.which(asked.numbers, asked.account, asked.entity, asked.since, asked.until))
    context.out.document({"handler": row.name, "replayed": count})
    context.out.line(f"{count} {'is' if count == 1 else 'are'} delivered to {row.name} again" if count else "the history has no such events for it")
    if count and not row.enabled:
        context.out.line(f"it is not enabled: portaswitch evctl handler enable {row.name}")
    return OK


async def switch(context: Context) -> int:
    """Switch event types on or off."""
    asked = context.arguments
    async with opened(context) as evctl:
        types = await evctl.switch(asked.events, asked.on)
    context.out.document({"events": types, "enabled": asked.on})
    context.out.line(f"{_listed(types)}: {'enabled' if asked.on else 'disabled: nothing raises them'}")
    return OK


async def list_types(context: Context) -> int:
    """The table of event types."""
    async with opened(context) as evctl:
        found = await evctl.types()
    context.out.document(found)
    context.out.table(TYPES, [{**one, "enabled": "Yes" if one["enabled"] else "No"} for one in found])
    return OK


async def stats(context: Context) -> int:
    """The table of what waits."""
    async with opened(context) as evctl:
        found = [line for line in await evctl.listing(False) if line.id is not None]
    now = datetime.now(UTC)
    told = [{**asdict(line), "oldest_age": None if line.oldest is None else int((now - line.oldest).total_seconds())} for line in found]
    context.out.document(told)
    context.out.table(STATS, [{**one, "enabled": "Yes" if one["enabled"] else "No"} for one in told])
    return OK


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} events" if len(names) > 3 else ", ".join(names) or "nothing"
