"""
The server's tables, as far as the bench knows them: what it sells and to whom, and the checks that
balances, holds and xDRs agree with each other and with what clients were told. The SQL files beside this
module, and `seal`, are all that depends on the server's store.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from bench.cluster import Cluster
from bench.load import Measured
from bench.probe import SECRET
from bench.process import run

HERE = Path(__file__).parent
CATALOGUE = HERE / "catalogue.sql"
ACCOUNTS = HERE / "subscribers.sql"
BOOKS = HERE / "books.sql"
BOOKED = HERE / "booked.sql"

PASSWORD = "pw1"
"""Of every account: sealed values can be copied in SQL, but not made."""

CALL_SECONDS = 183
"""What radgen's Stop reports."""

CALL_PRICE = Decimal("0.17")
"""
Of such a call by catalogue.sql: fee 0.01, the first 30 s at 0.06 a minute, then 26 steps of 6 s (156 s) at
0.05 a minute.
"""

PLANNED_PRICE = Decimal("0.01")
"""Of such a call of an account with plans: the fee. The wallet pays for the units."""

OPENING = 1_000_000
"""Opening balance of each debit account: no run comes near its end."""

CORPORATE = 10_000
"""Accounts of the one big customer."""


SEAL = (
    "import sys, pathlib; from portaswitch.store.secrets import Sealer; "
    "sealer = Sealer.load(pathlib.Path(sys.argv[1])); "
    "print(*(sealer.seal(text).hex() for text in sys.argv[2:]))"
)
"""
Run by the server's own Python: secrets in the database are sealed with a key outside of it, which SQL can't
do.
"""


def seal(python: Path, key_file: Path, *texts: str) -> list[str]:
    """The texts as the server seals them, in hexadecimal."""
    return run([python, "-c", SEAL, key_file, *texts], environment={"PYTHONPATH": str(HERE.parent)}).split()


def sell(cluster: Cluster, database: str, python: Path, key_file: Path) -> None:
    """
    The catalogue, the node and the templates of accounts, into a database that has the schema and
    nothing else.
    """
    secret, password = seal(python, key_file, SECRET, PASSWORD)
    cluster.query(database, CATALOGUE.read_text(), secret=secret, password=password)


def load(cluster: Cluster, database: str, accounts: int, corporate: int = CORPORATE) -> None:
    """Make the accounts; those that are there stay as they are."""
    cluster.query(database, ACCOUNTS.read_text(), accounts=accounts, corporate=corporate, opening=OPENING)


def wrong_books(cluster: Cluster, database: str) -> list[str]:
    """What is wrong within the database, by books.sql: one line each."""
    rows = (line.rpartition("|") for line in cluster.query(database, BOOKS.read_text()).splitlines())
    return [f"{count} {law}" for law, _, count in rows if count != "0"]


@dataclass(frozen=True)
class Booked:
    """
    What one run of the generator left in the database.

    `calls` were charged, `amount` in all, `mispriced` of them something else than a call costs;
    `vendor_rows` xDRs of vendors stand beside theirs. `open_sessions` are not over yet, `holding` of them
    hold funds.
    """

    calls: int
    amount: Decimal
    mispriced: int
    vendor_rows: int
    open_sessions: int
    holding: int


def booked(cluster: Cluster, database: str, number: int, price: Decimal = CALL_PRICE) -> Booked:
    """What the run with this number, the first word of its conf-ids, left (booked.sql)."""
    row = cluster.query(database, BOOKED.read_text(), run=f"{number:08X}", price=str(price)).split("|")
    return Booked(int(row[0]), Decimal(row[1]), *(int(word) for word in row[2:]))


def disagreements(told: Measured, booked: Booked, price: Decimal = CALL_PRICE) -> list[str]:
    """Where answers and database disagree: one line each, where a call costs `price`. Requests without an answer widen what may be."""
    wrong = []
    stops, doubtful = told.of("stop", "answered"), told.of("stop", "timed_out")
    if not stops <= booked.calls <= stops + doubtful:
        wrong.append(f"{stops} answered Stops ({doubtful} unanswered), but {booked.calls} charged calls")
    if booked.mispriced:
        wrong.append(f"{booked.mispriced} calls were not charged {price} in sum")
    if booked.amount != price * booked.calls and not booked.mispriced:
        wrong.append(f"{booked.calls} calls charged {booked.amount} in all")
    if told.mode == "authz":
        accepted, lost = told.answered - told.rejected, told.timed_out
        if not accepted <= booked.holding <= accepted + lost:
            asked = f"{accepted} accepted authorizations ({lost} unanswered)"
            wrong.append(f"{asked}, but {booked.holding} sessions hold funds")
    elif booked.open_sessions > told.timed_out:
        wrong.append(f"{booked.open_sessions} sessions are open although their calls are over")
    return wrong


def refused(told: Measured) -> list[str]:
    """Answers that no account of the bench should get: one line each."""
    wrong = [f"{told.rejected} requests were rejected"] if told.rejected else []
    if told.without_credit_time:
        wrong.append(f"{told.without_credit_time} authorizations were accepted without h323-credit-time")
    return wrong if told.answered else ["no request was answered"]
