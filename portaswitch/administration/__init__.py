"""
What an administrator's command may do: the one door from the command line to the database and the wires.

    async with administration(reactor, settings) as admin:      # shares the database with a running server
        lines = await admin.xdrs(last=20)

Everything fails with an error of ours that says what to do. Nothing here prints.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, maybeDeferred
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.web.client import Agent, readBody

from portaswitch.administration.backups import back_up, restore
from portaswitch.administration.migration import Moved, migrate_folder, rehearse_folder
from portaswitch.administration.opening import REACH_SECONDS, acting, asked, desk, opened, operator
from portaswitch.administration.rates import TariffLine, tariffs
from portaswitch.config.catalogue import read_catalogue
from portaswitch.config.sections import Settings
from portaswitch.endpoints import radius_call
from portaswitch.endpoints.answer_templates import GROUP
from portaswitch.endpoints.radius_call import Call, Exchange, Verdict
from portaswitch.endpoints.radius_client import NasClient
from portaswitch.endpoints.templates import faults_of, row_faults
from portaswitch.errors import PortaSwitchError, StartError
from portaswitch.interfaces.loading import Progress
from portaswitch.model.actor import Actor, Privilege, Realm
from portaswitch.model.loading import CatalogueFile, Fault, Loaded, Section
from portaswitch.model.operation import NotPermitted, Operation, Row
from portaswitch.operations.load import load
from portaswitch.operations.records import PAGE
from portaswitch.operations.registry import OPERATIONS
from portaswitch.operations.stock import UPLOADS
from portaswitch.store import clients, listings, orphans, task_listings
from portaswitch.store.audit import Audit, Difference, Finding, audit
from portaswitch.store.clients import ClientLine
from portaswitch.store.database import KEY_FILE, Database
from portaswitch.store.embedded import attach
from portaswitch.store.listings import QuotaLine, SessionLine, XdrLine, XdrQuery
from portaswitch.store.loading import Loading
from portaswitch.store.orphans import OrphanLine
from portaswitch.store.placement import recorded
from portaswitch.store.task_listings import TaskLine
from portaswitch.wire.radius.dictionary import Dictionary

__all__ = [
    "OPERATIONS",
    "PAGE",
    "Administration",
    "Audit",
    "Call",
    "ClientLine",
    "Difference",
    "Exchange",
    "Finding",
    "Loaded",
    "Moved",
    "NotFound",
    "Operation",
    "OrphanLine",
    "QuotaLine",
    "SessionLine",
    "Step",
    "TaskLine",
    "UPLOADS",
    "Verdict",
    "XdrLine",
    "administration",
    "back_up",
    "initialise",
    "load_file",
    "make_call",
    "migrate_folder",
    "read_metrics",
    "rehearse_folder",
    "restore",
]

T = TypeVar("T")

WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Where a server that listens on every address is reached from its own machine."""


class NotFound(PortaSwitchError):
    """What a command names is not there; the text says where to look."""


@dataclass(frozen=True, slots=True)
class Step:
    """
    One thing that `init` saw to: what it is, and whether it was made now ('made', 'upgraded') or found as it
    should be ('found').
    """

    what: str
    done: str


