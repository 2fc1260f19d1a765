"""`check`, `init` and `load`: from a configuration file to a server that can be started."""

from __future__ import annotations

from portaswitch.administration import initialise, load_file
from portaswitch.administration.handlers import check_handlers
from portaswitch.administration.profiles import check_profiles
from portaswitch.cli.command import FAILED, OK, Commands, Context
from portaswitch.cli.output import Bar, Column
from portaswitch.config import Settings
from portaswitch.errors import ConfigError


def add(commands: Commands) -> None:
    """Add the commands."""
    commands.command(
        "check",
        "read the configuration and say everything that is wrong with it, or what the server would listen on",
        "portaswitch check\nportaswitch --config /etc/portaswitch/portaswitch.yaml check",
        check,
    )
    commands.command(
        "init",
        "make what the server needs: state folder, key file, database, schema; a second time changes nothing",
        "portaswitch init\nportaswitch --config /etc/portaswitch/portaswitch.yaml init",
        init,
    )
    load = commands.command(
        "load",
        "bring the database to what a catalogue file says: tariffs, products, nodes, customers, accounts ...",
        "portaswitch load config/demo.yaml\nportaswitch load catalogue.yaml --json",
        load_catalogue,
    )
    load.add_argument(
        "file",
        metavar="FILE",
        help="the catalogue, YAML (docs/catalogue.rst); loading it again changes nothing",
    )


async def check(context: Context) -> int:
    """All faults of the configuration, of the node profiles and of event handlers' options, or OK and the ports."""
    try:
        settings = context.settings
        check_profiles(settings)
        check_handlers(settings)
    except ConfigError as error:
        context.out.document({"ok": False, "faults": error.faults})
        if context.out.as_json:
            return FAILED
        raise
    ports = listeners(settings)
    database = "embedded" if settings.database.embedded else "connection string"
    context.out.document(
        {
            "ok": True,
            "faults": [],
            "roles": settings.roles,
            "state_dir": str(settings.state_dir),
            "database": database,
            "listen": ports,
        }
    )
    context.out.line(f"OK: {context.arguments.config} has no faults")
    context.out.line(
        f"database: {database}; state folder: {settings.state_dir}; roles: {', '.join(settings.roles)}"
    )
    context.out.line("the server would listen on:")
    for port in ports:
        context.out.line(f"  {port['role']} {port['key']}: {port['address']}")
    return OK


def listeners(settings: Settings) -> list[dict[str, str]]:
    """What the roles of this configuration listen on: role, key of the configuration, and address."""
    groups = {
        "radius": settings.radius.listeners(),
        "diameter": settings.diameter.listeners(),
        "sip": settings.sip.listeners(),
        "http": settings.http.listeners(),
    }
    return [
        {"role": role, "key": key, "address": str(address)}
        for role, group in groups.items()
        if role in settings.roles
        for key, addresses in group.items()
        for address in addresses
    ]


async def init(context: Context) -> int:
    """Each thing that is needed, and whether it was made now."""
    steps = await initialise(context.reactor, context.settings)
    context.out.document(steps)
    for step in steps:
        context.out.line(f"{step.done:9} {step.what}")
    return OK


async def load_catalogue(context: Context) -> int:
    """A table of what was created, changed and found the same, by section."""
    bar = Bar(context.err)
    async with context.administration() as admin:
        try:
            loaded = await load_file(admin.database, context.arguments.file, admin.actor, bar)
        finally:
            bar.clear()
    counts = [
        {"section": section.value, "created": count.created, "changed": count.changed, "same": count.same}
        for section, count in loaded.counts.items()
    ]
    kept = [{"section": kept.section.value, "name": kept.name, "asked": kept.asked} for kept in loaded.kept]
    context.out.document(
        {"file": context.arguments.file, "counts": counts, "opening_balances_not_applied": kept}
    )
    columns = [Column(name, name) for name in ("section", "created", "changed", "same")]
    context.out.table(columns, counts)
    for item in kept:
        context.out.line(
            f"note: the opening balance of {item['name']} stays: money of what exists is never touched"
        )
    return OK
