"""
Targets: where a handler's requests go and how, as data. Names of options stand for values of the configuration file ("url", "password").
"""

from __future__ import annotations

from portaswitch.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Auth:
    """How HTTP requests prove who sends them."""


@dataclass(frozen=True, slots=True)
class Basic(Auth):
    """HTTP Basic with the values of two options."""

    user: str = "user"
    password: str = "password"


@dataclass(frozen=True, slots=True)
class Bearer(Auth):
    """A bearer token from an option."""

    token: str = "token"


@dataclass(frozen=True, slots=True)
class Header(Auth):
    """A header of the vendor's own with the value of an option; none where that is ''."""

    header: str
    option: str


@dataclass(frozen=True, slots=True)
class NamedHeader(Auth):
    """As `Header`, where the name of the header is an option too."""

    name: str = "header"
    option: str = "secret"


@dataclass(frozen=True, slots=True)
class Webhook(Auth):
    """
    What a receiver of webhooks may ask for, each by an option and '' for none: HTTP Basic, a header of its own ("X-Key: value"), and signatures by Standard
    Webhooks with each of several secrets. The request's header webhook-id is what is signed as its identity.
    """

    user: str = "user"
    password: str = "password"
    header: str = "header"
    secrets: str = "secrets"


@dataclass(frozen=True, slots=True)
class Target:
    """
    Common to all wires. `seconds`: how long an answer may take; `parallel`: requests at once; `rate`: requests a second (0: no cap). Each may be overridden by
    options of these names in the configuration of the instance. `most`: requests at once that the vendor allows, whatever the option says (0: any number); 1
    where a session belongs to its connection.
    """

    seconds: int = 30
    parallel: int = 1
    rate: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True)
class HttpTarget(Target):
    """
    HTTP and SOAP: the option with the base URL, and the log-in. `ca_file`: option with a file of certificates to trust, '' the system's. `private`: option
    that allows addresses of private networks; '' where the URL is the operator's own and may be anywhere.
    """

    url: str = "url"
    auth: Auth | None = None
    ca_file: str = ""
    private: str = ""


@dataclass(frozen=True, slots=True)
class Dialect:
    """
    A line protocol: what ends a command, what ends an answer (a regular expression on whole lines, or '' where an answer is one line), what opens and closes a
    session (commands with {option} in them), how the answer to a log-in that went well looks, and the answer to a command of a session that the vendor has
    ended although the connection stands (regular expressions, '' where there is none).
    """

    name: str
    end: str = "\r\n"
    answer_end: str = ""
    log_in: str = ""
    log_in_ok: str = ""
    log_out: str = ""
    logged_out: str = ""


MML = Dialect("mml", end=";\r\n", answer_end=r"---\s*END\s*")
#: Osmocom's CTRL interface: IPA framing, GET/SET with an id that the transport adds.
OSMO_CTRL = Dialect("osmo-ctrl")


@dataclass(frozen=True, slots=True)
class LineTarget(Target):
    """A text session on TCP: the option with HOST:PORT, and the dialect."""

    address: str = "address"
    dialect: Dialect = MML


@dataclass(frozen=True, slots=True)
class FileTarget(Target):
    """Batch files: the option with the folder, the pattern of names ({sequence}, {date}), the pattern of their acknowledgements ('': none are sent)."""

    directory: str = "directory"
    pattern: str = "{date}-{sequence}.csv"
    acknowledgement: str = ""


@dataclass(frozen=True, slots=True)
class SqlTarget(Target):
    """An outside PostgreSQL database: the option with its connection string."""

    database: str = "database"