class Administration:
    """An open database with typed questions. `i_env` is the environment that every look-up is in, `actor` who asks (None: the operator)."""

    def __init__(self, database: Database, i_env: int, actor: Actor | None = None) -> None:
        self.database, self.i_env = database, i_env
        self.actor = actor or operator(i_env)

    async def xdrs(
        self,
        account: str = "",
        session: str = "",
        storage: str = "a",
        failed: bool = False,
        last: int = 20,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[XdrLine]:
        """
        The newest xDRs that all conditions fit ('' and None: any). `storage`: letters of xdr.storage; `last`
        0: without a limit.
        """
        i_account = await self._number(account) if account else 0
        query = XdrQuery(self.actor, i_account, session, storage, failed, last, since, until)
        return await asked(listings.xdrs(self.database.pool, query, datetime.now(UTC)))

    async def xdr(self, number: int) -> dict[str, Any]:
        """All fields of one xDR."""
        found = await asked(listings.xdr(self.database.pool, self.actor, number))
        if found is None:
            raise NotFound(f"no xDR {number} in environment {self.i_env}: see `portaswitch xdr list`")
        return found

    async def sessions(self, account: str = "", limit: int = 0) -> list[SessionLine]:
        """The live sessions, of one account or of all, the newest first; `limit` 0: all."""
        i_account = await self._number(account) if account else 0
        return await asked(listings.sessions(self.database.pool, self.actor, i_account, limit))

    async def session(self, name: str) -> tuple[SessionLine, list[QuotaLine]]:
        """A session, live or closed in the last days, by its key or session id, with its quota keys."""
        found = await asked(listings.session(self.database.pool, self.actor, name))
        if found is None:
            raise NotFound(f"no session {name} in environment {self.i_env}: see `portaswitch session list`")
        return found

    async def session_tasks(self, key: str) -> list[TaskLine]:
        """What a session's node was to be told about it: its newest tasks, the newest first."""
        return await asked(task_listings.tasks_of(self.database.pool, self.i_env, key))

    async def task(self, i_task: int) -> TaskLine:
        """One session task."""
        found = await asked(task_listings.task(self.database.pool, self.i_env, i_task))
        if found is None:
            raise NotFound(f"task {i_task} is gone")
        return found

    async def disconnect(self, key: str) -> int:
        """
        Ask for the disconnect of a live session, which the running server then sends; gives the task's number.

        Errors: NotFound when the session is not live, StartError when its node can't be told, NotPermitted.
        """
        self._let("session.disconnect")
        await self.session(key)
        at = await asked(task_listings.reach(self.database.pool, self.i_env, key))
        if at is None:
            raise self._not_live(key)
        if at.kind is None:
            raise StartError(
                f"node {at.node} takes no Disconnect: give it a coa_address in the catalogue, or close the session in the books alone with --force"
            )
        return await asked(task_listings.want_disconnect(self.database.pool, self.actor, key, at, at.kind))

    async def expire(self, key: str) -> None:
        """
        Let a live session's expiry have passed: the sweeper of the running server ends it, provisionally, without a word to its node. That frees what it
        holds while its user goes on, so it is for administrators. Errors: NotFound, NotPermitted.
        """
        if self.actor.realm is not Realm.ADMIN:
            raise NotPermitted(["session.expire (--force): that is done by administrators"])
        self._let("session.expire")
        if not await asked(task_listings.expire(self.database.pool, self.actor, key)):
            raise self._not_live(key)

    async def is_live(self, key: str) -> bool:
        """True while the session is in the books as live."""
        return await asked(task_listings.reach(self.database.pool, self.i_env, key)) is not None

    async def clients(self) -> list[ClientLine]:
        """The RADIUS clients by address, with what was seen of their signatures."""
        return await asked(clients.clients(self.database.pool, self.i_env))

    async def orphans(self, limit: int) -> list[OrphanLine]:
        """Usage that waits for a decision, the newest first; `limit` 0: all."""
        return await asked(orphans.orphans(self.database.pool, self.i_env, limit))

    async def orphan(self, number: int) -> dict[str, Any]:
        """One such report whole."""
        found = await asked(orphans.orphan(self.database.pool, self.i_env, number))
        if found is None:
            raise NotFound(f"no report {number} in environment {self.i_env}: see `portaswitch orphan list`")
        return found

    async def operate(self, operation: str, values: Mapping[str, str | None], key: str = "") -> Row | list[Row]:
        """Do an operation as the actor (`IOperations.operate`)."""
        return await asked(desk(self.database).operate(self.actor, operation, values, key))

    async def reach(self, tariff: str) -> None:
        """Errors: OperationRefused when the actor does not see that tariff; for an administrator, who sees all, nothing is asked."""
        if self.actor.realm is not Realm.ADMIN:
            await self.operate("tariff.show", {"name": tariff})

    async def tariffs(self) -> list[TariffLine]:
        """The tariffs that the actor sees, by name. Errors: OperationRefused."""
        seen = await self.operate("tariff.list", {"limit": "0"}) if self.actor.realm is not Realm.ADMIN else None
        names = {row["name"] for row in seen} if isinstance(seen, list) else None
        return [line for line in await tariffs(self.database, self.i_env) if names is None or line.name in names]

    async def upload(self, entity: str, head: Sequence[str], rows: Sequence[Sequence[str]], progress: Progress) -> Row:
        """Add and remove many rows of an entity at once (`IOperations.upload`)."""
        return await asked(desk(self.database).upload(self.actor, entity, head, rows, progress))

    async def audit(self, told: Progress) -> Audit:
        """The laws of the books, asked of the whole database, all environments (`store.audit`); `told` what is done."""
        return await asked(audit(self.database.pool, told))

    async def _number(self, name: str) -> int:
        number = await asked(listings.account_number(self.database.pool, self.actor, name))
        if number is None:
            raise self._no_account(name)
        return number

    def _let(self, what: str) -> None:
        """Errors: NotPermitted for who may not end sessions: whoever looks after himself, and whose role does not serve subscribers."""
        if self.actor.in_self_care:
            raise NotPermitted([f"{what}: that is done by operators"])
        if not self.actor.may(Privilege.SERVICE):
            raise NotPermitted([f"{what}: you may not do that; it takes the privilege {Privilege.SERVICE}"])

    def _not_live(self, key: str) -> NotFound:
        return NotFound(f"session {key} is not live in environment {self.i_env}: see `portaswitch session list`")

    def _no_account(self, name: str) -> NotFound:
        return NotFound(f"no account {name} in environment {self.i_env}: see `portaswitch account list`")


# -- opening ---------------------------------------------------------------------------------------


@asynccontextmanager
async def administration(
    reactor: Any, settings: Settings, i_env: int | None = None, acts_as: str = ""
) -> AsyncIterator[Administration]:
    """
    The database for the time of one command; closed at the end whatever happens. The actor has the rights of the API user `acts_as` ('': all).

    An embedded one is shared with the server that runs on it, else started for that time. Errors: StartError,
    SchemaError, EmbeddedError.
    """
    dsn = settings.database.dsn
    database = Database(reactor, settings.state_dir, dsn, settings.limits.work_connections)
    try:
        await opened(reactor, dsn, database)
        number = settings.environment if i_env is None else i_env
        yield Administration(database, number, await acting(database, number, acts_as))
    finally:
        await database.close()


# -- init and load ---------------------------------------------------------------------------------

_MADE = """
select 'schema', count(*) from schema_files where applied_at > now() - make_interval(secs => %(secs)s)
union all
select case version when 0 then 'tables' else name end, version from schema_version
where applied_at > now() - make_interval(secs => %(secs)s)
"""


async def initialise(reactor: Any, settings: Settings) -> list[Step]:
    """
    Make what the server needs before its first start: state folder, key file, database, schema. Says of each
    what was done; a second time nothing is.
    """
    folder, key = settings.state_dir, settings.state_dir / KEY_FILE
    before = {folder: folder.is_dir(), key: key.is_file()}
    place, since = _database_step(settings), monotonic()
    async with administration(reactor, settings) as admin:
        rows = await asked(admin.database.pool.query(_MADE, {"secs": monotonic() - since}))
        ((version,),) = await asked(admin.database.pool.query("select max(version) from schema_version"))
    made: dict[str, int] = dict(rows)
    schema = "made" if "tables" in made else "upgraded" if len(made) > 1 or made["schema"] else "found"
    return [
        Step(f"state folder {folder}", "found" if before[folder] else "made"),
        Step(f"key file {key}", "found" if before[key] else "made"),
        place,
        Step(f"schema version {version}", schema),
    ]


def _database_step(settings: Settings) -> Step:
    if not settings.database.embedded:
        return Step("database of the connection string", "found")
    if attach(settings.state_dir) is not None:
        return Step("embedded PostgreSQL, which is running", "found")
    return Step("embedded PostgreSQL", "found" if recorded(settings.state_dir) is not None else "made")


async def load_file(database: Database, path: str, actor: Actor, progress: Progress) -> Loaded:
    """
    Bring the database to what the catalogue file at `path` says, for the actor's environment where the file
    names none.

    Errors: ConfigError with all faults of the file, LoadError; nothing was changed then.
    """
    progress(0, 1, "reading the file")
    file = read_catalogue(path, actor.i_env, told=lambda done, whole: progress(done, whole, "reading the file"))
    file = replace(file, faults=(*file.faults, *_template_faults(file)))
    return await load(file, Loading(database.pool, database.sealer, actor, Path(path).name), progress)


def _template_faults(file: CatalogueFile) -> Iterator[Fault]:
    """What is wrong with response templates: their attributes are a matter of the wire, of which the loader knows nothing."""
    dictionary = Dictionary.standard()
    for node in file.of(Section.NODES):
        for fault in faults_of(node.text("response_template") or "", dictionary):
            yield node.place.find("response_template").fault(f"{fault}")
    for policy in file.of(Section.ACCESS_POLICIES):
        for row in policy.parts("attributes"):
            if row.text("group") == GROUP:
                said = row.text("name") or "", row.text("operator") or "=", row.text("value") or ""
                for fault in row_faults(*said, dictionary):
                    yield row.place.fault(f"{fault}")


# -- the wires -------------------------------------------------------------------------------------


async def make_call(
    reactor: Any, host: str, ports: tuple[int, int], secret: str, call: Call, told: Callable[[Exchange], None]
) -> Verdict:
    """
    Make a call as a gateway would, at the authentication and the accounting port of a server; `told` gets
    each exchange.

    Errors: StartError when the name `host` means no address. That nobody answers is a verdict, not an error.
    """
    try:
        address = host if ":" in host else await reactor.resolve(host)
    except (DNSLookupError, OSError) as error:
        raise StartError(
            f"--host {host}: no such host ({error}); give a name or address that this machine can reach"
        ) from error
    clients = [NasClient(reactor, address, port, secret.encode()) for port in ports]
    opened = [reactor.listenUDP(0, client, interface="::" if ":" in address else "") for client in clients]
    try:
        return await radius_call.place(call, clients[0], clients[1], lambda: datetime.now(UTC), told)
    except ValueError as error:
        raise StartError(f"the request can't be made: {error}") from error
    finally:
        for port in opened:
            await maybeDeferred(port.stopListening)


async def read_metrics(reactor: Any, settings: Settings) -> str:
    """The page /metrics of the running server, in the Prometheus text format."""
    places = [address for address in settings.http.listen if address.transport == "tcp" and address.port]
    if not places:
        raise StartError(
            "http.listen has no tcp: address with a fixed port: add one for the metrics, on 127.0.0.1"
        )
    host = WILDCARDS.get(places[0].interface, places[0].interface)
    url = f"http://{f'[{host}]' if ':' in host else host}:{places[0].port}/metrics"
    try:
        response = await Agent(reactor, connectTimeout=REACH_SECONDS).request(b"GET", url.encode())
        body = await readBody(response)
    except (ConnectError, CancelledError) as error:
        if isinstance(error, CancelledError):
            raise
        raise StartError(
            f"{url} can't be reached ({error}): is the server running, with the role http?"
        ) from error
    if response.code != 200:
        raise StartError(f"{url} answered {response.code}: is it this server that listens there?")
    return str(body.decode())
