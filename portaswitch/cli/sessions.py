"""`session list`, `show` and `disconnect`: who is using what now, which money is held for it, and the end of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict

from twisted.internet.task import deferLater

from portaswitch.administration import Administration, TaskLine
from portaswitch.cli.command import FAILED, OK, Commands, Context, natural, positive
from portaswitch.cli.output import Bar, Column

COLUMNS = (
    Column("key", "key", yields=3),
    Column("account", "account", yields=3),
    Column("service", "service"),
    Column("cli", "cli", yields=1),
    Column("cld", "cld", yields=2),
    Column("started", "started (UTC)"),
    Column("used", "used"),
    Column("granted", "granted"),
    Column("held", "held"),
    Column("expires", "expires (UTC)"),
)
QUOTAS = (
    Column("quota_key", "quota key"),
    Column("used", "used"),
    Column("granted", "granted"),
    Column("held", "held"),
    Column("expires", "expires (UTC)"),
)
TASKS = (
    Column("i_task", "task"),
    Column("kind", "kind"),
    Column("status", "status"),
    Column("attempts", "attempts"),
    Column("created", "created (UTC)"),
    Column("note", "answer", yields=3),
)
#: Seconds between two looks at what is waited for.
LOOK = 0.25


def add(commands: Commands) -> None:
    """Add the commands."""
    group = commands.group(
        "session",
        "look at sessions and their holds",
        "portaswitch session list\nportaswitch session show KEY\nportaswitch session disconnect KEY",
    )
    found = group.command(
        "list",
        "list the live sessions, the newest first",
        "portaswitch session list\nportaswitch session list --account 10086610975\n"
        "portaswitch session list --last 0 --json",
        list_sessions,
        rights=True,
    )
    found.add_argument(
        "--account", default="", metavar="ID", help="only of this account (or of the master of this alias)"
    )
    found.add_argument(
        "--last", type=natural, default=50, metavar="N", help="at most N, 0: all (default %(default)s)"
    )
    shown = group.command(
        "show",
        "show a session, live or of the last 7 days, with what its quota keys used, were granted and hold",
        "portaswitch session show '1/39AE126B CD4D11DB 958E0014 1C3F6886'\n"
        "portaswitch session show 39AE126B CD4D11DB 958E0014 1C3F6886",
        show_session,
        rights=True,
    )
    shown.add_argument(
        "key",
        nargs="+",
        metavar="KEY",
        help="its key, as `session list` shows it, or the session id alone; blanks need no quotes",
    )
    ended = group.command(
        "disconnect",
        "disconnect a live session: its node is asked to end it (RFC 5176), and what it answers is shown",
        "portaswitch session disconnect 0000A1B2\nportaswitch session disconnect --force '1/39AE126B CD4D11DB 958E0014 1C3F6886'",
        disconnect_session,
        rights=True,
    )
    ended.add_argument("key", nargs="+", metavar="KEY", help="as for `session show`")
    ended.add_argument("--wait", type=positive, default=60, metavar="SECONDS", help="how long to wait for the answer (default %(default)s)")
    ended.add_argument(
        "--force", action="store_true", help="close the session in the books alone, charged by what it reported so far; its node is told nothing"
    )


async def list_sessions(context: Context) -> int:
    """The table of sessions."""
    asked = context.arguments
    async with context.administration() as admin:
        found = await admin.sessions(asked.account, asked.last)
    context.out.rows(COLUMNS, found, "no live sessions")
    if asked.last and len(found) == asked.last:
        context.out.line(f"(the newest {asked.last}; --last 0 shows all)")
    return OK


async def show_session(context: Context) -> int:
    """A session and its quota keys."""
    async with context.administration() as admin:
        found, quotas = await admin.session(" ".join(context.arguments.key))
        tasks = await admin.session_tasks(found.key)
    context.out.document({**asdict(found), "quota_keys": quotas, "tasks": tasks})
    context.out.fields(asdict(found))
    context.out.line()
    context.out.table(QUOTAS, [asdict(quota) for quota in quotas])
    if tasks:
        context.out.line()
        context.out.table(TASKS, [asdict(task) for task in tasks])
    return OK


async def disconnect_session(context: Context) -> int:
    """Ask for the end of a session, and wait for what becomes of it."""
    async with context.administration() as admin:
        found, _ = await admin.session(" ".join(context.arguments.key))
        if context.arguments.force:
            return await _close(context, admin, found.key)
        number = await admin.disconnect(found.key)

        async def settled() -> bool:
            return (await admin.task(number)).status != "pending"

        await _until(context, settled, "waiting for the node")
        task = await admin.task(number)
    context.out.document({"session": found.key, **asdict(task)})
    context.out.line(_told(task, context.arguments.wait))
    return OK if task.status == "done" else FAILED


def _told(task: TaskLine, seconds: int) -> str:
    """The result of a disconnect in one line."""
    if task.status == "done":
        return f"OK: {task.note or 'the node confirmed it (Disconnect-ACK)'}"
    if task.status != "pending":
        return f"FAILED: {task.note or task.status}"
    if not task.attempts:
        return f"PENDING after {seconds} s: nobody has sent it; is the server running, with the role radius? It will, when it is"
    return f"PENDING after {seconds} s, attempt {task.attempts}: {task.note or 'no answer yet'}; the server goes on trying (see `portaswitch session show`)"


async def _close(context: Context, admin: Administration, key: str) -> int:
    """Close a session in the books alone: the sweeper of the running server does it, in its next pass."""
    await admin.expire(key)

    async def gone() -> bool:
        return not await admin.is_live(key)

    closed = await _until(context, gone, "waiting for the sweeper")
    context.out.document({"session": key, "status": "closed provisionally" if closed else "pending"})
    if closed:
        context.out.line("OK: closed in the books; usage that its node still reports within 7 days is charged")
        return OK
    context.out.line(f"PENDING after {context.arguments.wait} s: a running server with the role jobs closes it within 5 s, unless its node speaks for it again")
    return FAILED


async def _until(context: Context, over: Callable[[], Awaitable[bool]], what: str) -> bool:
    """Look until it is over or `--wait` seconds have passed; says whether it is."""
    reactor, wait = context.reactor, float(context.arguments.wait)
    bar, since = Bar(context.err), reactor.seconds()
    try:
        while not await over():
            passed = reactor.seconds() - since
            if passed >= wait:
                return False
            bar(int(passed * 10), int(wait * 10), what)
            await deferLater(reactor, LOOK)
    finally:
        bar.clear()
    return True
