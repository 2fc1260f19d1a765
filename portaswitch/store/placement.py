"""
Where the embedded PostgreSQL lies, which binaries it runs and as which user.

The rules come from three limits of the outside world.  PostgreSQL refuses to run as root, so a server started
by root gives the data to an ordinary user, who must be able to walk there: when he can't (a checkout in
/root, mode 0700) the database goes to a private folder under /var/lib and `state_dir/postgres.json` points to
it.  The path of a unix socket holds at most 107 octets (`sun_path` of unix(7) is 108 with its final zero), so
a deep state_dir gets its socket in a short private folder.  And a wheel that only root can read is copied
beside the data.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from portaswitch.errors import StartError

SOCKET_PATH_LIMIT = 107
"""Octets in the path of a unix socket, without the final zero."""

PORT = 5432
"""The port is only a part of the socket's name; nothing listens on TCP."""

ACCOUNTS = ("portaswitch", "nobody")
"""Ordinary users that run PostgreSQL for root, the first that exists."""

PRIVATE_PLACES = (Path("/var/lib"), Path("/var/tmp"))
"""
Where root keeps a database whose state_dir the ordinary user can't reach; both survive a reboot, /tmp may
not.
"""


class EmbeddedError(StartError):
    """The embedded PostgreSQL can't be started or reached; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """The ordinary user that PostgreSQL runs as when the server itself runs as root."""

    name: str
    uid: int
    gid: int

    def may_enter(self, folder: Path) -> bool:
        """Whether the permission bits (not the ACLs) of this one folder let the user walk through it."""
        facts = folder.stat()
        if facts.st_uid == self.uid:
            return bool(facts.st_mode & stat.S_IXUSR)
        if facts.st_gid in os.getgrouplist(self.name, self.gid):
            return bool(facts.st_mode & stat.S_IXGRP)
        return bool(facts.st_mode & stat.S_IXOTH)

    def obstacle(self, path: Path) -> Path | None:
        """
        The first folder on the way to `path`, itself included, that the user can't enter; None when the way
        is free.
        """
        resolved = path.resolve()
        return next(
            (folder for folder in (*reversed(resolved.parents), resolved) if not self.may_enter(folder)), None
        )


@dataclass(frozen=True, slots=True)
class Home:
    """
    The folders of one embedded PostgreSQL: `folder` holds the data (and copied binaries), `socket` the
    socket, both mode 0700.
    """

    state_dir: Path
    folder: Path
    socket: Path

    @property
    def data(self) -> Path:
        """PGDATA; it exists only when initdb has finished."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """
        What PostgreSQL writes to its standard error; opened by us, so that it stays in the state folder.
        """
        return self.state_dir / "postgres.log"


def pointer_of(state_dir: Path) -> Path:
    """The file that records where the database of a state folder lies (JSON: state_dir, folder, socket)."""
    return state_dir / "postgres.json"


def recorded(state_dir: Path) -> Home | None:
    """
    The home that the last start recorded, or None when there was none; an unreadable record is an
    EmbeddedError.
    """
    pointer = pointer_of(state_dir)
    try:
        facts = json.loads(pointer.read_text("utf-8"))
        return Home(Path(facts["state_dir"]), Path(facts["folder"]), Path(facts["socket"]))
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise EmbeddedError(
            f"cannot read {pointer}: {error.strerror}; run this as the user that runs the server"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise EmbeddedError(
            f"{pointer} is damaged ({error}); it should hold state_dir, folder (where the folder `data` lies)"
            f" and socket as JSON"
        ) from error


def account_for(data: Path | None = None) -> Account | None:
    """
    The user that PostgreSQL runs as: None (as ourselves) unless we are root; then the owner of existing data,
    else the first of ACCOUNTS.
    """
    if os.geteuid() != 0:
        return None
    if data is not None and data.exists() and (owner := data.stat().st_uid) != 0:
        entry = pwd.getpwuid(owner)
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedError(
        "PostgreSQL refuses to run as root and none of these users exists: "
        + ", ".join(ACCOUNTS)
        + "; make one (useradd --system portaswitch), or run the server as an ordinary user"
    )


def place(state_dir: Path, account: Account | None) -> Home:
    """
    Decide and make the folders of the database of `state_dir`, and record them.

    Raises EmbeddedError when a folder can't be made, was moved away, or can't be reached by the user that is
    to run PostgreSQL.
    """
    try:
        home = _known_home(state_dir) or Home(state_dir, _new_folder(state_dir, account), Path())
        _make(home.folder, None, 0o711 if account else 0o700)
        home = Home(state_dir, home.folder, _socket_folder(home, account))
        _check_way(home, account)
        _record(home)
    except OSError as error:
        raise EmbeddedError(
            f"cannot prepare {error.filename or state_dir}: {error.strerror}; state_dir must be a folder that"
            f" user"
            f" {pwd.getpwuid(os.geteuid()).pw_name} may write to, on a file system with free space"
        ) from error
    return home


def _known_home(state_dir: Path) -> Home | None:
    """The recorded home, after a check that it still is ours; a moved state_dir takes its database along."""
    home = recorded(state_dir)
    if home is None:
        return None
    pointer = pointer_of(state_dir)
    inside = home.folder == home.state_dir / "postgres"
    if home.state_dir != state_dir and inside:
        return (
            None
            if not (state_dir / "postgres").exists()
            else Home(state_dir, state_dir / "postgres", home.socket)
        )
    if home.state_dir != state_dir and pointer_of(home.state_dir).exists():
        raise EmbeddedError(
            f"{state_dir} is a copy of {home.state_dir}, whose database lies in {home.folder} and was not"
            f" copied: delete {pointer} to begin"
            f" with an empty database, or restore a dump into it"
        )
    if not home.folder.exists():
        raise EmbeddedError(
            f"{pointer} says that the database lies in {home.folder}, which is missing: restore it, or delete"
            f" {pointer} to begin with an"
            f" empty database"
        )
    return home


def _new_folder(state_dir: Path, account: Account | None) -> Path:
    """
    Where a new database goes: into the state folder, else (root only) into a private folder that the ordinary
    user can reach.
    """
    if account is None or account.obstacle(state_dir) is None:
        return state_dir / "postgres"
    digest = hashlib.sha256(os.fsencode(state_dir)).hexdigest()[:12]
    for place_ in PRIVATE_PLACES:
        if place_.is_dir() and os.access(place_, os.W_OK) and account.obstacle(place_) is None:
            return place_ / f"portaswitch-{digest}"
    raise EmbeddedError(
        f"PostgreSQL runs as user {account.name}, who can't enter {account.obstacle(state_dir)}: chmod o+x"
        f" that folder, or set state_dir to"
        f" a folder that he can reach, such as /var/lib/portaswitch"
    )


def _check_way(home: Home, account: Account | None) -> None:
    """
    An EmbeddedError when the ordinary user can't walk to the folders (their parents lost a permission since
    they were made).
    """
    for folder in (home.folder, home.socket):
        if account is not None and (obstacle := account.obstacle(folder)) is not None:
            raise EmbeddedError(
                f"PostgreSQL runs as user {account.name}, who can't enter {obstacle} on the way to {folder}:"
                f" chmod o+x {obstacle}"
            )


def _make(folder: Path, account: Account | None, mode: int) -> None:
    """Make a folder when it is missing, give it to `account`, and set its mode whatever the umask is."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
        folder.chmod(mode)
    if account is not None and folder.stat().st_uid != account.uid:
        os.chown(folder, account.uid, account.gid)


def socket_fits(folder: Path) -> bool:
    """Whether the path of the socket in this folder is short enough for the kernel."""
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_LIMIT


def _socket_folder(home: Home, account: Account | None) -> Path:
    """
    The folder of the socket, mode 0700: in the home, else the recorded short one, else a new short one under
    the temporary folder.
    """
    near = home.folder / "socket"
    if socket_fits(near):
        _make(near, account, 0o700)
        return near
    owner = os.geteuid() if account is None else account.uid
    if home.socket.is_absolute() and _is_private(home.socket, owner):
        return home.socket
    for base in (Path(tempfile.gettempdir()), Path("/tmp")):
        if socket_fits(base / "portaswitch-12345678") and (account is None or account.obstacle(base) is None):
            far = Path(tempfile.mkdtemp(prefix="portaswitch-", dir=base))
            _make(far, account, 0o700)
            return far
    raise EmbeddedError(
        f"the socket's path in {near} is longer than {SOCKET_PATH_LIMIT} octets: choose a shorter state_dir,"
        f" or set TMPDIR"
    )


def _is_private(folder: Path, owner: int) -> bool:
    """
    Whether a folder in a shared place is still the one we made: a real folder (no link) of the right owner
    that no one else enters.
    """
    try:
        facts = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == owner and stat.S_IMODE(facts.st_mode) == 0o700


def _record(home: Home) -> None:
    """Write the pointer in one step: a crash leaves the old one or the new one."""
    facts = {"state_dir": str(home.state_dir), "folder": str(home.folder), "socket": str(home.socket)}
    pointer = pointer_of(home.state_dir)
    fresh = pointer.with_suffix(".new")
    fresh.write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    fresh.replace(pointer)


def prepare_state_dir(state_dir: Path) -> Path:
    """
    Make the state folder when it is missing and give its resolved path.

    Made by root it gets mode 0711: the ordinary user that runs PostgreSQL walks through it, and can't list
    it.
    """
    try:
        if not state_dir.is_dir():
            state_dir.mkdir(parents=True)
            state_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
        return state_dir.resolve()
    except OSError as error:
        raise EmbeddedError(
            f"cannot make {state_dir}: {error.strerror}; make it (mkdir), give it to the user that runs the"
            f" server (chown), or set state_dir"
            f" to another folder"
        ) from error


def remove_leftovers(home: Home) -> None:
    """Delete data folders whose initdb never finished; they never held anything."""
    for folder in home.folder.glob("data.new.*"):
        shutil.rmtree(folder, ignore_errors=True)
